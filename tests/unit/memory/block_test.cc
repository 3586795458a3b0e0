// SPDX-License-Identifier: Apache-2.0
//
// What comes from the embedder's memory hook, and what happens when it gives nothing.
#include "engine/memory/block.h"

#include <cstdlib>

#include "engine/memory/buffer_pool.h"
#include "engine/memory/pool.h"
#include "engine/memory/slab.h"
#include "gtest/gtest.h"

namespace sluice::memory {
namespace {

struct Counted {
  std::size_t held = 0;
  int given = 0;
  bool refuses = false;

  MemoryHook Hook() {
    MemoryHook hook;
    hook.user = this;
    hook.allocate = [](void* user, std::size_t bytes) -> void* {
      auto* counted = static_cast<Counted*>(user);
      if (counted->refuses) return nullptr;
      counted->held += bytes;
      ++counted->given;
      return std::malloc(bytes);
    };
    hook.free = [](void* user, void* memory, std::size_t bytes) {
      static_cast<Counted*>(user)->held -= bytes;
      std::free(memory);
    };
    return hook;
  }
};

TEST(BlockTest, ASlabComesFromTheHookAtItsStart) {
  Counted counted;
  {
    SlabOptions options{.chunk_bytes = 1024, .chunks_max = 10, .memory = counted.Hook()};
    Slab slab(options);
    EXPECT_TRUE(slab.has_memory());
    EXPECT_EQ(counted.held, Slab::BytesFor(options));
    const int given = counted.given;
    const Slice slice = slab.Take();
    EXPECT_TRUE(slice);
    EXPECT_EQ(counted.given, given);
  }
  EXPECT_EQ(counted.held, 0u);
}

TEST(BlockTest, ASlabWithoutMemoryHasNothing) {
  Counted counted;
  counted.refuses = true;
  Slab slab(SlabOptions{.chunk_bytes = 1024, .chunks_max = 10, .memory = counted.Hook()});
  EXPECT_FALSE(slab.has_memory());
  EXPECT_FALSE(slab.Take());
  EXPECT_EQ(slab.TakeNode(), nullptr);
}

TEST(BlockTest, APoolComesFromTheHook) {
  Counted counted;
  {
    Pool<int> pool(100, counted.Hook());
    EXPECT_TRUE(pool.has_memory());
    EXPECT_GE(counted.held, 100 * sizeof(int));
    counted.refuses = true;
    int* first = pool.Make(1);
    ASSERT_NE(first, nullptr);
    pool.Free(first);
  }
  EXPECT_EQ(counted.held, 0u);
  Pool<int> refused(100, counted.Hook());
  EXPECT_FALSE(refused.has_memory());
  EXPECT_EQ(refused.Make(1), nullptr);
}

TEST(BlockTest, BuffersComeFromTheHook) {
  Counted counted;
  {
    BufferPool pool(counted.Hook());
    { const Buffer buffer = pool.Take(700); }
    EXPECT_GE(counted.held, 1024u);
    counted.refuses = true;
    EXPECT_TRUE(pool.Take(700)) << "kept from before";
    EXPECT_FALSE(pool.Take(7000));
  }
  EXPECT_EQ(counted.held, 0u);
}

}  // namespace
}  // namespace sluice::memory
