// SPDX-License-Identifier: Apache-2.0
//
// FlowPool: memory for flows of one worker, in blocks that are kept once made, so that a warm
// worker allocates nothing for a new connection. One thread.
#ifndef SLUICE_RUNTIME_FLOW_POOL_H_
#define SLUICE_RUNTIME_FLOW_POOL_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "engine/flow/flow.h"

namespace sluice::runtime {

class FlowPool {
 public:
  FlowPool() = default;
  FlowPool(const FlowPool&) = delete;
  FlowPool& operator=(const FlowPool&) = delete;
  // REQUIRES: no flow is live.
  ~FlowPool();

  flow::Flow* Make(flow::FlowHost& host);
  void Free(flow::Flow* flow);
  std::size_t live() const { return live_; }

  // What a pool comes to hold under `flows` flows at once. A flow that joined is no longer counted
  // by its engine, but its memory is given back at the end of the turn.
  static std::size_t BytesFor(std::size_t flows);

 private:
  static constexpr std::size_t kFlowsPerBlock = 32;
  // More than the handlers and timers of a turn.
  static constexpr std::size_t kJoinedATurn = 512;
  struct Cell {
    union {
      Cell* next;
      alignas(flow::Flow) std::byte bytes[sizeof(flow::Flow)];
    };
  };

  std::vector<std::unique_ptr<Cell[]>> blocks_;
  Cell* free_ = nullptr;
  std::size_t live_ = 0;
};

}  // namespace sluice::runtime

#endif  // SLUICE_RUNTIME_FLOW_POOL_H_
