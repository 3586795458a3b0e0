// SPDX-License-Identifier: Apache-2.0
//
// Chain: bytes in order, as a list of slices. Received bytes stay in the chunk they landed in; a
// chain relinks slices and never copies, but for the functions named Copy..., which count into
// Slab::copied_bytes. Owns its links and its share of the chunks. One thread, one slab.
//
// Invariants: size() is the sum of the slices; no slice is empty; `last_` is the tail exactly while
// `first_` is not null. SLUICE_AUDIT checks them.
#ifndef SLUICE_MEMORY_CHAIN_H_
#define SLUICE_MEMORY_CHAIN_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "engine/memory/slab.h"

namespace sluice::memory {

class Chain {
 public:
  explicit Chain(Slab& slab) : slab_(&slab) {}
  Chain(const Chain&) = delete;
  Chain& operator=(const Chain&) = delete;
  Chain(Chain&& other) noexcept
      : slab_(other.slab_),
        first_(std::exchange(other.first_, nullptr)),
        last_(std::exchange(other.last_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  ~Chain() { Clear(); }

  bool empty() const { return first_ == nullptr; }
  // Bytes.
  std::size_t size() const { return size_; }
  // Walks through it.
  std::size_t slices() const;

  // Adds at an end; empty slices are dropped. A slice that continues the last one in the same chunk
  // is merged with it. False when the slab has no link left: nothing was added.
  bool Append(Slice slice);
  bool Prepend(Slice slice);
  // Moves all of `other` to the end, merging where it continues the last slice. REQUIRES: same
  // slab, not itself.
  void Append(Chain& other);
  // Drops the first `count` bytes. REQUIRES: count <= size().
  void RemovePrefix(std::size_t count);
  // Moves the first `count` bytes to the end of `front`. False when the slab has no link left for
  // the slice that would be cut: nothing was moved. REQUIRES: count <= size().
  bool SplitPrefix(std::size_t count, Chain& front);
  // Adds `count` bytes of `other`, from `offset` on, at the end, sharing them. False when the slab
  // can spare no links: nothing was added. REQUIRES: same slab, not itself, offset + count <=
  // other.size().
  bool AppendShared(const Chain& other, std::size_t offset, std::size_t count);
  // Adds a copy at the end. False when the slab has too few chunks, or can spare no links: nothing
  // was added. With `room` it begins in what is left of that, and leaves there what is left of the
  // last chunk, so that many small copies share one.
  bool AppendCopy(const void* bytes, std::size_t count, Slice* room = nullptr);
  void Clear();

  // For walks that stop and go on: the first link, or the one after `node` once begun.
  const SliceNode* NodeAfter(const SliceNode* node, bool begun) const {
    if (!begun) return first_;
    return node == nullptr ? nullptr : node->next;
  }
  // Calls `visit(std::byte*, size)` for each slice in order until it returns false.
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (const SliceNode* node = first_; node != nullptr; node = node->next) {
      if (!visit(node->slice.data(), node->slice.size())) return;
    }
  }

  // Copies bytes in at the end, taking chunks. False when the slab ran out: what fitted was added,
  // *taken tells how much.
  bool CopyIn(const void* bytes, std::size_t count, std::size_t* taken);
  // Copies up to `count` bytes from `offset` out; returns how many.
  std::size_t CopyOut(std::size_t offset, void* bytes, std::size_t count) const;

  // Whole-structure validity.
  bool Valid() const;

 private:
  friend class ChainReader;

  void PopFront();

  Slab* slab_;
  SliceNode* first_ = nullptr;
  SliceNode* last_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace sluice::memory

#endif  // SLUICE_MEMORY_CHAIN_H_
