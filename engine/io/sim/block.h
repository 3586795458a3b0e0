// SPDX-License-Identifier: Apache-2.0
#ifndef SLUICE_IO_SIM_BLOCK_H_
#define SLUICE_IO_SIM_BLOCK_H_

#include <new>

#include "engine/base/clock.h"
#include "engine/io/operation.h"
#include "engine/io/platform.h"

namespace sluice::io::sim {

// In the native block of an armed operation.
struct Block {
  Instant not_before;  // it completes no earlier
  void* port = nullptr;
  ControlReply reply;  // of a control
};
static_assert(sizeof(Block) <= sizeof(NativeBlock::bytes));

inline Block& BlockIn(NativeBlock& native) {
  return *std::launder(reinterpret_cast<Block*>(native.bytes));
}

}  // namespace sluice::io::sim

#endif  // SLUICE_IO_SIM_BLOCK_H_
