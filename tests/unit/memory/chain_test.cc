// SPDX-License-Identifier: Apache-2.0
#include "engine/memory/chain.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "engine/base/prng.h"
#include "gtest/gtest.h"

namespace sluice::memory {
namespace {

std::string Text(const Chain& chain) {
  std::string text;
  chain.ForEach([&](const std::byte* data, std::size_t size) {
    text.append(reinterpret_cast<const char*>(data), size);
    return true;
  });
  return text;
}

// A slice of a fresh chunk holding `text`.
Slice SliceOf(Slab& slab, const std::string& text) {
  Slice slice = slab.Take();
  std::copy(text.begin(), text.end(), reinterpret_cast<char*>(slice.data()));
  return slice.Part(0, text.size());
}

TEST(Chain, KeepsOrder) {
  Slab slab(SlabOptions{16, 8});
  Chain chain(slab);
  ASSERT_TRUE(chain.Append(SliceOf(slab, "bc")));
  ASSERT_TRUE(chain.Append(SliceOf(slab, "de")));
  ASSERT_TRUE(chain.Prepend(SliceOf(slab, "a")));
  EXPECT_EQ(Text(chain), "abcde");
  EXPECT_EQ(chain.size(), 5u);
  EXPECT_EQ(chain.slices(), 3u);
  EXPECT_TRUE(chain.Valid());
}

TEST(Chain, DropsEmptySlicesAndMergesNeighbours) {
  Slab slab(SlabOptions{16, 8});
  Chain chain(slab);
  Slice chunk = slab.Take();
  ASSERT_TRUE(chain.Append(chunk.Part(0, 0)));
  EXPECT_TRUE(chain.empty());
  ASSERT_TRUE(chain.Append(chunk.Part(0, 3)));
  ASSERT_TRUE(chain.Append(chunk.Part(3, 4)));
  EXPECT_EQ(chain.slices(), 1u);
  EXPECT_EQ(chain.size(), 7u);
}

// Many receives into one chunk, each appended as a chain of its own: else each would keep a link.
TEST(Chain, MergesWhereChainsMeet) {
  Slab slab(SlabOptions{16, 1});
  Chain chain(slab);
  Slice chunk = slab.Take();
  for (std::size_t i = 0; i < 16; ++i) {
    Chain fresh(slab);
    ASSERT_TRUE(fresh.Append(chunk.Part(i, 1)));
    chain.Append(fresh);
    EXPECT_TRUE(fresh.Valid());
    EXPECT_TRUE(fresh.empty());
  }
  EXPECT_EQ(chain.slices(), 1u);
  EXPECT_EQ(chain.size(), 16u);
  EXPECT_TRUE(chain.Valid());
  EXPECT_EQ(slab.nodes_used(), 1u);
}

TEST(Chain, SmallCopiesShareAChunk) {
  Slab slab(SlabOptions{16, 3});
  Chain chain(slab);
  Slice room;
  for (const char* text : {"abc", "defgh", "", "i"}) {
    ASSERT_TRUE(chain.AppendCopy(text, std::strlen(text), &room));
  }
  EXPECT_EQ(slab.used(), 1u);
  EXPECT_EQ(chain.slices(), 1u);
  ASSERT_TRUE(chain.AppendCopy("0123456789", 10, &room));
  EXPECT_EQ(slab.used(), 2u);
  EXPECT_EQ(Text(chain), "abcdefghi0123456789");
  EXPECT_EQ(slab.copied_bytes, 19u);
  // 13 are left in the room, 16 in the last chunk.
  EXPECT_FALSE(chain.AppendCopy("................................", 30, &room));
  EXPECT_EQ(Text(chain), "abcdefghi0123456789");
  EXPECT_TRUE(chain.AppendCopy("................................", 29, &room));
  EXPECT_FALSE(room);
  EXPECT_TRUE(chain.Valid());
}

TEST(Chain, GivesChunksBackAsTheyAreConsumed) {
  Slab slab(SlabOptions{4, 3});
  Chain chain(slab);
  for (const char* text : {"aaaa", "bbbb", "cccc"}) ASSERT_TRUE(chain.Append(SliceOf(slab, text)));
  EXPECT_EQ(slab.used(), 3u);
  chain.RemovePrefix(5);
  EXPECT_EQ(slab.used(), 2u);
  EXPECT_EQ(Text(chain), "bbbcccc");
  chain.RemovePrefix(7);
  EXPECT_EQ(slab.used(), 0u);
  EXPECT_EQ(slab.nodes_used(), 0u);
}

TEST(Chain, SplitCutsInsideASliceWithoutCopying) {
  Slab slab(SlabOptions{8, 4});
  Chain chain(slab);
  ASSERT_TRUE(chain.Append(SliceOf(slab, "abcd")));
  ASSERT_TRUE(chain.Append(SliceOf(slab, "efgh")));
  Chain front(slab);
  ASSERT_TRUE(chain.SplitPrefix(6, front));
  EXPECT_EQ(Text(front), "abcdef");
  EXPECT_EQ(Text(chain), "gh");
  EXPECT_EQ(slab.copied_bytes, 0u);
}

TEST(Chain, RunningOutOfLinksChangesNothing) {
  Slab slab(SlabOptions{8, 1});
  Chain chain(slab);
  Slice chunk = slab.Take();
  // Four links a chunk; every second byte, so that nothing merges.
  for (std::size_t i = 0; i < 4; ++i) ASSERT_TRUE(chain.Append(chunk.Part(i * 2, 1)));
  EXPECT_FALSE(chain.Append(chunk.Part(1, 1)));
  EXPECT_FALSE(chain.Prepend(chunk.Part(1, 1)));
  EXPECT_EQ(chain.size(), 4u);
  EXPECT_TRUE(chain.Valid());
}

TEST(Chain, CopyInAndOutAreCounted) {
  Slab slab(SlabOptions{4, 8});
  Chain chain(slab);
  std::size_t taken = 0;
  ASSERT_TRUE(chain.CopyIn("hello world", 11, &taken));
  EXPECT_EQ(taken, 11u);
  EXPECT_EQ(slab.copied_bytes, 11u);
  char out[6] = {};
  EXPECT_EQ(chain.CopyOut(6, out, 5), 5u);
  EXPECT_STREQ(out, "world");
  EXPECT_EQ(slab.copied_bytes, 16u);
}

TEST(Chain, CopyInStopsWhereTheSlabEnds) {
  Slab slab(SlabOptions{4, 2});
  Chain chain(slab);
  std::size_t taken = 0;
  EXPECT_FALSE(chain.CopyIn("0123456789", 10, &taken));
  EXPECT_EQ(taken, 8u);
  EXPECT_EQ(Text(chain), "01234567");
}

// Random edits against a plain string: the model that says what a chain must hold.
TEST(Chain, AgreesWithAStringUnderRandomEdits) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    Prng prng(seed);
    Slab slab(SlabOptions{16, 64});
    Chain chain(slab);
    std::string model;
    for (int step = 0; step < 200; ++step) {
      const std::string piece(1 + prng.Below(16), static_cast<char>('a' + prng.Below(26)));
      switch (prng.Below(4)) {
        case 0:
          if (slab.available() > 0 && chain.Append(SliceOf(slab, piece))) model += piece;
          break;
        case 1:
          if (slab.available() > 0 && chain.Prepend(SliceOf(slab, piece))) model = piece + model;
          break;
        case 2: {
          const std::size_t count = prng.Below(model.size() + 1);
          chain.RemovePrefix(count);
          model.erase(0, count);
          break;
        }
        default: {
          const std::size_t count = prng.Below(model.size() + 1);
          Chain front(slab);
          if (!chain.SplitPrefix(count, front)) break;
          ASSERT_EQ(Text(front), model.substr(0, count));
          chain.Append(front);
          model = model.substr(count) + model.substr(0, count);
        }
      }
      ASSERT_EQ(Text(chain), model);
      ASSERT_TRUE(chain.Valid());
    }
  }
}

}  // namespace
}  // namespace sluice::memory
