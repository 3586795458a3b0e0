// SPDX-License-Identifier: Apache-2.0
#include "tools/sluice/pace.h"

#include <set>

#include "gtest/gtest.h"

namespace sluice::tool {
namespace {

TEST(PaceTest, StartsAreEvenlySpaced) {
  Pace pace(1000, Instant{5}, 0, 1);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(pace.Take(), Instant{5 + i * kMillisecond});
  EXPECT_EQ(pace.next(), Instant{5 + 100 * kMillisecond});
}

TEST(PaceTest, WorkersTakeTurns) {
  std::set<std::int64_t> all;
  for (std::uint64_t index = 0; index < 3; ++index) {
    Pace pace(3000, Instant{0}, index, 3);
    for (int i = 0; i < 1000; ++i) all.insert(pace.Take().ns);
  }
  EXPECT_EQ(all.size(), 3000u);
  EXPECT_EQ(*all.begin(), 0);
  EXPECT_EQ(*all.rbegin(), 2999 * kSecond / 3000);
}

TEST(PaceTest, NothingDriftsWhenARateDoesNotDivideTheSecond) {
  Pace pace(7, Instant{0}, 0, 1);
  for (int i = 0; i < 7 * 86400; ++i) pace.Take();
  EXPECT_EQ(pace.next(), Instant{86400 * kSecond});
}

TEST(PaceTest, AFastPaceForALongTimeDoesNotOverflow) {
  Pace pace(10000000, Instant{0}, 0, 1);
  EXPECT_EQ(pace.MissedBefore(Instant{86400 * kSecond}), 86400ull * 10000000);
}

TEST(PaceTest, CountsWhatWasNeverTaken) {
  Pace pace(10, Instant{kSecond}, 0, 1);
  EXPECT_EQ(pace.MissedBefore(Instant{0}), 0u);
  EXPECT_EQ(pace.MissedBefore(Instant{kSecond}), 0u);  // the first is due at that very moment
  EXPECT_EQ(pace.MissedBefore(Instant{kSecond + 1}), 1u);
  EXPECT_EQ(pace.MissedBefore(Instant{2 * kSecond}), 10u);
  pace.Take();
  pace.Take();
  EXPECT_EQ(pace.MissedBefore(Instant{2 * kSecond}), 8u);
  EXPECT_EQ(pace.MissedBefore(Instant{kSecond + 1}), 0u);
}

}  // namespace
}  // namespace sluice::tool
