// SPDX-License-Identifier: Apache-2.0
//
// MpscRing<T>: a bounded ring, many producers, one consumer. Values only; capacity is a power of
// two. Push: any thread. Pop: the consumer's thread. A full ring refuses; nothing blocks.
//
// Each cell carries a sequence number: equal to the position when free for that position's
// producer, position + 1 when filled. Producers claim positions with one compare-exchange on
// `tail_`.
#ifndef SLUICE_BASE_MPSC_RING_H_
#define SLUICE_BASE_MPSC_RING_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

#include "engine/base/check.h"

namespace sluice {

template <typename T>
class MpscRing {
 public:
  explicit MpscRing(std::size_t capacity)
      : mask_(capacity - 1), cells_(std::make_unique<Cell[]>(capacity)) {
    SLUICE_CHECK(capacity >= 2);
    SLUICE_CHECK((capacity & mask_) == 0);
    for (std::size_t i = 0; i < capacity; ++i) cells_[i].sequence.store(i);
  }

  static constexpr std::size_t BytesFor(std::size_t capacity) { return capacity * sizeof(Cell); }

  // False when full; `value` is then untouched.
  bool Push(T&& value) {
    std::size_t position = tail_.load(std::memory_order_relaxed);
    for (;;) {
      Cell& cell = cells_[position & mask_];
      const std::size_t sequence = cell.sequence.load(std::memory_order_acquire);
      if (sequence == position) {
        if (tail_.compare_exchange_weak(position, position + 1, std::memory_order_relaxed)) {
          cell.value = std::move(value);
          cell.sequence.store(position + 1, std::memory_order_release);
          return true;
        }
      } else if (sequence < position) {
        return false;
      } else {
        position = tail_.load(std::memory_order_relaxed);
      }
    }
  }

  // False when empty, or when the oldest producer has claimed its cell but not filled it yet.
  bool Pop(T& value) {
    Cell& cell = cells_[head_ & mask_];
    if (cell.sequence.load(std::memory_order_acquire) != head_ + 1) return false;
    value = std::move(cell.value);
    cell.sequence.store(head_ + mask_ + 1, std::memory_order_release);
    ++head_;
    return true;
  }

 private:
  struct Cell {
    std::atomic<std::size_t> sequence{0};
    T value{};
  };

  const std::size_t mask_;
  std::unique_ptr<Cell[]> cells_;
  alignas(64) std::atomic<std::size_t> tail_{0};
  alignas(64) std::size_t head_ = 0;
};

}  // namespace sluice

#endif  // SLUICE_BASE_MPSC_RING_H_
