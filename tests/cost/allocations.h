// SPDX-License-Identifier: Apache-2.0
//
// Allocations: how often operator new was called. Linking allocations.cc replaces operator new of
// the whole program. Any thread.
#ifndef SLUICE_TESTS_COST_ALLOCATIONS_H_
#define SLUICE_TESTS_COST_ALLOCATIONS_H_

#include <cstdint>

namespace sluice::cost {

// False under sanitizers: they need an operator new of their own, and nothing is counted.
bool AllocationsAreCounted();
// By the calling thread, since it began.
std::uint64_t ThreadAllocations();
// By all threads.
std::uint64_t AllAllocations();

}  // namespace sluice::cost

#endif  // SLUICE_TESTS_COST_ALLOCATIONS_H_
