// SPDX-License-Identifier: Apache-2.0
#include "engine/base/mpsc_ring.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/failed_check.h"

namespace sluice {
namespace {

TEST(MpscRingTest, FillsToItsCapacityAndRefusesOneMore) {
  MpscRing<int> ring(4);
  int value = -1;
  EXPECT_FALSE(ring.Pop(value));
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring.Push(int{i}));
  EXPECT_FALSE(ring.Push(99));
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(ring.Pop(value));
    EXPECT_EQ(value, i);
  }
  EXPECT_FALSE(ring.Pop(value));
}

// A refused value is untouched: the caller still owns what it could not give away (an accepted
// socket).
TEST(MpscRingTest, RefusedValueIsUntouched) {
  MpscRing<std::unique_ptr<int>> ring(2);
  EXPECT_TRUE(ring.Push(std::make_unique<int>(1)));
  EXPECT_TRUE(ring.Push(std::make_unique<int>(2)));
  auto third = std::make_unique<int>(3);
  EXPECT_FALSE(ring.Push(std::move(third)));
  ASSERT_NE(third, nullptr);
  EXPECT_EQ(*third, 3);
  std::unique_ptr<int> taken;
  EXPECT_TRUE(ring.Pop(taken));
  EXPECT_EQ(*taken, 1);
}

// Sequence numbers run on over many laps, with the ring at every level of fill.
TEST(MpscRingTest, ManyLaps) {
  MpscRing<int> ring(8);
  int pushed = 0;
  int popped = 0;
  int value = 0;
  for (int lap = 0; lap < 1000; ++lap) {
    for (int i = 0; i < lap % 9; ++i) {
      if (ring.Push(int{pushed})) ++pushed;
    }
    for (int i = 0; i < (lap * 7) % 9; ++i) {
      if (!ring.Pop(value)) continue;
      ASSERT_EQ(value, popped);
      ++popped;
    }
    ASSERT_LE(pushed - popped, 8);
  }
  EXPECT_GT(popped, 1000);
}

// Four producers against one consumer and a ring that is nearly always full: nothing lost, nothing
// twice, the order of each producer kept. Under TSan it also proves that a value is published with
// its cell.
TEST(MpscRingTest, ProducersKeepTheirOrderAndLoseNothing) {
  constexpr int kProducers = 4;
  constexpr int kEach = 20000;
  struct Value {
    int producer = 0;
    int number = 0;
    std::unique_ptr<int> payload;
  };
  MpscRing<Value> ring(16);
  std::vector<std::thread> producers;
  for (int p = 0; p < kProducers; ++p) {
    producers.emplace_back([&ring, p] {
      for (int i = 0; i < kEach; ++i) {
        Value value{p, i, std::make_unique<int>(p * kEach + i)};
        while (!ring.Push(std::move(value))) std::this_thread::yield();
      }
    });
  }
  int next[kProducers] = {};
  for (int taken = 0; taken < kProducers * kEach;) {
    Value value;
    if (!ring.Pop(value)) {
      std::this_thread::yield();
      continue;
    }
    EXPECT_EQ(value.number, next[value.producer]);
    EXPECT_EQ(*value.payload, value.producer * kEach + value.number);
    ++next[value.producer];
    ++taken;
  }
  for (std::thread& producer : producers) producer.join();
  Value value;
  EXPECT_FALSE(ring.Pop(value));
  for (const int count : next) EXPECT_EQ(count, kEach);
}

TEST(MpscRingDeathTest, CapacityIsAPowerOfTwo) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  SLUICE_EXPECT_FAILED_CHECK(MpscRing<int>(3), "mask_");
  SLUICE_EXPECT_FAILED_CHECK(MpscRing<int>(1), "capacity >= 2");
  SLUICE_EXPECT_FAILED_CHECK(MpscRing<int>(0), "capacity >= 2");
}

}  // namespace
}  // namespace sluice
