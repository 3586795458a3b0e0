// SPDX-License-Identifier: Apache-2.0
//
// ChainReader: the bytes of a chain one after the other, however they are sliced. Copies none,
// changes nothing. The chain must stay as it is meanwhile.
#ifndef SLUICE_MEMORY_CHAIN_READER_H_
#define SLUICE_MEMORY_CHAIN_READER_H_

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
  std::uint8_t Next() {
    SLUICE_DCHECK(left_ > 0);
    --left_;
    const std::byte byte = node_->slice.data()[offset_++];
    if (offset_ == node_->slice.size()) {
      node_ = node_->next;
      offset_ = 0;
    }
    return static_cast<std::uint8_t>(byte);
  }

 private:
  const SliceNode* node_;
  std::size_t offset_ = 0;  // in node_'s slice; inside it while anything is left
  std::size_t left_;
};

}  // namespace sluice::memory

#endif  // SLUICE_MEMORY_CHAIN_READER_H_
