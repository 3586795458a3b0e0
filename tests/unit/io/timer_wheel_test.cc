// SPDX-License-Identifier: Apache-2.0
#include "engine/io/timer_wheel.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "engine/base/prng.h"
#include "gtest/gtest.h"

namespace sluice::io {
namespace {

constexpr Instant kStart{5 * kSecond};
constexpr int kAll = 1 << 30;

struct Probe {
  Timer timer;
  int fired = 0;
  Probe() {
    timer.Bind(this, [](void* self) { ++static_cast<Probe*>(self)->fired; });
  }
};

TEST(TimerWheel, NothingRunsNothingIsNext) {
  TimerWheel wheel(kStart);
  EXPECT_EQ(wheel.Next(), Instant::Never());
  EXPECT_EQ(wheel.Advance(kStart + kSecond, kAll), 0);
}

TEST(TimerWheel, FiresOnceAndNeverEarly) {
  TimerWheel wheel(kStart);
  Probe probe;
  wheel.Start(probe.timer, kStart + 1500 * kMicrosecond);
  wheel.Advance(kStart + kMillisecond, kAll);
  EXPECT_EQ(probe.fired, 0);
  wheel.Advance(kStart + 2 * kMillisecond, kAll);
  EXPECT_EQ(probe.fired, 1);
  EXPECT_FALSE(probe.timer.running());
  wheel.Advance(kStart + kSecond, kAll);
  EXPECT_EQ(probe.fired, 1);
}

TEST(TimerWheel, DeadlineInThePastFiresInTheNextTurn) {
  TimerWheel wheel(kStart);
  Probe probe;
  wheel.Start(probe.timer, Instant{0});
  EXPECT_LE(wheel.Next(), kStart);
  EXPECT_EQ(wheel.Advance(kStart, kAll), 1);
}

TEST(TimerWheel, StopAndMove) {
  TimerWheel wheel(kStart);
  Probe stopped;
  Probe moved;
  wheel.Start(stopped.timer, kStart + 10 * kMillisecond);
  wheel.Start(moved.timer, kStart + 10 * kMillisecond);
  wheel.Stop(stopped.timer);
  wheel.Stop(stopped.timer);
  wheel.Start(moved.timer, kStart + 10 * kSecond);
  wheel.Advance(kStart + kSecond, kAll);
  EXPECT_EQ(stopped.fired, 0);
  EXPECT_EQ(moved.fired, 0);
  EXPECT_EQ(wheel.running(), 1u);
  wheel.Advance(kStart + 10 * kSecond, kAll);
  EXPECT_EQ(moved.fired, 1);
}

TEST(TimerWheel, BudgetLeavesTheRestForTheNextTurn) {
  TimerWheel wheel(kStart);
  std::vector<std::unique_ptr<Probe>> probes;
  for (int i = 0; i < 10; ++i) {
    probes.push_back(std::make_unique<Probe>());
    wheel.Start(probes.back()->timer, kStart + kMillisecond);
  }
  const Instant later = kStart + kSecond;
  EXPECT_EQ(wheel.Advance(later, 4), 4);
  EXPECT_LE(wheel.Next(), later);
  EXPECT_EQ(wheel.Advance(later, kAll), 6);
}

TEST(TimerWheel, HandlerMayStartItsOwnTimerWithoutStarvingTheTurn) {
  TimerWheel wheel(kStart);
  struct Again {
    Timer timer;
    TimerWheel* wheel;
    int fired = 0;
  } again;
  again.wheel = &wheel;
  again.timer.Bind(&again, [](void* self) {
    Again* a = static_cast<Again*>(self);
    ++a->fired;
    a->wheel->Start(a->timer, Instant{0});
  });
  wheel.Start(again.timer, kStart);
  EXPECT_EQ(wheel.Advance(kStart + kSecond, kAll), 1);
  EXPECT_EQ(wheel.Advance(kStart + kSecond, kAll), 1);
  wheel.Stop(again.timer);
}

// The model is a plain list of deadlines: each timer fires in the first turn at or after its
// deadline, and Next never promises a later moment than the first deadline.
TEST(TimerWheel, AgreesWithAListOverDaysOfRandomTurns) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    Prng prng(seed);
    TimerWheel wheel(kStart);
    std::vector<std::unique_ptr<Probe>> probes;
    Instant now = kStart;
    for (int step = 0; step < 300; ++step) {
      const Nanos span = kMillisecond << prng.Below(30);
      if (prng.Chance(2, 3)) {
        probes.push_back(std::make_unique<Probe>());
        wheel.Start(probes.back()->timer,
                    now + static_cast<Nanos>(prng.Below(static_cast<std::uint64_t>(span))));
      }
      Instant first = Instant::Never();
      for (const auto& probe : probes) {
        if (probe->timer.running())
          first =
              std::min(first, probe->timer.deadline(), [](Instant a, Instant b) { return a < b; });
      }
      // Rounding up to a tick is the only lateness allowed.
      if (first != Instant::Never()) {
        ASSERT_LE(wheel.Next(), first + kMillisecond);
      }
      now = prng.Chance(1, 2)
                ? now + static_cast<Nanos>(prng.Below(static_cast<std::uint64_t>(span)))
                : std::max(now, wheel.Next() == Instant::Never() ? now : wheel.Next(),
                           [](Instant a, Instant b) { return a < b; });
      wheel.Advance(now, kAll);
      for (const auto& probe : probes) {
        if (probe->fired == 0) {
          ASSERT_GT(probe->timer.deadline() + kMillisecond, now);
        } else {
          ASSERT_EQ(probe->fired, 1);
          ASSERT_LE(probe->timer.deadline(), now);
        }
      }
    }
    for (const auto& probe : probes) wheel.Stop(probe->timer);
    EXPECT_EQ(wheel.running(), 0u);
  }
}

}  // namespace
}  // namespace sluice::io
