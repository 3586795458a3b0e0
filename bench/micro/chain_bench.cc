// SPDX-License-Identifier: Apache-2.0
//
// Connections per second through a chain of engines in one process, over loopback sockets: the far
// ends on this thread, all engines on one worker's. items_per_second is connections per second.
#include <ctime>
#include <string>

#include "bench/micro/report.h"
#include "benchmark/benchmark.h"
#include "tests/cost/chain.h"
#include "tests/cost/far_ends.h"

namespace sluice::cost {
namespace {

constexpr int kAtOnce = 64;
constexpr std::uint64_t kBatch = 256;  // connections of one iteration

double ProcessCpuSeconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

void ChainedConnections(benchmark::State& state, bool emulated) {
  // The engine's pools grow to the most flows there ever were at once, so the warm-up has more.
  FarEnds ends(3 * kAtOnce);
  Chain chain(ChainOptions{.depth = static_cast<int>(state.range(0)), .emulated = emulated},
              ends.origin());
  if (!ends.Run(4 * kBatch, chain.front())) return bench::Fail(state, "warm-up: " + ends.failure());
  const Chain::Spent before = chain.spent();
  const double process_before = ProcessCpuSeconds();
  const bench::AllocationMeter meter;
  for (auto _ : state) {
    if (ends.Run(kBatch, chain.front(), kAtOnce)) continue;
    bench::Fail(state, ends.failure());
    break;
  }
  meter.Report(state);
  const double process = ProcessCpuSeconds() - process_before;
  const Chain::Spent after = chain.spent();
  const double connections = static_cast<double>(state.iterations()) * static_cast<double>(kBatch);
  const auto each = [&](std::uint64_t end, std::uint64_t begin) {
    return benchmark::Counter(static_cast<double>(end - begin) / connections);
  };
  state.SetItemsProcessed(static_cast<std::int64_t>(connections));
  state.counters["engine_cpu_s_per_1000"] =
      benchmark::Counter((after.cpu_seconds - before.cpu_seconds) / connections * 1000);
  state.counters["process_cpu_s_per_1000"] = benchmark::Counter(process / connections * 1000);
  state.counters["engine_calls_per_connection"] = each(after.calls, before.calls);
  state.counters["engine_allocs_per_connection"] = each(after.allocations, before.allocations);
}

void BM_ChainedConnections(benchmark::State& state) { ChainedConnections(state, false); }
BENCHMARK(BM_ChainedConnections)
    ->RangeMultiplier(2)
    ->Range(1, 8)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

void BM_ChainedConnectionsEmulated(benchmark::State& state) { ChainedConnections(state, true); }
BENCHMARK(BM_ChainedConnectionsEmulated)
    ->RangeMultiplier(2)
    ->Range(1, 8)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace sluice::cost
