// SPDX-License-Identifier: Apache-2.0
#include "engine/memory/buffer_pool.h"

#include <new>

namespace sluice::memory {
namespace {

int ClassOf(std::uint32_t capacity) {
  int index = 0;
  while ((BufferPool::kSizeMin << index) < capacity) ++index;
  return index;
}

std::size_t BytesOf(std::uint32_t capacity) { return sizeof(internal::BufferHeader) + capacity; }

}  // namespace

void Buffer::Release() {
  if (header_ == nullptr) return;
  SLUICE_CHECK(header_->references > 0);
  if (--header_->references == 0) header_->pool->GiveBack(header_);
  header_ = nullptr;
}

BufferPool::~BufferPool() {
  SLUICE_CHECK(live_ == 0);
  for (internal::BufferHeader* header : free_) {
    while (header != nullptr) {
      internal::BufferHeader* next = header->next_free;
      memory::Free(memory_, header, BytesOf(header->capacity));
      header = next;
    }
  }
}

Buffer BufferPool::Take(std::uint32_t size) {
  if (size > kSizeMax) return Buffer();
  const int index = ClassOf(size);
  internal::BufferHeader* header = free_[index];
  if (header != nullptr) {
    free_[index] = header->next_free;
  } else {
    const std::uint32_t capacity = kSizeMin << index;
    void* memory = Allocate(memory_, BytesOf(capacity));
    if (memory == nullptr) return Buffer();
    header = new (memory) internal::BufferHeader;
    header->pool = this;
    header->capacity = capacity;
    ++made_;
  }
  header->next_free = nullptr;
  ++live_;
  return Buffer(header);
}

void BufferPool::GiveBack(internal::BufferHeader* header) {
  const int index = ClassOf(header->capacity);
  header->next_free = free_[index];
  free_[index] = header;
  --live_;
}

}  // namespace sluice::memory
