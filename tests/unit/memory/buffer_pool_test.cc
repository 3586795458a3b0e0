// SPDX-License-Identifier: Apache-2.0
#include "engine/memory/buffer_pool.h"

#include <cstring>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/failed_check.h"

namespace sluice::memory {
namespace {

TEST(BufferPoolTest, SizesArePowersOfTwoFrom512To64K) {
  struct Case {
    std::uint32_t asked;
    std::uint32_t given;
  };
  const Case kCases[] = {{0, 512},     {1, 512},       {512, 512},     {513, 1024},   {1024, 1024},
                         {1025, 2048}, {40000, 65536}, {65535, 65536}, {65536, 65536}};
  BufferPool pool;
  for (const Case& c : kCases) {
    const Buffer buffer = pool.Take(c.asked);
    ASSERT_TRUE(buffer) << c.asked;
    EXPECT_EQ(buffer.capacity(), c.given);
    EXPECT_EQ(buffer.size(), 0u);
    // All of it is ours (ASan is the judge).
    std::memset(buffer.data(), 0xAB, buffer.capacity());
  }
  EXPECT_EQ(pool.live(), 0u);
}

// Records are never larger than 64 KiB; what claims to be is a wrong answer, to be refused and not
// to be served.
TEST(BufferPoolTest, LargerThanTheLargestIsNull) {
  BufferPool pool;
  const Buffer buffer = pool.Take(BufferPool::kSizeMax + 1);
  EXPECT_FALSE(buffer);
  EXPECT_EQ(buffer.data(), nullptr);
  EXPECT_EQ(buffer.capacity(), 0u);
  EXPECT_FALSE(pool.Take(0xFFFFFFFFu));
  EXPECT_EQ(pool.made(), 0u);
}

// Once warm the pool allocates nothing: made() stays flat while buffers come and go.
TEST(BufferPoolTest, MemoryIsUsedAgain) {
  BufferPool pool;
  const std::byte* first = nullptr;
  for (int i = 0; i < 100; ++i) {
    const Buffer buffer = pool.Take(700);
    if (i == 0) first = buffer.data();
    EXPECT_EQ(buffer.data(), first);
    EXPECT_EQ(pool.live(), 1u);
  }
  EXPECT_EQ(pool.made(), 1u);
  const Buffer other_class = pool.Take(5000);
  EXPECT_NE(other_class.data(), first);
  EXPECT_EQ(pool.made(), 2u);
  std::vector<Buffer> many;
  for (int i = 0; i < 10; ++i) many.push_back(pool.Take(700));
  EXPECT_EQ(pool.live(), 11u);
  EXPECT_EQ(pool.made(), 11u);
}

// Copies share the bytes, each with a size of its own; the last one gives them back.
TEST(BufferPoolTest, CopiesShareAndTheLastOneReturnsIt) {
  BufferPool pool;
  Buffer first = pool.Take(100);
  first.set_size(10);
  {
    Buffer second = first;
    EXPECT_EQ(second.data(), first.data());
    EXPECT_EQ(second.size(), 10u);
    second.set_size(20);
    EXPECT_EQ(first.size(), 10u);
    first = Buffer();
    EXPECT_FALSE(first);
    EXPECT_EQ(pool.live(), 1u);
  }
  EXPECT_EQ(pool.live(), 0u);
}

TEST(BufferPoolTest, MovesLeaveNothingBehind) {
  BufferPool pool;
  Buffer first = pool.Take(100);
  first.set_size(33);
  const std::byte* const data = first.data();
  Buffer second = std::move(first);
  EXPECT_FALSE(
      first);  // NOLINT(bugprone-use-after-move): a moved-from buffer is documented as empty
  EXPECT_EQ(first.size(), 0u);
  EXPECT_EQ(second.data(), data);
  EXPECT_EQ(second.size(), 33u);
  EXPECT_EQ(pool.live(), 1u);
}

// Assignment to itself, and over a buffer that is then the last of its kind.
TEST(BufferPoolTest, AssignmentKeepsTheCounts) {
  BufferPool pool;
  Buffer a = pool.Take(100);
  Buffer& same = a;
  a = same;
  EXPECT_TRUE(a);
  EXPECT_EQ(pool.live(), 1u);
  Buffer b = pool.Take(100);
  EXPECT_EQ(pool.live(), 2u);
  b = a;
  EXPECT_EQ(pool.live(), 1u);
  a = Buffer();
  EXPECT_EQ(pool.live(), 1u);
  b = Buffer();
  EXPECT_EQ(pool.live(), 0u);
  EXPECT_EQ(pool.made(), 2u);
}

TEST(BufferPoolDeathTest, MisuseIsAFailedCheck) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  SLUICE_EXPECT_FAILED_CHECK(
      {
        BufferPool pool;
        Buffer buffer = pool.Take(512);
        buffer.set_size(513);
      },
      "size <= capacity");
  SLUICE_EXPECT_FAILED_CHECK(
      {
        Buffer outlives;
        BufferPool pool;
        outlives = pool.Take(512);
      },
      "live_ == 0");
}

}  // namespace
}  // namespace sluice::memory
