// SPDX-License-Identifier: Apache-2.0
#include "tests/cost/allocations.h"

#include <atomic>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLUICE_COUNT_ALLOCATIONS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLUICE_COUNT_ALLOCATIONS 0
#endif
#endif
#ifndef SLUICE_COUNT_ALLOCATIONS
#define SLUICE_COUNT_ALLOCATIONS 1
#endif

namespace sluice::cost {
namespace {

// Constant-initialised: operator new runs before any constructor does.
thread_local std::uint64_t of_thread = 0;
std::atomic<std::uint64_t> of_all{0};

}  // namespace

bool AllocationsAreCounted() { return SLUICE_COUNT_ALLOCATIONS != 0; }
std::uint64_t ThreadAllocations() { return of_thread; }
std::uint64_t AllAllocations() { return of_all.load(std::memory_order_relaxed); }

// The program's other forms of operator new and delete end here as well.
void* CountedNew(std::size_t size) {
  ++of_thread;
  of_all.fetch_add(1, std::memory_order_relaxed);
  void* memory = std::malloc(size != 0 ? size : 1);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace sluice::cost

#if SLUICE_COUNT_ALLOCATIONS
// The standard library's array and nothrow forms call these. Over-aligned ones stay uncounted: the
// engine has none on the data path, and their memory must not meet free() on Windows.
void* operator new(std::size_t size) { return sluice::cost::CountedNew(size); }
void* operator new[](std::size_t size) { return sluice::cost::CountedNew(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
#endif
