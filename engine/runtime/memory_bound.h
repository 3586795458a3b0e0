// SPDX-License-Identifier: Apache-2.0
//
// MemoryBound: the most memory that a runtime and its engines can come to hold, by their options
// alone. The formula is in README.md of this room; tests/unit/runtime/memory_test.cc holds a
// process under slow readers, slow writers and stuck verdicts to it.
#ifndef SLUICE_RUNTIME_MEMORY_BOUND_H_
#define SLUICE_RUNTIME_MEMORY_BOUND_H_

#include <cstddef>
#include <string>

#include "absl/types/span.h"

namespace sluice::runtime {

struct EngineOptions;
struct RuntimeOptions;

// Bytes. Not in it: what the kernel holds for sockets, and what inspectors keep for themselves.
struct MemoryBound {
  std::size_t workers = 0;    // slabs, landings and sends, hand-over rings, ports, stacks
  std::size_t flows = 0;      // and their openings
  std::size_t queries = 0;    // records and contexts
  std::size_t guards = 0;     // loop guard, flows of each source
  std::size_t listeners = 0;  // and their accepts
  std::size_t verdicts = 0;   // desks

  std::size_t total() const { return workers + flows + queries + guards + listeners + verdicts; }
  // "at most 423 MiB: workers 68 MiB, flows 330 MiB, ..."
  std::string ToString() const;
};

MemoryBound WorstCaseMemory(const RuntimeOptions& runtime,
                            absl::Span<const EngineOptions* const> engines);

}  // namespace sluice::runtime

#endif  // SLUICE_RUNTIME_MEMORY_BOUND_H_
