// SPDX-License-Identifier: Apache-2.0
#include "engine/base/prng.h"

#include <array>
#include <set>

#include "gtest/gtest.h"

namespace sluice {
namespace {

// The published sequence of SplitMix64 for seed 1234567 (Vigna's splitmix64.c): a failing seed
// found on one machine must fail on every other.
TEST(PrngTest, SequenceIsSplitMix64) {
  Prng prng(1234567);
  EXPECT_EQ(prng.Next(), 6457827717110365317u);
  EXPECT_EQ(prng.Next(), 3203168211198807973u);
  EXPECT_EQ(prng.Next(), 9817491932198370423u);
  EXPECT_EQ(prng.Next(), 4593380528125082431u);
  EXPECT_EQ(prng.Next(), 16408922859458223821u);
}

TEST(PrngTest, SameSeedSameSequenceOtherSeedOther) {
  Prng a(42);
  Prng b(42);
  Prng c(43);
  int equal = 0;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t value = a.Next();
    EXPECT_EQ(value, b.Next());
    equal += value == c.Next() ? 1 : 0;
  }
  EXPECT_EQ(equal, 0);
}

TEST(PrngTest, BelowStaysBelowAndReachesEverything) {
  Prng prng(1);
  std::array<int, 10> seen{};
  for (int i = 0; i < 10000; ++i) {
    const std::uint64_t value = prng.Below(10);
    ASSERT_LT(value, 10u);
    ++seen[value];
  }
  for (const int count : seen) EXPECT_NEAR(count, 1000, 200);
  EXPECT_EQ(prng.Below(1), 0u);
}

TEST(PrngTest, ChanceIsAShare) {
  Prng prng(2);
  int hits = 0;
  for (int i = 0; i < 10000; ++i) hits += prng.Chance(3, 10) ? 1 : 0;
  EXPECT_NEAR(hits, 3000, 300);
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(prng.Chance(7, 7));
    EXPECT_FALSE(prng.Chance(0, 7));
  }
}

TEST(PrngTest, DoesNotRepeatSoon) {
  Prng prng(0);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 10000; ++i) EXPECT_TRUE(seen.insert(prng.Next()).second);
}

}  // namespace
}  // namespace sluice
