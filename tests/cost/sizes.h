// SPDX-License-Identifier: Apache-2.0
//
// The structs that each connection, operation or chunk has, and the size that each may have at
// most: a connection's memory is counted in them, and so is what a turn drags through the caches.
#ifndef SLUICE_TESTS_COST_SIZES_H_
#define SLUICE_TESTS_COST_SIZES_H_

#include <cstddef>

#include "engine/flow/flow.h"
#include "engine/flow/flow_pools.h"
#include "engine/flow/inspection.h"
#include "engine/memory/slab.h"

namespace sluice::cost {

struct HotSize {
  const char* name;
  std::size_t bytes;
  std::size_t bytes_max;
  const char* how_many;
};

// Bounds hold on Linux and on Windows, where an operation is some 8 to 32 bytes larger
// (OVERLAPPED).
inline constexpr HotSize kHotSizes[] = {
    {"Flow", sizeof(flow::Flow), 928, "1 a connection"},
    {"Leg", sizeof(flow::Leg), 224, "2 a flow"},
    {"Pump", sizeof(flow::Pump), 112, "2 a flow"},
    {"Inspection", sizeof(flow::Inspection), 448,
     "1 a flow that is looked at, tapped or kept to a rate"},
    {"Landing", sizeof(flow::Landing), 328, "1 a receive that waits"},
    {"Opening", sizeof(flow::Opening), 1536, "1 a flow until it is connected"},
    {"QueryOp", sizeof(redirect::QueryOp), 736, "1 an opening"},
    {"CarryOp", sizeof(redirect::CarryOp), 400, "1 an opening"},
    {"Connector", sizeof(net::Connector), 400, "1 an opening"},
    {"Socket", sizeof(io::Socket), 88, "2 a flow"},
    {"Operation", sizeof(io::Operation), 128, "in every operation"},
    {"RecvOp", sizeof(io::RecvOp), 264, "1 a landing"},
    {"SendOp", sizeof(io::SendOp), 456, "1 a send under way"},
    {"AwaitReadableOp", sizeof(io::AwaitReadableOp), 128, "2 a flow"},
    {"ConnectOp", sizeof(io::ConnectOp), 312, "1 an opening"},
    {"ControlOp", sizeof(io::ControlOp), 200, "3 an opening"},
    {"DeferOp", sizeof(io::DeferOp), 128, "2 an opening"},
    {"AcceptOp", sizeof(io::AcceptOp), 512, "64 a listener"},
    {"Timer", sizeof(io::Timer), 48, "2 a flow"},
    {"Address", sizeof(Address), 24, "some a flow"},
    {"Chunk", sizeof(memory::Chunk), 32, "1 beside each 16 KiB"},
    {"Slice", sizeof(memory::Slice), 16, "4 a landing"},
    {"SliceNode", sizeof(memory::SliceNode), 24, "4 a chunk"},
    {"Chain", sizeof(memory::Chain), 32, "1 a pump, 4 an inspection"},
};

}  // namespace sluice::cost

#endif  // SLUICE_TESTS_COST_SIZES_H_
