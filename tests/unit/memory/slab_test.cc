// SPDX-License-Identifier: Apache-2.0
#include "engine/memory/slab.h"

#include <cstring>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/failed_check.h"

namespace sluice::memory {
namespace {

TEST(Slab, TakesUntilEmptyThenRefuses) {
  Slab slab(SlabOptions{64, 3});
  std::vector<Slice> taken;
  for (int i = 0; i < 3; ++i) {
    taken.push_back(slab.Take());
    ASSERT_TRUE(taken.back());
    EXPECT_EQ(taken.back().size(), 64u);
  }
  EXPECT_EQ(slab.used(), 3u);
  EXPECT_EQ(slab.available(), 0u);
  EXPECT_FALSE(slab.Take());
  taken.pop_back();
  EXPECT_TRUE(slab.Take());
}

TEST(Slab, ChunksDoNotOverlap) {
  Slab slab(SlabOptions{32, 4});
  std::vector<Slice> taken;
  for (int i = 0; i < 4; ++i) {
    taken.push_back(slab.Take());
    std::memset(taken.back().data(), i, 32);
  }
  for (int i = 0; i < 4; ++i) {
    for (std::size_t b = 0; b < 32; ++b) {
      ASSERT_EQ(std::to_integer<int>(taken[static_cast<std::size_t>(i)].data()[b]), i);
    }
  }
}

TEST(Slice, CopySharesTheChunkAndTheLastOneFreesIt) {
  Slab slab(SlabOptions{64, 1});
  Slice first = slab.Take();
  Slice second = first;
  EXPECT_EQ(first.data(), second.data());
  EXPECT_EQ(first.chunk()->references, 2u);
  first.Reset();
  EXPECT_EQ(slab.used(), 1u);
  second.Reset();
  EXPECT_EQ(slab.used(), 0u);
}

TEST(Slice, MoveLeavesNothingBehind) {
  Slab slab(SlabOptions{64, 1});
  Slice first = slab.Take();
  Slice second = std::move(first);
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): the state after a move is the subject
  EXPECT_EQ(second.chunk()->references, 1u);
}

TEST(Slice, ExtendJoinsNeighboursOnly) {
  Slab slab(SlabOptions{64, 2});
  Slice whole = slab.Take();
  Slice other = slab.Take();
  Slice left = whole.Part(0, 10);
  EXPECT_TRUE(left.Extend(whole.Part(10, 5)));
  EXPECT_EQ(left.size(), 15u);
  EXPECT_FALSE(left.Extend(whole.Part(16, 5)));
  EXPECT_FALSE(left.Extend(other.Part(0, 5)));
  EXPECT_EQ(left.size(), 15u);
}

TEST(SliceDeathTest, PartOutsideIsRefused) {
  Slab slab(SlabOptions{64, 1});
  Slice slice = slab.Take();
  SLUICE_EXPECT_FAILED_CHECK({ Slice part = slice.Part(60, 5); }, "count <= size");
}

TEST(SlabDeathTest, DestroyingWithAChunkInUseIsRefused) {
  SLUICE_EXPECT_FAILED_CHECK(
      {
        auto* slab = new Slab(SlabOptions{64, 1});
        Slice slice = slab->Take();
        delete slab;
      },
      "used_ == 0");
}

}  // namespace
}  // namespace sluice::memory
