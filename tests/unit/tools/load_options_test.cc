// SPDX-License-Identifier: Apache-2.0
//
// Which options fit together, and which limits a run missed.
#include "tools/sluice/load_options.h"

#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/sluice/load_thresholds.h"

namespace sluice::tool {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

LoadOptions Fitting(LoadMode mode) {
  LoadOptions options;
  options.targets = {Address::Loopback(Family::kV4, 80)};
  options.mode = mode;
  return options;
}

std::string Changed(LoadMode mode, const std::function<void(LoadOptions&)>& change) {
  LoadOptions options = Fitting(mode);
  change(options);
  return LoadConflict(options);
}

TEST(LoadConflictTest, EachModeIsFineByItself) {
  for (const LoadMode mode : {LoadMode::kExchange, LoadMode::kRequests, LoadMode::kUpload,
                              LoadMode::kDownload, LoadMode::kIdle}) {
    EXPECT_EQ(LoadConflict(Fitting(mode)), "");
  }
}

TEST(LoadConflictTest, FlagsThatAModeWouldIgnoreAreRefusedByName) {
  const auto refused = [](LoadMode mode, const char* flag,
                          const std::function<void(LoadOptions&)>& change) {
    EXPECT_THAT(Changed(mode, change), StartsWith(flag))
        << kLoadModeNames[static_cast<std::size_t>(mode)];
  };
  for (const LoadMode mode : {LoadMode::kUpload, LoadMode::kDownload}) {
    refused(mode, "--rate: ", [](LoadOptions& o) { o.rate = 1; });
    refused(mode, "--bytes: ", [](LoadOptions& o) { o.bytes_given = true; });
    refused(mode, "--close peer: ", [](LoadOptions& o) { o.close = LoadClose::kPeer; });
    refused(mode, "--max-p50", [](LoadOptions& o) { o.thresholds.p99_max = 1; });
    refused(mode, "--hdr: ", [](LoadOptions& o) { o.hdr = "file"; });
  }
  for (const LoadMode mode : {LoadMode::kUpload, LoadMode::kDownload, LoadMode::kIdle}) {
    refused(mode, "--count: ", [](LoadOptions& o) { o.count = 1; });
    refused(mode, "--requests: ", [](LoadOptions& o) { o.requests = 1; });
  }
  refused(LoadMode::kExchange, "--requests: ", [](LoadOptions& o) { o.requests = 1; });
  refused(LoadMode::kIdle, "--warmup: ", [](LoadOptions& o) { o.warmup = 1; });
  refused(LoadMode::kIdle, "--min-rate: ", [](LoadOptions& o) { o.thresholds.rate_min = 1; });
}

TEST(LoadConflictTest, APeerThatClosesMustKnowWhen) {
  EXPECT_THAT(Changed(LoadMode::kRequests, [](LoadOptions& o) { o.close = LoadClose::kPeer; }),
              StartsWith("--close peer: "));
  EXPECT_EQ(Changed(LoadMode::kRequests,
                    [](LoadOptions& o) {
                      o.close = LoadClose::kPeer;
                      o.requests = 3;
                    }),
            "");
}

TEST(LoadConflictTest, AllAddressesAreOfOneFamily) {
  const Address v6 = Address::Loopback(Family::kV6, 80);
  EXPECT_THAT(Changed(LoadMode::kExchange, [&](LoadOptions& o) { o.targets.push_back(v6); }),
              StartsWith("--connect: [::1]:80"));
  EXPECT_THAT(Changed(LoadMode::kExchange, [&](LoadOptions& o) { o.sources = {v6}; }),
              StartsWith("--source: "));
}

TEST(LoadConflictTest, TwoWordsForOneThingAreRefused) {
  EXPECT_THAT(Changed(LoadMode::kExchange, [](LoadOptions& o) { o.json = o.json_stream = true; }),
              StartsWith("--json-stream: "));
  EXPECT_THAT(Changed(LoadMode::kExchange,
                      [](LoadOptions& o) {
                        o.allow_errors = true;
                        o.thresholds.errors_max = 0;
                      }),
              StartsWith("--max-errors: "));
  EXPECT_THAT(Changed(LoadMode::kExchange, [](LoadOptions& o) { o.threads = 65; }),
              StartsWith("--threads: 65"));
}

LoadResult SampleRun() {
  LoadResult result;
  result.seconds = 2;
  LoadStats& stats = result.totals.stats;
  stats.succeeded = 1000;
  for (int i = 0; i < 995; ++i) stats.latency.Record(static_cast<std::uint64_t>(kMillisecond));
  for (int i = 0; i < 5; ++i) stats.latency.Record(static_cast<std::uint64_t>(8 * kMillisecond));
  stats.Count(LoadError::kReset, OsError{});
  stats.Count(LoadError::kTimeout, OsError{});
  return result;
}

TEST(LoadThresholdsTest, NoneIsMissedWhenNoneIsAskedForOrAllAreMet) {
  LoadOptions options = Fitting(LoadMode::kExchange);
  EXPECT_THAT(MissedThresholds(options, SampleRun()), IsEmpty());
  options.thresholds.rate_min = 500;
  // A percentile is the upper end of its bucket.
  options.thresholds.p50_max = kMillisecond + kMillisecond / 1000;
  options.thresholds.p99_max = kMillisecond + kMillisecond / 1000;
  options.thresholds.p999_max = 8 * kMillisecond;
  options.thresholds.errors_max = 2;
  EXPECT_THAT(MissedThresholds(options, SampleRun()), IsEmpty());
}

TEST(LoadThresholdsTest, EachIsNamedWithWhatWasSeen) {
  LoadOptions options = Fitting(LoadMode::kExchange);
  options.thresholds.rate_min = 501;
  options.thresholds.p50_max = kMillisecond / 2;
  options.thresholds.p99_max = kMillisecond - 1;
  options.thresholds.p999_max = 7 * kMillisecond;
  options.thresholds.errors_max = 1;
  EXPECT_THAT(MissedThresholds(options, SampleRun()),
              ElementsAre("--min-rate: 500.0 connections a second, wanted at least 501",
                          StartsWith("--max-p50: 1.000 ms, wanted at most "),
                          StartsWith("--max-p99: 1.000 ms, wanted at most "),
                          StartsWith("--max-p999: 8.000 ms, wanted at most 7ms"),
                          "--max-errors: 2 errors, wanted at most 1"));
}

TEST(LoadThresholdsTest, NoErrorsMayBeAsked) {
  LoadOptions options = Fitting(LoadMode::kExchange);
  options.thresholds.errors_max = 0;
  EXPECT_THAT(MissedThresholds(options, SampleRun()),
              ElementsAre(StartsWith("--max-errors: 2 errors")));
}

TEST(LoadThresholdsTest, ALatencyThatNobodyMeasuredIsMissed) {
  LoadOptions options = Fitting(LoadMode::kExchange);
  options.thresholds.p99_max = kSecond;
  EXPECT_THAT(MissedThresholds(options, LoadResult{}),
              ElementsAre(StartsWith("--max-p99: nothing was measured")));
}

}  // namespace
}  // namespace sluice::tool
