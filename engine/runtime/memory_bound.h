// SPDX-License-Identifier: Apache-2.0
//
// MemoryBound: the most memory that a runtime and its engines can come to hold, by their options
// alone. The formula is in README.md of this room; tests/unit/runtime/memory_test.cc holds a
// process under slow readers, slow writers and stuck verdicts to it.
#ifndef SLUICE_RUNTIME_MEMORY_BOUND_H_
#define SLUICE_RUNTIME_MEMORY_BOUND_H_

#include "absl/types/span.h"
#include "sluice/metrics.h"

namespace sluice::runtime {

struct EngineOptions;
struct RuntimeOptions;

using MemoryBound = sluice::MemoryBound;

MemoryBound WorstCaseMemory(const RuntimeOptions& runtime,
                            absl::Span<const EngineOptions* const> engines);

}  // namespace sluice::runtime

#endif  // SLUICE_RUNTIME_MEMORY_BOUND_H_
