// SPDX-License-Identifier: Apache-2.0
//
// FlowPools: what the flows of one worker hold only while they need it. An idle flow has nothing of
// it, so a worker needs as much as works at once and not as much as is connected.
//
// A landing and a send are never refused: each armed receive has a chunk or a pipe of its own to
// land in, and each armed send a link or a pipe of its own to send from, and of all these there is
// a fixed number. Room for so many is made at the start, and touched when first used. Openings grow
// as flows do and may be refused.
#ifndef SLUICE_FLOW_FLOW_POOLS_H_
#define SLUICE_FLOW_FLOW_POOLS_H_

#include <cstddef>

#include "engine/flow/inspection.h"
#include "engine/flow/pipe_pool.h"
#include "engine/io/operation.h"
#include "engine/memory/pool.h"
#include "engine/memory/slab.h"
#include "engine/net/connector.h"
#include "engine/redirect/redirector.h"

namespace sluice::flow {

// A receive and the chunks it lands in.
struct Landing {
  static constexpr std::size_t kChunksMax = io::RecvOp::kBuffersMax;
  io::RecvOp recv;
  memory::Slice chunks[kChunksMax];
};

// What a flow needs from its accept until it is connected.
struct Opening {
  redirect::QueryOp query;
  redirect::CarryOp carry;
  net::Connector connector;

  bool idle() const { return query.idle() && carry.idle() && connector.idle(); }
};

struct FlowPools {
  explicit FlowPools(const memory::SlabOptions& slab)
      : landings(slab.chunks_max + PipePool::kMax, slab.memory),
        sends(memory::Slab::LinksOf(slab) + PipePool::kMax, slab.memory),
        openings(slab.memory) {}

  // False when there was none for what must never be refused.
  bool has_memory() const { return landings.has_memory() && sends.has_memory(); }

  memory::Pool<Landing> landings;
  memory::Pool<io::SendOp> sends;
  memory::Pool<Opening> openings;
  memory::Pool<Inspection> inspections;
  PipePool pipes;

  // Objects taken and not given back.
  std::size_t live() const {
    return landings.live() + sends.live() + openings.live() + inspections.live() + pipes.taken();
  }
  // What is allocated at the start.
  static constexpr std::size_t BytesFor(const memory::SlabOptions& slab) {
    return memory::Pool<Landing>::BytesFor(slab.chunks_max + PipePool::kMax) +
           memory::Pool<io::SendOp>::BytesFor(memory::Slab::LinksOf(slab) + PipePool::kMax);
  }
};

}  // namespace sluice::flow

#endif  // SLUICE_FLOW_FLOW_POOLS_H_
