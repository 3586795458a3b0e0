// SPDX-License-Identifier: Apache-2.0
#include "engine/memory/pool.h"

#include <atomic>
#include <cstdlib>
#include <new>
#include <vector>

#include "engine/base/tsan.h"
#include "gtest/gtest.h"
#include "tests/failed_check.h"

namespace sluice::memory {
namespace {

// Blocks asked for, and whether they are given.
std::atomic<int> asked{0};
std::atomic<bool> refused{false};

}  // namespace
}  // namespace sluice::memory

#if SLUICE_TSAN == 0
// What pools allocate with.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++sluice::memory::asked;
  return sluice::memory::refused ? nullptr : ::operator new(size);
}
#endif

namespace sluice::memory {
namespace {

// For the tests that count blocks or refuse them.
class PoolMemoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (SLUICE_TSAN != 0) GTEST_SKIP() << "ThreadSanitizer needs the operator new of its own";
  }
};

struct Thing {
  Thing(int a, int b) : sum(a + b) { ++alive; }
  ~Thing() { --alive; }
  int sum;
  char room[60] = {};
  static int alive;
};
int Thing::alive = 0;

TEST(PoolTest, MakesAndFreesObjects) {
  Pool<Thing> pool;
  std::vector<Thing*> things;
  for (int i = 0; i < 1000; ++i) {
    things.push_back(pool.Make(i, 1));
    ASSERT_NE(things.back(), nullptr);
  }
  EXPECT_EQ(pool.live(), 1000u);
  EXPECT_EQ(Thing::alive, 1000);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(things[static_cast<std::size_t>(i)]->sum, i + 1);
  for (Thing* thing : things) pool.Free(thing);
  EXPECT_EQ(pool.live(), 0u);
  EXPECT_EQ(Thing::alive, 0);
}

TEST(PoolTest, WhatWasFreedLastIsMadeFirst) {
  Pool<Thing> pool;
  Thing* a = pool.Make(1, 1);
  Thing* b = pool.Make(1, 1);
  pool.Free(a);
  pool.Free(b);
  EXPECT_EQ(pool.Make(1, 1), b);
  EXPECT_EQ(pool.Make(1, 1), a);
  pool.Free(a);
  pool.Free(b);
}

TEST_F(PoolMemoryTest, AWarmPoolAllocatesNothing) {
  Pool<Thing> pool;
  std::vector<Thing*> things(500);
  for (Thing*& thing : things) thing = pool.Make(1, 1);
  const int warm = asked;
  for (int round = 0; round < 3; ++round) {
    for (Thing* thing : things) pool.Free(thing);
    for (Thing*& thing : things) thing = pool.Make(1, 1);
  }
  EXPECT_EQ(asked, warm);
  for (Thing* thing : things) pool.Free(thing);
}

TEST_F(PoolMemoryTest, WithoutMemoryItRefusesAndGoesOnLater) {
  Pool<Thing> pool;
  std::vector<Thing*> things{pool.Make(1, 1)};
  refused = true;
  while (Thing* thing = pool.Make(1, 1)) things.push_back(thing);
  EXPECT_EQ(pool.live(), things.size());
  // One that came back can be made again.
  pool.Free(things.back());
  things.back() = pool.Make(1, 1);
  EXPECT_NE(things.back(), nullptr);
  refused = false;
  things.push_back(pool.Make(1, 1));
  EXPECT_NE(things.back(), nullptr);
  for (Thing* thing : things) pool.Free(thing);
}

TEST_F(PoolMemoryTest, ReservedObjectsAreNeverRefused) {
  Pool<Thing> pool(100);
  refused = true;
  std::vector<Thing*> things;
  while (Thing* thing = pool.Make(1, 1)) things.push_back(thing);
  refused = false;
  EXPECT_EQ(things.size(), 100u);
  for (Thing* thing : things) pool.Free(thing);
}

// Not counted, as this one stays.
struct Stays {};

TEST(PoolDeathTest, RefusesToDieWithALiveObject) {
  SLUICE_EXPECT_FAILED_CHECK(
      {
        Pool<Stays> pool;
        pool.Make();
      },
      "live_ == 0");
}

}  // namespace
}  // namespace sluice::memory
