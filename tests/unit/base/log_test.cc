// SPDX-License-Identifier: Apache-2.0
#include "engine/base/log.h"

#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace sluice {
namespace {

// Collects lines; puts the default back when it goes, because the sink is the process's.
class Capture {
 public:
  Capture() { SetLogSink(&Capture::Take, this); }
  ~Capture() {
    SetLogSink(nullptr, nullptr);
    SetLogLevel(LogLevel::kInfo);
  }
  std::vector<std::pair<LogLevel, std::string>> lines() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return lines_;
  }

 private:
  static void Take(void* user, LogLevel level, absl::string_view line) {
    auto* self = static_cast<Capture*>(user);
    const std::lock_guard<std::mutex> lock(self->mutex_);
    self->lines_.emplace_back(level, std::string(line));
  }
  std::mutex mutex_;
  std::vector<std::pair<LogLevel, std::string>> lines_;
};

TEST(LogTest, SinkGetsLevelAndLine) {
  Capture capture;
  Log(LogLevel::kWarning, "careful");
  const auto lines = capture.lines();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].first, LogLevel::kWarning);
  EXPECT_EQ(lines[0].second, "careful");
}

TEST(LogTest, LinesBelowTheLevelAreDropped) {
  Capture capture;
  EXPECT_FALSE(LogEnabled(LogLevel::kDebug)) << "the default is kInfo";
  EXPECT_TRUE(LogEnabled(LogLevel::kInfo));
  Log(LogLevel::kDebug, "a");
  Log(LogLevel::kInfo, "b");
  SetLogLevel(LogLevel::kError);
  Log(LogLevel::kWarning, "c");
  Log(LogLevel::kError, "d");
  SetLogLevel(LogLevel::kDebug);
  Log(LogLevel::kDebug, "e");
  std::string seen;
  for (const auto& line : capture.lines()) seen += line.second;
  EXPECT_EQ(seen, "bde");
}

TEST(LogTest, LevelsHaveNames) {
  EXPECT_STREQ(LogLevelName(LogLevel::kDebug), "debug");
  EXPECT_STREQ(LogLevelName(LogLevel::kInfo), "info");
  EXPECT_STREQ(LogLevelName(LogLevel::kWarning), "warning");
  EXPECT_STREQ(LogLevelName(LogLevel::kError), "error");
}

// Without a sink a line goes to stderr, with its level, as one line.
TEST(LogTest, DefaultSinkWritesToStderr) {
  testing::internal::CaptureStderr();
  Log(LogLevel::kError, "to the people");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "sluice error: to the people\n");
}

// Any thread may log, and any thread may change the level meanwhile (TSan is the judge).
TEST(LogTest, ThreadsMayLogTogether) {
  Capture capture;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int line = 0; line < 100; ++line) Log(LogLevel::kError, "line");
    });
  }
  for (int i = 0; i < 100; ++i) SetLogLevel(i % 2 == 0 ? LogLevel::kDebug : LogLevel::kError);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(capture.lines().size(), 400u);
}

}  // namespace
}  // namespace sluice
