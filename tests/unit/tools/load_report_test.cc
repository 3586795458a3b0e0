// SPDX-License-Identifier: Apache-2.0
#include "tools/sluice/load_report.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tools/sluice/payload.h"

namespace sluice::tool {
namespace {

using ::testing::HasSubstr;

LoadResult Sample() {
  LoadResult result;
  result.stats.succeeded = 1000;
  result.stats.bytes_sent = result.stats.bytes_received = 64000;
  for (int i = 0; i < 1000; ++i) result.stats.latency.Record(1000000);
  result.stats.Count(LoadError::kReset, OsError{ErrorCode::kReset, 104});
  result.seconds = 2;
  result.cpu_seconds = 0.5;
  return result;
}

TEST(LoadReportTest, JsonIsOneDocumentWithUnits) {
  LoadOptions options;
  options.target = Address::Loopback(Family::kV4, 80);
  const nlohmann::json json = nlohmann::json::parse(LoadJson(options, Sample()));
  EXPECT_EQ(json["target"], "127.0.0.1:80");
  EXPECT_EQ(json["connections_succeeded"], 1000);
  EXPECT_EQ(json["connections_failed"], 1);
  EXPECT_EQ(json["connections_per_second"], 500.0);
  EXPECT_EQ(json["latency_microseconds"]["p50"], 1000.0);
  EXPECT_EQ(json["errors"]["reset"], 1);
  EXPECT_EQ(json["errors"]["mismatch"], 0);
  EXPECT_EQ(json["errors"].size(), kLoadErrorKinds);
}

TEST(LoadReportTest, NothingTriedIsNoDivisionByZero) {
  const nlohmann::json json = nlohmann::json::parse(LoadJson(LoadOptions{}, LoadResult{}));
  EXPECT_EQ(json["connections_per_second"], 0.0);
  EXPECT_EQ(json["success_ratio"], 0.0);
}

TEST(LoadReportTest, TextNamesErrors) {
  EXPECT_THAT(LoadText(Sample()), HasSubstr("1 connection reset by peer"));
  LoadResult good = Sample();
  good.stats.errors.fill(0);
  EXPECT_THAT(LoadText(good), HasSubstr("errors       none"));
}

TEST(LoadReportTest, SecondLineHasAsManyColumnsAsTheHeader) {
  const auto columns = [](const std::string& line) {
    std::size_t count = 0;
    bool inside = false;
    for (const char c : line) {
      if (c != ' ' && c != '#' && !inside) ++count;
      inside = c != ' ' && c != '#';
    }
    return count;
  };
  EXPECT_EQ(columns(LoadHeader()), columns(LoadSecondLine(0, LoadBoard::Second{}, 0, 0)));
}

TEST(LoadStatsTest, ErrorsAreClassified) {
  const auto kind = [](LoadStage stage, ErrorCode code) { return ClassifyLoadError(stage, OsError{code, 1}); };
  EXPECT_EQ(kind(LoadStage::kConnecting, ErrorCode::kRefused), LoadError::kConnectRefused);
  EXPECT_EQ(kind(LoadStage::kConnecting, ErrorCode::kTimedOut), LoadError::kConnectTimeout);
  EXPECT_EQ(kind(LoadStage::kExchanging, ErrorCode::kTimedOut), LoadError::kTimeout);
  EXPECT_EQ(kind(LoadStage::kExchanging, ErrorCode::kReset), LoadError::kReset);
  EXPECT_EQ(kind(LoadStage::kConnecting, ErrorCode::kAddressNotAvailable), LoadError::kNoLocalPort);
  EXPECT_EQ(kind(LoadStage::kExchanging, ErrorCode::kInvalid), LoadError::kOther);
}

TEST(LoadPlanTest, ACountIsHandedOutExactly) {
  LoadOptions options;
  options.count = 3;
  LoadPlan plan(options, Instant{0});
  EXPECT_TRUE(plan.TakeStart(Instant{1}));
  EXPECT_TRUE(plan.TakeStart(Instant{1}));
  EXPECT_TRUE(plan.TakeStart(Instant{1}));
  EXPECT_FALSE(plan.TakeStart(Instant{1}));
}

TEST(LoadPlanTest, WarmUpIsNotMeasuredAndUsesNothingUp) {
  LoadOptions options;
  options.count = 1;
  options.warmup = kSecond;
  LoadPlan plan(options, Instant{0});
  EXPECT_TRUE(plan.TakeStart(Instant{1}));
  EXPECT_TRUE(plan.TakeStart(Instant{1}));
  EXPECT_FALSE(plan.Measures(Instant{1}, Instant{2 * kSecond}));
  EXPECT_TRUE(plan.Measures(Instant{kSecond}, Instant{2 * kSecond}));
}

TEST(LoadPlanTest, DurationEndsAndSoDoesAStop) {
  LoadOptions options;
  options.duration = kSecond;
  LoadPlan plan(options, Instant{0});
  EXPECT_TRUE(plan.TakeStart(Instant{kSecond - 1}));
  EXPECT_FALSE(plan.TakeStart(Instant{kSecond}));
  LoadPlan stopped(LoadOptions{}, Instant::Now());
  EXPECT_TRUE(stopped.TakeStart(Instant::Now()));
  stopped.RequestStop(1);
  EXPECT_FALSE(stopped.TakeStart(Instant::Now() + 1));
}

TEST(PayloadTest, IsVerifiedAcrossTheWrap) {
  const Payload payload(1);
  const std::uint64_t begin = Payload::kTableSize - 10;
  std::vector<unsigned char> stream;
  while (stream.size() < 50) {
    const auto run = payload.At(begin, stream.size(), 50 - stream.size());
    stream.insert(stream.end(), run.begin(), run.end());
  }
  EXPECT_EQ(stream.size(), 50u);
  EXPECT_TRUE(payload.Matches(begin, 0, stream));
  EXPECT_TRUE(payload.Matches(begin, 5, absl::MakeConstSpan(stream).subspan(5)));
  stream[30] ^= 1;
  EXPECT_FALSE(payload.Matches(begin, 0, stream));
  EXPECT_FALSE(payload.Matches(begin + 1, 0, absl::MakeConstSpan(stream).first(20)));
}

}  // namespace
}  // namespace sluice::tool
