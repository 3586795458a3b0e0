// SPDX-License-Identifier: Apache-2.0
//
// What every benchmark here reports beside its time, and how one fails.
#ifndef SLUICE_BENCH_MICRO_REPORT_H_
#define SLUICE_BENCH_MICRO_REPORT_H_

#include <cstdint>
#include <string>

#include "benchmark/benchmark.h"
#include "tests/cost/allocations.h"

namespace sluice::bench {

// Ends the benchmark with an error. Google Benchmark alone would still exit with 0; `main` here
// exits with 1, so that wrong work is a failed test. Any thread.
void Fail(benchmark::State& state, const std::string& why);
bool AnyFailed();

// The calls of operator new, of all threads, from here to Report: the counter `allocs`, for each
// iteration.
class AllocationMeter {
 public:
  AllocationMeter() : begin_(cost::AllAllocations()) {}
  void Report(benchmark::State& state) const {
    const std::uint64_t count = cost::AllAllocations() - begin_;
    state.counters["allocs"] =
        benchmark::Counter(static_cast<double>(count), benchmark::Counter::kAvgIterations);
  }

 private:
  const std::uint64_t begin_;
};

}  // namespace sluice::bench

#endif  // SLUICE_BENCH_MICRO_REPORT_H_
