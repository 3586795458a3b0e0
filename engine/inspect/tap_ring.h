// SPDX-License-Identifier: Apache-2.0
//
// TapRing: a bounded ring of frames of bytes, one producer, one consumer. A frame lies in one
// piece, so the consumer reads it where it is; a frame that does not fit before the end of the
// memory begins at its front, and what is left is skipped. A full ring refuses; nothing blocks.
//
// Positions count all bytes ever, so head_ <= tail_ <= head_ + capacity, and equal means empty. The
// producer's release of tail_ publishes a frame, the consumer's release of head_ gives it back.
#ifndef SLUICE_INSPECT_TAP_RING_H_
#define SLUICE_INSPECT_TAP_RING_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace sluice::inspect {

class TapRing {
 public:
  // What a frame takes up beside its bytes, and what it is rounded up to.
  static constexpr std::size_t kHeadBytes = 8;
  static constexpr std::size_t kAlign = 8;
  static constexpr std::size_t kBytesMin = 4096;

  // As many bytes as the greatest power of two that is not above `bytes`. REQUIRES: bytes >=
  // kBytesMin.
  explicit TapRing(std::size_t bytes);
  TapRing(const TapRing&) = delete;
  TapRing& operator=(const TapRing&) = delete;

  static std::size_t BytesFor(std::size_t bytes);
  static constexpr std::size_t FrameBytes(std::size_t size) {
    return kHeadBytes + (size + kAlign - 1) / kAlign * kAlign;
  }
  std::size_t capacity() const { return capacity_; }

  // Producer: room for a frame of `size` bytes that leaves `spare` bytes free, for Publish to show.
  // Null when there is none. REQUIRES: size > 0.
  std::byte* Reserve(std::size_t size, std::size_t spare);
  void Publish();

  // Consumer: the oldest frame, valid until Pop; null when there is none.
  const std::byte* Front(std::size_t* size);
  // REQUIRES: Front gave one.
  void Pop();
  // Consumer. In one order with `Publish` and all other sequentially consistent operations, as who
  // goes to sleep needs.
  bool empty() const { return tail_.load(std::memory_order_seq_cst) == head_own_; }

 private:
  std::size_t At(std::uint64_t position) const { return position & (capacity_ - 1); }

  const std::size_t capacity_;
  const std::unique_ptr<std::byte[]> bytes_;
  // The producer's line.
  alignas(64) std::atomic<std::uint64_t> tail_{0};
  std::uint64_t tail_own_ = 0;   // tail_, and what was reserved and not published
  std::uint64_t head_seen_ = 0;  // head_, as last looked at
  // The consumer's line.
  alignas(64) std::atomic<std::uint64_t> head_{0};
  std::uint64_t head_own_ = 0;
};

}  // namespace sluice::inspect

#endif  // SLUICE_INSPECT_TAP_RING_H_
