// SPDX-License-Identifier: Apache-2.0
//
// ChainReader: the bytes of a chain one after the other, however they are sliced. Copies none,
// changes nothing. The chain must stay as it is meanwhile.
#ifndef SLUICE_MEMORY_CHAIN_READER_H_
#define SLUICE_MEMORY_CHAIN_READER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "engine/memory/chain.h"
#include "engine/memory/slab.h"

namespace sluice::memory {

class ChainReader {
 public:
  explicit ChainReader(const Chain& chain) : node_(chain.first_), left_(chain.size()) {}

  std::size_t left() const { return left_; }
  // REQUIRES: left() > 0.
  std::uint8_t Peek() const { return static_cast<std::uint8_t>(node_->slice.data()[offset_]); }
  std::uint8_t Next() {
    const std::uint8_t byte = Peek();
    Skip(1);
    return byte;
  }
  // REQUIRES: count <= left().
  void Skip(std::size_t count) {
    SLUICE_DCHECK(count <= left_);
    left_ -= count;
    while (count > 0) {
      const std::size_t part = std::min(count, node_->slice.size() - offset_);
      offset_ += part;
      count -= part;
      if (offset_ < node_->slice.size()) continue;
      node_ = node_->next;
      offset_ = 0;
    }
  }

 private:
  const SliceNode* node_;
  std::size_t offset_ = 0;  // in node_'s slice; inside it while anything is left
  std::size_t left_;
};

}  // namespace sluice::memory

#endif  // SLUICE_MEMORY_CHAIN_READER_H_
