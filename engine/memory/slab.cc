// SPDX-License-Identifier: Apache-2.0
#include "engine/memory/slab.h"

#include <new>

namespace sluice::memory {

std::size_t Slab::BytesFor(const SlabOptions& options) {
  return std::size_t{options.chunks_max} *
         (options.chunk_bytes + sizeof(Chunk) + kNodesPerChunk * sizeof(SliceNode));
}

Slab::Slab(const SlabOptions& options)
    : options_(options),
      // Uninitialised on purpose: pages become real when a receive first lands in them.
      bytes_(options.memory, std::size_t{options.chunk_bytes} * options.chunks_max),
      chunks_(options.memory, std::size_t{options.chunks_max} * sizeof(Chunk)),
      nodes_(options.memory, LinksOf(options) * sizeof(SliceNode)) {
  SLUICE_CHECK(options.chunk_bytes > 0);
  SLUICE_CHECK(options.chunks_max > 0);
  if (!has_memory()) return;
  // Built back to front, so that the first chunks taken are the first in memory.
  for (std::uint32_t i = options_.chunks_max; i-- > 0;) {
    Chunk* chunk = ::new (static_cast<Chunk*>(chunks_.get()) + i) Chunk;
    chunk->slab = this;
    chunk->data = static_cast<std::byte*>(bytes_.get()) + std::size_t{i} * options_.chunk_bytes;
    chunk->size = options_.chunk_bytes;
    chunk->next_free = free_;
    free_ = chunk;
  }
  for (std::size_t i = LinksOf(options_); i-- > 0;) {
    SliceNode* node = ::new (static_cast<SliceNode*>(nodes_.get()) + i) SliceNode;
    node->next = free_nodes_;
    free_nodes_ = node;
  }
}

bool Slab::has_memory() const {
  return bytes_.get() != nullptr && chunks_.get() != nullptr && nodes_.get() != nullptr;
}

Slab::~Slab() {
  SLUICE_CHECK(used_ == 0);
  SLUICE_CHECK(nodes_used_ == 0);
}

Slice Slab::Take() {
  Chunk* chunk = free_;
  if (chunk == nullptr) return Slice();
  SLUICE_DCHECK(chunk->references == 0);
  free_ = chunk->next_free;
  chunk->next_free = nullptr;
  ++used_;
  return Slice(chunk, 0, chunk->size);
}

void Slab::GiveBack(Chunk* chunk) {
  SLUICE_DCHECK(chunk->references == 0);
  SLUICE_CHECK(used_ > 0);
  chunk->next_free = free_;
  free_ = chunk;
  ++given_back_;
  --used_;
}

SliceNode* Slab::TakeNode() {
  SliceNode* node = free_nodes_;
  if (node == nullptr) return nullptr;
  free_nodes_ = node->next;
  node->next = nullptr;
  ++nodes_used_;
  return node;
}

void Slab::GiveBackNode(SliceNode* node) {
  SLUICE_CHECK(nodes_used_ > 0);
  node->slice.Reset();
  node->next = free_nodes_;
  free_nodes_ = node;
  --nodes_used_;
}

}  // namespace sluice::memory
