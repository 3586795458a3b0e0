// SPDX-License-Identifier: Apache-2.0
#ifndef SLUICE_IO_SIM_BLOCK_H_
#define SLUICE_IO_SIM_BLOCK_H_

#include <cstddef>
#include <new>

#include "engine/base/clock.h"
#include "engine/io/operation.h"
#include "engine/io/pipe.h"
#include "engine/io/platform.h"

namespace sluice::io::sim {

// In the native block of an armed operation.
struct Block {
  Instant not_before;  // it completes no earlier
};
static_assert(sizeof(Block) <= sizeof(NativeBlock::bytes));

// In the scratch of an armed control.
struct ControlBlock {
  void* port = nullptr;
  ControlReply reply;
};

inline Block& BlockIn(NativeBlock& native) {
  return *std::launder(reinterpret_cast<Block*>(native.bytes));
}

// In the scratch of a receive or a send that uses a pipe.
template <std::size_t kSize>
Pipe*& PipeIn(std::byte (&scratch)[kSize]) {
  static_assert(sizeof(Pipe*) <= kSize);
  return *std::launder(reinterpret_cast<Pipe**>(scratch));
}

template <std::size_t kSize>
ControlBlock& ControlBlockIn(std::byte (&scratch)[kSize]) {
  static_assert(sizeof(ControlBlock) <= kSize);
  return *std::launder(reinterpret_cast<ControlBlock*>(scratch));
}

}  // namespace sluice::io::sim

#endif  // SLUICE_IO_SIM_BLOCK_H_
