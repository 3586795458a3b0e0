// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/flow_pool.h"

#include <new>

#include "engine/base/check.h"

namespace sluice::runtime {

FlowPool::~FlowPool() { SLUICE_CHECK(live_ == 0); }

std::size_t FlowPool::BytesFor(std::size_t flows) {
  const std::size_t blocks = (flows + kJoinedATurn + kFlowsPerBlock - 1) / kFlowsPerBlock;
  return blocks * (kFlowsPerBlock * sizeof(Cell) + sizeof(std::unique_ptr<Cell[]>) * 3);
}

flow::Flow* FlowPool::Make(flow::FlowHost& host) {
  if (free_ == nullptr) {
    std::unique_ptr<Cell[]> block(new Cell[kFlowsPerBlock]);
    for (std::size_t i = kFlowsPerBlock; i-- > 0;) {
      block[i].next = free_;
      free_ = &block[i];
    }
    blocks_.push_back(std::move(block));
  }
  Cell* cell = free_;
  free_ = cell->next;
  ++live_;
  return new (cell->bytes) flow::Flow(host);
}

void FlowPool::Free(flow::Flow* flow) {
  SLUICE_CHECK(live_ > 0);
  flow->~Flow();
  Cell* cell = new (static_cast<void*>(flow)) Cell;
  cell->next = free_;
  free_ = cell;
  --live_;
}

}  // namespace sluice::runtime
