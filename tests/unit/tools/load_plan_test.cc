// SPDX-License-Identifier: Apache-2.0
//
// What is begun, what is measured, and where the tally puts it.
#include "tools/sluice/load_plan.h"

#include "gtest/gtest.h"
#include "tools/sluice/load_tally.h"

namespace sluice::tool {
namespace {

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
  EXPECT_FALSE(plan.CountsForRate(Instant{1}, Instant{2 * kSecond}));
  EXPECT_TRUE(plan.CountsForRate(Instant{kSecond}, Instant{2 * kSecond}));
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

TEST(LoadPlanTest, AnOpenLoopCountsWhatEndsAndTimesWhatWasDue) {
  LoadOptions options;
  options.rate = 10;
  options.warmup = kSecond;
  options.duration = kSecond;
  const LoadPlan plan(options, Instant{0});
  const Instant warmup{kSecond - 1};
  const Instant measured{kSecond + 1};
  const Instant after{2 * kSecond + 1};
  EXPECT_TRUE(plan.CountsForRate(warmup, measured));
  EXPECT_FALSE(plan.CountsForLatency(warmup, measured));
  EXPECT_FALSE(plan.CountsForRate(measured, after));
  EXPECT_TRUE(plan.CountsForLatency(measured, after));
}

TEST(LoadPlanTest, AClosedLoopMeasuresWhatBeganAndEndedInTime) {
  LoadOptions options;
  options.warmup = kSecond;
  options.duration = kSecond;
  const LoadPlan plan(options, Instant{0});
  EXPECT_FALSE(plan.CountsForRate(Instant{1}, Instant{kSecond + 1}));
  EXPECT_FALSE(plan.CountsForLatency(Instant{1}, Instant{kSecond + 1}));
  EXPECT_TRUE(plan.CountsForRate(Instant{kSecond}, Instant{2 * kSecond}));
  EXPECT_FALSE(plan.CountsForLatency(Instant{kSecond}, Instant{2 * kSecond + 1}));
}

TEST(LoadPlanTest, ConnectionsAreHeldOnceEveryWorkerHasOpenedItsOwn) {
  LoadOptions options;
  options.mode = LoadMode::kIdle;
  options.threads = 2;
  options.duration = 3600 * kSecond;
  LoadPlan plan(options, Instant::Now());
  std::uint64_t held = 0;
  int calls = 0;
  plan.set_on_idle([&](std::uint64_t connections) {
    held = connections;
    ++calls;
  });
  plan.ReportHeld(5);
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(plan.end(), Instant::Never());
  plan.ReportHeld(7);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(held, 12u);
  EXPECT_GT(plan.end(), Instant::Now());
  EXPECT_LE(plan.end(), Instant::Now() + options.duration);
  plan.RequestStop(1);
  EXPECT_LE(plan.end(), Instant::Now());
}

TEST(LoadPlanTest, NothingHeldIsNotWaitedFor) {
  LoadOptions options;
  options.mode = LoadMode::kIdle;
  options.duration = 3600 * kSecond;
  LoadPlan plan(options, Instant::Now());
  plan.ReportHeld(0);
  EXPECT_LE(plan.end(), Instant::Now());
}

TEST(LoadTallyTest, LatencyCountsFromWhenAStartWasDue) {
  LoadOptions options;
  options.rate = 10;
  options.duration = kSecond;
  const LoadPlan plan(options, Instant{0});
  LoadTally tally(plan);
  const Instant due{100 * kMillisecond};
  const Instant asked{105 * kMillisecond};
  tally.Begun(due, asked);
  const ExchangeTimes times{due, asked, asked + kMillisecond, asked + 2 * kMillisecond};
  tally.Timed(times);
  tally.Counted(times, 64);
  const LoadTotals& total = tally.total();
  EXPECT_EQ(total.stats.latency.max(), static_cast<std::uint64_t>(7 * kMillisecond));
  EXPECT_EQ(total.first_byte.max(), static_cast<std::uint64_t>(kMillisecond));
  EXPECT_EQ(total.start_delay.max(), static_cast<std::uint64_t>(5 * kMillisecond));
  EXPECT_EQ(total.late_starts, 1u);
  EXPECT_EQ(total.stats.succeeded, 1u);
  EXPECT_EQ(total.stats.bytes_sent, 64u);
}

TEST(LoadTallyTest, AStartWithinAMillisecondIsNotLate) {
  LoadOptions options;
  options.rate = 10;
  const LoadPlan plan(options, Instant{0});
  LoadTally tally(plan);
  tally.Begun(Instant{0}, Instant{kMillisecond});
  EXPECT_EQ(tally.total().late_starts, 0u);
  tally.Begun(Instant{0}, Instant{kMillisecond + 1});
  EXPECT_EQ(tally.total().late_starts, 1u);
}

TEST(LoadTallyTest, WarmUpIsInTheSecondButNotInTheTotal) {
  LoadOptions options;
  options.warmup = kSecond;
  const LoadPlan plan(options, Instant{0});
  LoadTally tally(plan);
  const ExchangeTimes times{Instant{1}, Instant{1}, Instant{2}, Instant{3}};
  tally.Timed(times);
  tally.Counted(times, 64);
  tally.Moved(Instant{3}, 10, 0);
  EXPECT_EQ(tally.second().succeeded, 1u);
  EXPECT_EQ(tally.second().latency.count(), 1u);
  EXPECT_EQ(tally.second().bytes_sent, 74u);
  EXPECT_EQ(tally.total().stats.succeeded, 0u);
  EXPECT_EQ(tally.total().stats.late, 1u);
  EXPECT_EQ(tally.total().stats.latency.count(), 0u);
  EXPECT_EQ(tally.total().stats.bytes_sent, 0u);
  EXPECT_EQ(tally.total().moved, 10u);
}

TEST(LoadTallyTest, TotalsOfWorkersAddUp) {
  const LoadPlan plan(LoadOptions{}, Instant{0});
  LoadTally tally(plan);
  tally.Opened(Instant{1}, Instant{3});
  tally.Failed(LoadError::kTimeout, OsError{});
  tally.Confirmed(5);
  tally.Unconfirmed();
  tally.Held(2);
  tally.Missed(3);
  tally.Finished(Instant{4}, Instant{6});
  LoadTotals sum = tally.total();
  sum.Merge(tally.total());
  EXPECT_EQ(sum.stats.opened, 2u);
  EXPECT_EQ(sum.stats.error_count(), 2u);
  EXPECT_EQ(sum.confirmed, 10u);
  EXPECT_EQ(sum.unconfirmed_connections, 2u);
  EXPECT_EQ(sum.held, 4u);
  EXPECT_EQ(sum.missed_starts, 6u);
  EXPECT_EQ(sum.finished, 2u);
  EXPECT_EQ(sum.connect.count(), 2u);
  EXPECT_EQ(sum.close.max(), 2u);
}

}  // namespace
}  // namespace sluice::tool
