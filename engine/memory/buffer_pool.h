// SPDX-License-Identifier: Apache-2.0
//
// BufferPool: reusable contiguous buffers for what the kernel fills in one piece (redirect records
// and contexts). Sizes are powers of two from 512 B to 64 KiB. One worker's; one thread.
//
// Buffer is a counted reference; the last one gives the memory back to its pool. Counts are plain
// integers. REQUIRES: every Buffer is gone before its pool is.
#ifndef SLUICE_MEMORY_BUFFER_POOL_H_
#define SLUICE_MEMORY_BUFFER_POOL_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "engine/base/check.h"
#include "engine/memory/block.h"

namespace sluice::memory {

class BufferPool;

namespace internal {
// Stands in front of the bytes.
struct BufferHeader {
  BufferPool* pool = nullptr;
  BufferHeader* next_free = nullptr;
  std::uint32_t references = 0;
  std::uint32_t capacity = 0;
};
}  // namespace internal

class Buffer {
 public:
  Buffer() = default;
  Buffer(const Buffer& other) : header_(other.header_), size_(other.size_) { Retain(); }
  Buffer(Buffer&& other) noexcept
      : header_(std::exchange(other.header_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer other) noexcept {
    std::swap(header_, other.header_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Buffer() { Release(); }

  // False for a default-constructed or moved-from buffer.
  explicit operator bool() const { return header_ != nullptr; }
  std::byte* data() const {
    return header_ == nullptr ? nullptr : reinterpret_cast<std::byte*>(header_ + 1);
  }
  std::uint32_t capacity() const { return header_ == nullptr ? 0 : header_->capacity; }
  // How many bytes of it mean something; kept by the user.
  std::uint32_t size() const { return size_; }
  void set_size(std::uint32_t size) {
    SLUICE_CHECK(size <= capacity());
    size_ = size;
  }

 private:
  friend class BufferPool;
  explicit Buffer(internal::BufferHeader* header) : header_(header) { Retain(); }
  void Retain() {
    if (header_ != nullptr) ++header_->references;
  }
  void Release();

  internal::BufferHeader* header_ = nullptr;
  std::uint32_t size_ = 0;
};

class BufferPool {
 public:
  static constexpr std::uint32_t kSizeMin = 512;
  static constexpr std::uint32_t kSizeMax = 64 * 1024;

  explicit BufferPool(const MemoryHook& memory = MemoryHook()) : memory_(memory) {}
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  ~BufferPool();

  // A buffer of at least `size` bytes, from the pool or the heap. Null (false) past kSizeMax or out
  // of memory.
  Buffer Take(std::uint32_t size);

  // Buffers in use now.
  std::size_t live() const { return live_; }
  // Buffers ever made; stays flat once the pool is warm.
  std::size_t made() const { return made_; }

 private:
  friend class Buffer;
  static constexpr int kClasses = 8;  // 512 << 0 .. 512 << 7
  void GiveBack(internal::BufferHeader* header);

  const MemoryHook memory_;
  internal::BufferHeader* free_[kClasses] = {};
  std::size_t live_ = 0;
  std::size_t made_ = 0;
};

}  // namespace sluice::memory

#endif  // SLUICE_MEMORY_BUFFER_POOL_H_
