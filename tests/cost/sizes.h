// SPDX-License-Identifier: Apache-2.0
//
// The structs that each connection, operation or chunk has, and the size that each may have at
// most: a connection's memory is counted in them, and so is what a turn drags through the caches.
#ifndef SLUICE_TESTS_COST_SIZES_H_
#define SLUICE_TESTS_COST_SIZES_H_

#include <cstddef>

#include "engine/flow/flow.h"
#include "engine/memory/slab.h"
#include "engine/runtime/flow_pool.h"

namespace sluice::cost {

struct HotSize {
  const char* name;
  std::size_t bytes;
  std::size_t bytes_max;
  const char* how_many;
};

// With GCC's and Clang's layout for x86-64, which is the same on Linux and on Windows (mingw).
inline constexpr HotSize kHotSizes[] = {
    {"Flow", sizeof(flow::Flow), 3960, "1 a connection"},
    {"Leg", sizeof(flow::Leg), 944, "2 a flow"},
    {"Pump", sizeof(flow::Pump), 224, "2 a flow"},
    {"QueryOp", sizeof(redirect::QueryOp), 648, "1 a flow"},
    {"CarryOp", sizeof(redirect::CarryOp), 368, "1 a flow"},
    {"Connector", sizeof(net::Connector), 376, "1 a flow"},
    {"Socket", sizeof(io::Socket), 96, "2 a flow"},
    {"Operation", sizeof(io::Operation), 128, "in every operation"},
    {"RecvOp", sizeof(io::RecvOp), 264, "2 a flow"},
    {"SendOp", sizeof(io::SendOp), 456, "2 a flow"},
    {"AwaitReadableOp", sizeof(io::AwaitReadableOp), 128, "2 a flow"},
    {"ConnectOp", sizeof(io::ConnectOp), 288, "1 a flow"},
    {"ControlOp", sizeof(io::ControlOp), 168, "3 a flow"},
    {"DeferOp", sizeof(io::DeferOp), 128, "2 a flow"},
    {"AcceptOp", sizeof(io::AcceptOp), 512, "64 a listener"},
    {"Timer", sizeof(io::Timer), 48, "2 a flow"},
    {"Address", sizeof(Address), 24, "7 a flow"},
    {"Chunk", sizeof(memory::Chunk), 32, "1 beside each 16 KiB"},
    {"Slice", sizeof(memory::Slice), 16, "4 a pump"},
    {"SliceNode", sizeof(memory::SliceNode), 24, "4 a chunk"},
    {"Chain", sizeof(memory::Chain), 40, "2 a pump"},
};

}  // namespace sluice::cost

#endif  // SLUICE_TESTS_COST_SIZES_H_
