// SPDX-License-Identifier: Apache-2.0
#include "engine/base/log.h"

#include <atomic>
#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"

namespace sluice {
namespace {

void WriteToStderr(void*, LogLevel level, absl::string_view line) {
  // One call for one line, so that lines of several threads do not mix.
  const std::string text = absl::StrCat("sluice ", LogLevelName(level), ": ", line, "\n");
  std::fwrite(text.data(), 1, text.size(), stderr);
}

LogSink g_sink = &WriteToStderr;
void* g_user = nullptr;
std::atomic<int> g_level{static_cast<int>(LogLevel::kInfo)};

}  // namespace

void SetLogSink(LogSink sink, void* user) {
  g_sink = sink != nullptr ? sink : &WriteToStderr;
  g_user = user;
}

void SetLogLevel(LogLevel level) {
  g_level.store(static_cast<int>(level), std::memory_order_relaxed);
}

bool LogEnabled(LogLevel level) {
  return static_cast<int>(level) >= g_level.load(std::memory_order_relaxed);
}

void Log(LogLevel level, absl::string_view line) {
  if (LogEnabled(level)) g_sink(g_user, level, line);
}

const char* LogLevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "?";
}

}  // namespace sluice
