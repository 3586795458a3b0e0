// SPDX-License-Identifier: Apache-2.0
//
// Pool<T>: objects of one type in blocks of memory that are kept once made, so that a warm pool
// allocates nothing. What was freed last is made first again, while it is in the processor's cache;
// memory is touched when first used. One thread.
#ifndef SLUICE_MEMORY_POOL_H_
#define SLUICE_MEMORY_POOL_H_

#include <cstddef>
#include <new>
#include <utility>

#include "engine/base/check.h"
#include "engine/memory/block.h"

namespace sluice::memory {

template <typename T>
class Pool {
 public:
  explicit Pool(const MemoryHook& memory = MemoryHook()) : memory_(memory) {}
  // Has room for `count` objects from the start: so many are never refused, if it has_memory.
  explicit Pool(std::size_t count, const MemoryHook& memory = MemoryHook()) : memory_(memory) {
    AddBlock(count);
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  // REQUIRES: no object is live.
  ~Pool() {
    SLUICE_CHECK(live_ == 0);
    while (CellBlock* block = blocks_) {
      blocks_ = block->next;
      memory::Free(memory_, block, block->bytes);
    }
  }

  // Null when there is no memory.
  template <typename... Args>
  T* Make(Args&&... args) {
    Cell* cell = free_;
    if (cell != nullptr) {
      free_ = cell->next;
    } else {
      if (fresh_ == fresh_end_ && !AddBlock(kPerBlock)) return nullptr;
      cell = fresh_++;
    }
    ++live_;
    return ::new (static_cast<void*>(cell)) T(std::forward<Args>(args)...);
  }

  void Free(T* object) {
    SLUICE_CHECK(live_ > 0);
    object->~T();
    Cell* cell = ::new (static_cast<void*>(object)) Cell;
    cell->next = free_;
    free_ = cell;
    --live_;
  }

  std::size_t live() const { return live_; }
  // False when there was none for any object yet.
  bool has_memory() const { return blocks_ != nullptr; }

  // The most that a pool has allocated which had `count` objects live at once.
  static constexpr std::size_t BytesFor(std::size_t count) {
    const std::size_t blocks = (count + kPerBlock - 1) / kPerBlock;
    return blocks * kBlockBytes;
  }

 private:
  union Cell {
    Cell() {}
    Cell* next;
    alignas(T) std::byte bytes[sizeof(T)];
  };
  // Stands in front of its cells.
  struct alignas(Cell) CellBlock {
    CellBlock* next;
    std::size_t bytes;
  };
  static_assert(alignof(Cell) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
  // A power of two, which no allocator rounds up much.
  static constexpr std::size_t kBlockBytes = 32 * 1024;
  static constexpr std::size_t kPerBlock = (kBlockBytes - sizeof(CellBlock)) / sizeof(Cell);
  static_assert(kPerBlock >= 8);

  // REQUIRES: nothing fresh is left.
  bool AddBlock(std::size_t count) {
    const std::size_t bytes = sizeof(CellBlock) + count * sizeof(Cell);
    void* memory = Allocate(memory_, bytes);
    if (memory == nullptr) return false;
    blocks_ = ::new (memory) CellBlock{blocks_, bytes};
    fresh_ = reinterpret_cast<Cell*>(blocks_ + 1);
    fresh_end_ = fresh_ + count;
    return true;
  }

  const MemoryHook memory_;
  CellBlock* blocks_ = nullptr;
  Cell* free_ = nullptr;
  Cell* fresh_ = nullptr;  // up to fresh_end_: cells of the newest block that were never used
  Cell* fresh_end_ = nullptr;
  std::size_t live_ = 0;
};

}  // namespace sluice::memory

#endif  // SLUICE_MEMORY_POOL_H_
