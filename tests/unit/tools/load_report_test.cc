// SPDX-License-Identifier: Apache-2.0
#include "tools/sluice/load_report.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace sluice::tool {
namespace {

using ::testing::HasSubstr;

LoadResult Sample() {
  LoadResult result;
  LoadStats& stats = result.totals.stats;
  stats.succeeded = 1000;
  stats.opened = 1001;
  stats.bytes_sent = stats.bytes_received = 64000;
  for (int i = 0; i < 1000; ++i) stats.latency.Record(1000000);
  result.totals.connect.Record(20000);
  stats.Count(LoadError::kReset, OsError{ErrorCode::kReset, 104});
  result.totals.finished = 10;
  result.seconds = 2;
  result.cpu_seconds = 0.5;
  return result;
}

LoadOptions Asked(LoadMode mode) {
  LoadOptions options;
  options.targets = {Address::Loopback(Family::kV4, 80)};
  options.mode = mode;
  return options;
}

nlohmann::json Document(const LoadOptions& options, const LoadResult& result) {
  return nlohmann::json::parse(LoadJson(options, result));
}

TEST(LoadReportTest, JsonIsOneDocumentWithUnits) {
  const nlohmann::json json = Document(Asked(LoadMode::kExchange), Sample());
  EXPECT_EQ(json["mode"], "exchange");
  EXPECT_EQ(json["target"], "127.0.0.1:80");
  EXPECT_EQ(json["connections_succeeded"], 1000);
  EXPECT_EQ(json["connections_failed"], 1);
  EXPECT_EQ(json["connections_per_second"], 500.0);
  EXPECT_EQ(json["rate_per_second"], 500.0);
  EXPECT_EQ(json["latency_microseconds"]["p50"], 1000.0);
  EXPECT_EQ(json["latency_microseconds"]["p999"], 1000.0);
  EXPECT_EQ(json["phases_microseconds"]["connect"]["max"], 20.0);
  EXPECT_EQ(json["errors"]["reset"], 1);
  EXPECT_EQ(json["errors"]["mismatch"], 0);
  EXPECT_EQ(json["errors"].size(), kLoadErrorKinds);
  EXPECT_EQ(json["thresholds_missed"], nlohmann::json::array());
}

TEST(LoadReportTest, TheLastLineOfAStreamIsTheDocument) {
  LoadOptions options = Asked(LoadMode::kExchange);
  options.json_stream = true;
  const std::string line = LoadJson(options, Sample());
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(line)["event"], "end");
  EXPECT_EQ(nlohmann::json::parse(line)["connections_succeeded"], 1000);
}

TEST(LoadReportTest, RequestsAreNotConnections) {
  const nlohmann::json json = Document(Asked(LoadMode::kRequests), Sample());
  EXPECT_EQ(json["requests_succeeded"], 1000);
  EXPECT_EQ(json["rate_unit"], "requests");
  EXPECT_EQ(json["rate_per_second"], 500.0);
  EXPECT_EQ(json["connections_succeeded"], 10);
}

TEST(LoadReportTest, TransfersAreMeasuredInBytes) {
  LoadResult result = Sample();
  result.totals.stats.bytes_received = 0;
  result.totals.stats.bytes_sent = 1000000000;
  result.totals.moved = 1000000001;
  result.totals.confirmed = 999999999;
  const nlohmann::json json = Document(Asked(LoadMode::kUpload), result);
  EXPECT_EQ(json["rate_per_second"], 500000000.0);
  EXPECT_EQ(json["gigabits_per_second"], 4.0);
  EXPECT_EQ(json["bytes_sent_in_all"], 1000000001);
  EXPECT_EQ(json["bytes_confirmed_in_all"], 999999999);
  EXPECT_FALSE(json.contains("latency_microseconds"));
}

TEST(LoadReportTest, HeldConnectionsHaveNoRate) {
  LoadResult result = Sample();
  result.totals.held = 77;
  const nlohmann::json json = Document(Asked(LoadMode::kIdle), result);
  EXPECT_EQ(json["connections_held"], 77);
  EXPECT_FALSE(json.contains("rate_per_second"));
  EXPECT_THAT(LoadText(Asked(LoadMode::kIdle), result), HasSubstr("77 connections held"));
}

TEST(LoadReportTest, AnOpenLoopSaysHowFarItFellBehind) {
  LoadOptions options = Asked(LoadMode::kExchange);
  options.rate = 600;
  LoadResult result = Sample();
  result.totals.late_starts = 5;
  result.totals.missed_starts = 200;
  result.totals.start_delay.Record(3000000);
  const nlohmann::json json = Document(options, result);
  EXPECT_EQ(json["rate_wanted_per_second"], 600);
  EXPECT_EQ(json["late_starts"], 5);
  EXPECT_EQ(json["missed_starts"], 200);
  EXPECT_EQ(json["start_delay_microseconds"]["max"], 3000.0);
  EXPECT_THAT(LoadText(options, result), HasSubstr("5 starts late, 200 never made"));
}

TEST(LoadReportTest, NothingTriedIsNoDivisionByZero) {
  const nlohmann::json json = Document(LoadOptions{}, LoadResult{});
  EXPECT_EQ(json["connections_per_second"], 0.0);
  EXPECT_EQ(json["rate_per_second"], 0.0);
  EXPECT_EQ(json["success_ratio"], 0.0);
}

TEST(LoadReportTest, TextNamesErrorsAndMissedThresholds) {
  LoadResult result = Sample();
  result.thresholds_missed = {"--min-rate: too slow"};
  EXPECT_THAT(LoadText(Asked(LoadMode::kExchange), result),
              HasSubstr("1 connection reset by peer"));
  EXPECT_THAT(LoadText(Asked(LoadMode::kExchange), result),
              HasSubstr("missed       --min-rate: too slow"));
  LoadResult good = Sample();
  good.totals.stats.errors.fill(0);
  EXPECT_THAT(LoadText(Asked(LoadMode::kExchange), good), HasSubstr("errors       none"));
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
  EXPECT_EQ(columns(LoadHeader()), columns(LoadSecondLine(0, LoadBoard::Second{}, LoadSoFar{})));
}

TEST(LoadReportTest, ASecondIsOneLineOfJson) {
  LoadBoard::Second what;
  what.live = 3;
  what.stats.succeeded = 2;
  what.stats.bytes_received = 128;
  LoadSoFar so_far;
  so_far.Add(what.stats);
  so_far.Add(what.stats);
  const std::string line = LoadSecondJson(6, what, so_far);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const nlohmann::json json = nlohmann::json::parse(line);
  EXPECT_EQ(json["event"], "second");
  EXPECT_EQ(json["time_seconds"], 7);
  EXPECT_EQ(json["connections"], 3);
  EXPECT_EQ(json["exchanges_per_second"], 2);
  EXPECT_EQ(json["exchanges_succeeded"], 4);
  EXPECT_EQ(json["bits_per_second"], 1024);
}

TEST(LoadStatsTest, ErrorsAreClassified) {
  const auto kind = [](LoadStage stage, ErrorCode code) {
    return ClassifyLoadError(stage, OsError{code, 1});
  };
  EXPECT_EQ(kind(LoadStage::kConnecting, ErrorCode::kRefused), LoadError::kConnectRefused);
  EXPECT_EQ(kind(LoadStage::kConnecting, ErrorCode::kTimedOut), LoadError::kConnectTimeout);
  EXPECT_EQ(kind(LoadStage::kExchanging, ErrorCode::kTimedOut), LoadError::kTimeout);
  EXPECT_EQ(kind(LoadStage::kExchanging, ErrorCode::kReset), LoadError::kReset);
  EXPECT_EQ(kind(LoadStage::kConnecting, ErrorCode::kAddressNotAvailable), LoadError::kNoLocalPort);
  EXPECT_EQ(kind(LoadStage::kExchanging, ErrorCode::kInvalid), LoadError::kOther);
}

TEST(LoadStatsTest, ATimeoutIsNamedByItsStage) {
  EXPECT_EQ(TimeoutError(LoadStage::kConnecting), LoadError::kConnectTimeout);
  EXPECT_EQ(TimeoutError(LoadStage::kExchanging), LoadError::kTimeout);
  EXPECT_EQ(TimeoutError(LoadStage::kClosing), LoadError::kNotClosed);
}

}  // namespace
}  // namespace sluice::tool
