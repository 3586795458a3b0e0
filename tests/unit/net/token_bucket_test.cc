// SPDX-License-Identifier: Apache-2.0
#include "engine/net/token_bucket.h"

#include "gtest/gtest.h"

namespace sluice::net {
namespace {

constexpr Instant kStart{5 * kSecond};

TEST(TokenBucketTest, StartsFullAndFillsAtItsRate) {
  TokenBucket bucket(10, 3, kStart);
  EXPECT_EQ(bucket.Available(kStart), 3);
  for (int i = 0; i < 3; ++i) bucket.Take();
  EXPECT_EQ(bucket.Available(kStart), 0);
  EXPECT_EQ(bucket.When(1), kStart + 100 * kMillisecond);
  EXPECT_EQ(bucket.Available(kStart + 99 * kMillisecond), 0);
  EXPECT_EQ(bucket.Available(kStart + 100 * kMillisecond), 1);
  EXPECT_EQ(bucket.Available(kStart + 250 * kMillisecond), 2);
}

TEST(TokenBucketTest, HoldsNoMoreThanItsBurst) {
  TokenBucket bucket(1000, 5, kStart);
  const Instant later = kStart + 3600 * kSecond;
  EXPECT_EQ(bucket.Available(later), 5);
  for (int i = 0; i < 5; ++i) bucket.Take();
  EXPECT_EQ(bucket.Available(later), 0);
}

TEST(TokenBucketTest, DebtIsPaidBack) {
  TokenBucket bucket(10, 1, kStart);
  for (int i = 0; i < 4; ++i) bucket.Take();
  EXPECT_EQ(bucket.Available(kStart), -3);
  EXPECT_EQ(bucket.Available(kStart + 50 * kMillisecond), -3);
  EXPECT_EQ(bucket.Available(kStart + 300 * kMillisecond), 0);
  EXPECT_EQ(bucket.When(1), kStart + 400 * kMillisecond);
}

// Over any stretch of time no more than burst + rate x time is given out, whatever the pattern.
TEST(TokenBucketTest, GivesNoMoreThanBurstAndRate) {
  TokenBucket bucket(250, 40, kStart);
  int given = 0;
  for (int ms = 0; ms <= 2000; ms += 7) {
    while (bucket.Available(kStart + ms * kMillisecond) > 0) {
      bucket.Take();
      ++given;
    }
  }
  EXPECT_LE(given, 40 + 500);
  EXPECT_GE(given, 40 + 498);
}

TEST(TokenBucketTest, ExtremesDoNotOverflow) {
  TokenBucket slow(1, std::uint64_t{1} << 32, kStart);
  EXPECT_GT(slow.Available(kStart), 1000000000);
  TokenBucket fast(1000000000, 1, kStart);
  EXPECT_EQ(fast.Available(kStart + 3600 * kSecond), 1);
}

}  // namespace
}  // namespace sluice::net
