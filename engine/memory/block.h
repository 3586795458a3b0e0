// SPDX-License-Identifier: Apache-2.0
//
// What rooms allocate that the embedder may want to give: through its hook, or from the heap. Null
// when there is none; nothing here throws or ends the program.
#ifndef SLUICE_MEMORY_BLOCK_H_
#define SLUICE_MEMORY_BLOCK_H_

#include <cstddef>
#include <new>

#include "sluice/hooks.h"

namespace sluice::memory {

inline void* Allocate(const MemoryHook& hook, std::size_t bytes) {
  if (hook.allocate != nullptr) return hook.allocate(hook.user, bytes);
  return ::operator new(bytes, std::nothrow);
}

inline void Free(const MemoryHook& hook, void* memory, std::size_t bytes) {
  if (hook.allocate != nullptr) return hook.free(hook.user, memory, bytes);
  ::operator delete(memory);
}

// Bytes of one owner, uninitialised.
class Block {
 public:
  Block(const MemoryHook& hook, std::size_t bytes)
      : hook_(hook), bytes_(bytes), memory_(Allocate(hook, bytes)) {}
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() {
    if (memory_ != nullptr) Free(hook_, memory_, bytes_);
  }

  // Null when there was no memory.
  void* get() const { return memory_; }

 private:
  const MemoryHook hook_;
  const std::size_t bytes_;
  void* const memory_;
};

}  // namespace sluice::memory

#endif  // SLUICE_MEMORY_BLOCK_H_
