// SPDX-License-Identifier: Apache-2.0
#include "engine/base/clock.h"

#include <limits>

#include "gtest/gtest.h"

namespace sluice {
namespace {

TEST(ClockTest, UnitsAreNanoseconds) {
  EXPECT_EQ(kMicrosecond, 1000);
  EXPECT_EQ(kMillisecond, 1000000);
  EXPECT_EQ(kSecond, 1000000000);
}

TEST(ClockTest, InstantsCompareAndSubtract) {
  constexpr Instant early{5};
  constexpr Instant late{8};
  static_assert(early < late && late > early && early <= early && late >= early && early != late);
  EXPECT_EQ(late - early, 3);
  EXPECT_EQ(early - late, -3);
  EXPECT_EQ(early + 3, late);
  EXPECT_EQ(late + -3, early);
}

// "Never plus a timeout" must not wrap to the distant past, or a wait without end becomes one that
// does not wait.
TEST(ClockTest, AdditionSaturatesAtNever) {
  constexpr Instant never = Instant::Never();
  EXPECT_EQ(never + 1, never);
  EXPECT_EQ(never + kSecond, never);
  EXPECT_EQ(never + std::numeric_limits<Nanos>::max(), never);
  EXPECT_EQ((Instant{never.ns - 1} + 1), never);
  EXPECT_EQ((Instant{never.ns - 1} + 2), never);
  EXPECT_EQ((Instant{-5} + std::numeric_limits<Nanos>::max()), (Instant{never.ns - 5}));
  EXPECT_LT(Instant{0} + kSecond, never);
}

TEST(ClockTest, NowIsMonotonic) {
  Instant last = Instant::Now();
  for (int i = 0; i < 10000; ++i) {
    const Instant now = Instant::Now();
    ASSERT_GE(now, last);
    last = now;
  }
  EXPECT_LT(last, Instant::Never());
}

}  // namespace
}  // namespace sluice
