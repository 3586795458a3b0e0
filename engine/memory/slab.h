// SPDX-License-Identifier: Apache-2.0
//
// Slab: a worker's receive memory. A fixed number of chunks of one size, reserved at start, touched
// when first used; nothing allocates afterwards. One thread.
//
//   chunk = a fixed buffer of the slab            used + available == chunks_max, always
//   slice = a counted run of bytes in one chunk   chunk.references == slices that name it
//   chain = a list of slices (chain.h)
//
// Take may return nothing: that is backpressure, and means "stop reading".
#ifndef SLUICE_MEMORY_SLAB_H_
#define SLUICE_MEMORY_SLAB_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "engine/base/check.h"
#include "engine/memory/block.h"

namespace sluice::memory {

class Slab;

struct Chunk {
  Slab* slab = nullptr;
  std::byte* data = nullptr;
  Chunk* next_free = nullptr;
  std::uint32_t references = 0;
  std::uint32_t size = 0;
};

// A counted reference to bytes [begin, end) of a chunk. Copying shares, never copies bytes.
class Slice {
 public:
  Slice() = default;
  // REQUIRES: begin <= end <= chunk.size.
  Slice(Chunk* chunk, std::uint32_t begin, std::uint32_t end)
      : chunk_(chunk), begin_(begin), end_(end) {
    SLUICE_DCHECK(begin <= end);
    SLUICE_DCHECK(end <= chunk->size);
    ++chunk->references;
  }
  Slice(const Slice& other) : chunk_(other.chunk_), begin_(other.begin_), end_(other.end_) {
    if (chunk_ != nullptr) ++chunk_->references;
  }
  Slice(Slice&& other) noexcept
      : chunk_(std::exchange(other.chunk_, nullptr)), begin_(other.begin_), end_(other.end_) {}
  Slice& operator=(Slice other) noexcept {
    std::swap(chunk_, other.chunk_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
    return *this;
  }
  ~Slice() { Reset(); }

  inline void Reset();
  explicit operator bool() const { return chunk_ != nullptr; }
  std::byte* data() const { return chunk_->data + begin_; }
  std::size_t size() const { return chunk_ == nullptr ? 0 : end_ - begin_; }
  const Chunk* chunk() const { return chunk_; }

  // The part [offset, offset + count). REQUIRES: inside this slice.
  Slice Part(std::size_t offset, std::size_t count) const {
    SLUICE_CHECK(offset + count <= size());
    const auto begin = static_cast<std::uint32_t>(begin_ + offset);
    return Slice(chunk_, begin, static_cast<std::uint32_t>(begin + count));
  }
  void RemovePrefix(std::size_t count) {
    SLUICE_CHECK(count <= size());
    begin_ += static_cast<std::uint32_t>(count);
  }
  // Grows this slice over `next` if `next` begins in the same chunk where this one ends.
  bool Extend(const Slice& next) {
    if (chunk_ == nullptr || chunk_ != next.chunk_ || end_ != next.begin_) return false;
    end_ = next.end_;
    return true;
  }

 private:
  Chunk* chunk_ = nullptr;
  std::uint32_t begin_ = 0;
  std::uint32_t end_ = 0;
};

// One link of a chain.
struct SliceNode {
  Slice slice;
  SliceNode* next = nullptr;
};

struct SlabOptions {
  std::uint32_t chunk_bytes = 16 * 1024;
  std::uint32_t chunks_max = 4096;
  MemoryHook memory = {};
};

class Slab {
 public:
  explicit Slab(const SlabOptions& options);
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;
  // REQUIRES: no chunk and no node is in use.
  ~Slab();

  // False when there was no memory for it: then it never has anything to take.
  bool has_memory() const;

  // A slice over a whole free chunk, or an empty slice when all are in use.
  Slice Take();

  // Links that a slab with these options has.
  static constexpr std::size_t LinksOf(const SlabOptions& options) {
    return std::size_t{options.chunks_max} * kNodesPerChunk;
  }
  // What a slab with these options allocates, once, at its start.
  static std::size_t BytesFor(const SlabOptions& options);

  std::uint32_t chunk_bytes() const { return options_.chunk_bytes; }
  std::uint32_t chunks_max() const { return options_.chunks_max; }
  std::uint32_t used() const { return used_; }
  std::uint32_t available() const { return options_.chunks_max - used_; }
  // How often a chunk came back.
  std::uint64_t given_back() const { return given_back_; }

  // Links for chains. Null when all are in use.
  SliceNode* TakeNode();
  void GiveBackNode(SliceNode* node);
  std::uint32_t nodes_used() const { return nodes_used_; }
  // Whether `count` links may be used for anything but receives. A receive needs a link for each of
  // its chunks when it ends, and one more when an inspector cuts what it brought in two. So two for
  // each chunk are kept for those, and no receive may begin while there are fewer.
  bool CanSpareNodes(std::size_t count) const {
    return LinksOf(options_) - nodes_used_ >= std::size_t{options_.chunks_max} * 2 + count;
  }
  bool CanSpareNode() const { return CanSpareNodes(1); }
  // A receive may begin.
  bool CanReceive() const { return available() > 0 && CanSpareNodes(0); }

  // Bytes that chains of this slab copied in user space. Passing through copies none.
  std::uint64_t copied_bytes = 0;

 private:
  friend class Slice;
  // Chains split and receive into part-filled chunks, so a chunk may be named by several links;
  // measured nowhere yet, four is twice what a relay uses.
  static constexpr std::uint32_t kNodesPerChunk = 4;

  void GiveBack(Chunk* chunk);

  const SlabOptions options_;
  const Block bytes_;
  const Block chunks_;
  const Block nodes_;
  Chunk* free_ = nullptr;
  SliceNode* free_nodes_ = nullptr;
  std::uint32_t used_ = 0;
  std::uint64_t given_back_ = 0;
  std::uint32_t nodes_used_ = 0;
};

inline void Slice::Reset() {
  if (chunk_ == nullptr) return;
  SLUICE_DCHECK(chunk_->references > 0);
  if (--chunk_->references == 0) chunk_->slab->GiveBack(chunk_);
  chunk_ = nullptr;
}

}  // namespace sluice::memory

#endif  // SLUICE_MEMORY_SLAB_H_
