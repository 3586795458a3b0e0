// SPDX-License-Identifier: Apache-2.0
#include "engine/inspect/tap_ring.h"

#include <cstring>
#include <deque>
#include <string>
#include <thread>

#include "engine/base/prng.h"
#include "gtest/gtest.h"

namespace sluice::inspect {
namespace {

constexpr std::size_t kCapacity = TapRing::kBytesMin;

bool Push(TapRing& ring, const std::string& text, std::size_t spare = 0) {
  std::byte* at = ring.Reserve(text.size(), spare);
  if (at == nullptr) return false;
  std::memcpy(at, text.data(), text.size());
  ring.Publish();
  return true;
}

// Empty when there is none: no frame is empty.
std::string Pop(TapRing& ring) {
  std::size_t size = 0;
  const std::byte* at = ring.Front(&size);
  if (at == nullptr) return "";
  std::string text(reinterpret_cast<const char*>(at), size);
  ring.Pop();
  return text;
}

TEST(TapRingTest, FramesComeOutInOrder) {
  TapRing ring(kCapacity);
  EXPECT_TRUE(ring.empty());
  EXPECT_EQ(Pop(ring), "");
  EXPECT_TRUE(Push(ring, "a"));
  EXPECT_TRUE(Push(ring, "12345678"));
  EXPECT_TRUE(Push(ring, "123456789"));
  EXPECT_FALSE(ring.empty());
  EXPECT_EQ(Pop(ring), "a");
  EXPECT_EQ(Pop(ring), "12345678");
  EXPECT_EQ(Pop(ring), "123456789");
  EXPECT_EQ(Pop(ring), "");
  EXPECT_TRUE(ring.empty());
}

TEST(TapRingTest, NothingIsSeenBeforeItIsPublished) {
  TapRing ring(kCapacity);
  ASSERT_NE(ring.Reserve(5, 0), nullptr);
  std::size_t size = 0;
  EXPECT_EQ(ring.Front(&size), nullptr);
  ring.Publish();
  EXPECT_NE(ring.Front(&size), nullptr);
  EXPECT_EQ(size, 5u);
  ring.Pop();
}

TEST(TapRingTest, TakesAPowerOfTwo) {
  EXPECT_EQ(TapRing(5000).capacity(), 4096u);
  EXPECT_EQ(TapRing(8192).capacity(), 8192u);
  EXPECT_EQ(TapRing::BytesFor(5000), sizeof(TapRing) + 4096);
}

// To the last byte, whatever the frame's place.
TEST(TapRingTest, AFullRingRefusesAndGoesOnWhenThereIsRoom) {
  TapRing ring(kCapacity);
  const std::string whole(kCapacity - TapRing::kHeadBytes, 'w');
  EXPECT_FALSE(Push(ring, whole + "x"));
  EXPECT_TRUE(Push(ring, whole));
  EXPECT_FALSE(Push(ring, "x"));
  EXPECT_EQ(Pop(ring), whole);
  EXPECT_TRUE(Push(ring, whole));
  EXPECT_EQ(Pop(ring), whole);
}

TEST(TapRingTest, SpareBytesStayFree) {
  TapRing ring(kCapacity);
  const std::size_t size = kCapacity - TapRing::kHeadBytes - 64;
  EXPECT_FALSE(Push(ring, std::string(size + 8, 'a'), 64));
  EXPECT_TRUE(Push(ring, std::string(size, 'a'), 64));
  EXPECT_FALSE(Push(ring, "b", 64));
  EXPECT_TRUE(Push(ring, std::string(64 - TapRing::kHeadBytes, 'b'), 0));
}

// What lies behind the end of the memory is not a frame.
TEST(TapRingTest, AFrameThatDoesNotFitAtTheEndBeginsAtTheFront) {
  TapRing ring(kCapacity);
  const std::string most(3 * kCapacity / 4 - TapRing::kHeadBytes, 'm');
  EXPECT_TRUE(Push(ring, most));
  EXPECT_EQ(Pop(ring), most);
  // A quarter is left at the end; what was skipped is not free until it was passed.
  EXPECT_TRUE(Push(ring, std::string(kCapacity / 2, 'n')));
  EXPECT_FALSE(Push(ring, std::string(kCapacity / 4, 'o')));
  EXPECT_TRUE(Push(ring, "p"));
  EXPECT_EQ(Pop(ring), std::string(kCapacity / 2, 'n'));
  EXPECT_EQ(Pop(ring), "p");
  EXPECT_EQ(Pop(ring), "");
}

// Against a model, through every offset of the ring many times.
TEST(TapRingTest, RandomFramesComeOutAsTheyWentIn) {
  TapRing ring(kCapacity);
  Prng prng(11);
  std::deque<std::string> model;
  std::size_t held = 0;
  int refused = 0;
  for (int i = 0; i < 200000; ++i) {
    if (prng.Below(2) == 0) {
      const std::size_t size =
          1 + static_cast<std::size_t>(prng.Below(prng.Below(8) == 0 ? 1500 : 40));
      const std::string text(size, static_cast<char>('a' + i % 26));
      const std::size_t frame = TapRing::FrameBytes(size);
      if (Push(ring, text)) {
        model.push_back(text);
        held += frame;
        ASSERT_LE(held, kCapacity);
      } else {
        ++refused;
        // At the end of the memory less was skipped than the largest frame, once at most.
        ASSERT_GT(held + frame + TapRing::FrameBytes(1500), kCapacity);
      }
    } else {
      const std::string popped = Pop(ring);
      ASSERT_EQ(popped, model.empty() ? "" : model.front());
      if (!model.empty()) {
        held -= TapRing::FrameBytes(popped.size());
        model.pop_front();
      }
    }
  }
  EXPECT_GT(refused, 0);
}

TEST(TapRingTest, TwoThreads) {
  TapRing ring(kCapacity);
  constexpr std::uint64_t kFrames = 300000;
  std::thread producer([&] {
    for (std::uint64_t i = 1; i <= kFrames;) {
      const std::size_t size = sizeof i + i % 100;
      std::byte* at = ring.Reserve(size, 0);
      if (at == nullptr) {
        std::this_thread::yield();
        continue;
      }
      std::memcpy(at, &i, sizeof i);
      std::memset(at + sizeof i, static_cast<int>(i % 251), size - sizeof i);
      ring.Publish();
      ++i;
    }
  });
  for (std::uint64_t i = 1; i <= kFrames;) {
    std::size_t size = 0;
    const std::byte* at = ring.Front(&size);
    if (at == nullptr) {
      std::this_thread::yield();
      continue;
    }
    std::uint64_t number = 0;
    std::memcpy(&number, at, sizeof number);
    EXPECT_EQ(number, i);
    EXPECT_EQ(size, sizeof i + i % 100);
    for (std::size_t j = sizeof i; j < size; ++j) {
      EXPECT_EQ(at[j], static_cast<std::byte>(i % 251));
    }
    ring.Pop();
    ++i;
  }
  producer.join();
  EXPECT_TRUE(ring.empty());
}

}  // namespace
}  // namespace sluice::inspect
