// SPDX-License-Identifier: Apache-2.0
#include "engine/inspect/tap_ring.h"

#include <bit>
#include <cstring>

#include "engine/base/check.h"

namespace sluice::inspect {
namespace {

// In place of a frame's size: the next frame is at the front of the memory.
constexpr std::uint64_t kSkip = ~std::uint64_t{0};

}  // namespace

// Not initialised: pages that are never used are never touched.
TapRing::TapRing(std::size_t bytes)
    : capacity_(std::bit_floor(bytes)), bytes_(new std::byte[std::bit_floor(bytes)]) {
  SLUICE_CHECK(bytes >= kBytesMin);
}

std::size_t TapRing::BytesFor(std::size_t bytes) { return sizeof(TapRing) + std::bit_floor(bytes); }

std::byte* TapRing::Reserve(std::size_t size, std::size_t spare) {
  SLUICE_CHECK(size > 0);
  SLUICE_CHECK(tail_own_ == tail_.load(std::memory_order_relaxed));
  const std::size_t frame = FrameBytes(size);
  const std::size_t to_end = capacity_ - At(tail_own_);
  const std::size_t skip = frame <= to_end ? 0 : to_end;
  const auto fits = [&] { return skip + frame + spare <= capacity_ - (tail_own_ - head_seen_); };
  if (!fits()) {
    head_seen_ = head_.load(std::memory_order_acquire);
    if (!fits()) return nullptr;
  }
  if (skip != 0) std::memcpy(&bytes_[At(tail_own_)], &kSkip, sizeof kSkip);
  tail_own_ += skip;
  const std::uint64_t head = size;
  std::byte* at = &bytes_[At(tail_own_)];
  std::memcpy(at, &head, sizeof head);
  tail_own_ += frame;
  return at + kHeadBytes;
}

// Sequentially consistent for who goes to sleep (TapReader); release would do for the frame.
void TapRing::Publish() { tail_.store(tail_own_, std::memory_order_seq_cst); }

const std::byte* TapRing::Front(std::size_t* size) {
  const std::uint64_t tail = tail_.load(std::memory_order_acquire);
  if (tail == head_own_) return nullptr;
  std::uint64_t head = 0;
  std::memcpy(&head, &bytes_[At(head_own_)], sizeof head);
  if (head == kSkip) {
    // Published together with the frame behind it.
    head_own_ += capacity_ - At(head_own_);
    SLUICE_CHECK(head_own_ < tail);
    std::memcpy(&head, &bytes_[At(head_own_)], sizeof head);
  }
  SLUICE_CHECK(head <= tail - head_own_ - kHeadBytes);
  *size = static_cast<std::size_t>(head);
  return &bytes_[At(head_own_)] + kHeadBytes;
}

void TapRing::Pop() {
  std::uint64_t size = 0;
  std::memcpy(&size, &bytes_[At(head_own_)], sizeof size);
  head_own_ += FrameBytes(static_cast<std::size_t>(size));
  head_.store(head_own_, std::memory_order_release);
}

}  // namespace sluice::inspect
