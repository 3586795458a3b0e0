// SPDX-License-Identifier: Apache-2.0
//
// The life of one flow, accept to joined, on the simulator: no kernel, so the engine's own work
// stands out; the simulated network and both far ends are in the time, and in the allocations.
#include <algorithm>

#include "bench/micro/report.h"
#include "benchmark/benchmark.h"
#include "engine/io/sim/world.h"
#include "tests/cost/chain.h"
#include "tests/cost/far_ends.h"

namespace sluice::cost {
namespace {

using io::sim::World;

constexpr int kStepsMax = 100000;

// One connection through the chain, until the engines hold nothing of it. False: it got stuck.
bool RunOne(World& world, FarEnds& ends, Chain& chain) {
  ends.Start(1, chain.front());
  for (int step = 0; step < kStepsMax; ++step) {
    if (ends.done() && chain.worker().load() == 0) return ends.failure().empty();
    while (world.DeliverOne()) {
    }
    const int ran = ends.Turn(Instant{});
    const std::uint64_t handlers = chain.worker().port_stats().handlers;
    chain.worker().Turn(Instant{});
    if (ran != 0 || chain.worker().port_stats().handlers != handlers) continue;
    if (world.NextDelivery() != Instant::Never()) {
      world.MoveClock(std::max(world.now(), world.NextDelivery()));
    }
  }
  return false;
}

void BM_FlowLifeSimulated(benchmark::State& state) {
  io::sim::WorldOptions options;
  options.odds = io::sim::Odds{.inline_completion = 0,
                               .late_completion = 0,
                               .lazy_completion = 0,
                               .partial = 0,
                               .short_turn = 0,
                               .late_cancel = 0,
                               .cancel_loses = 0};
  options.self_driven = true;
  World world(options);
  FarEnds ends(1);
  Chain chain(
      ChainOptions{
          .depth = static_cast<int>(state.range(0)), .emulated = false, .caller_driven = true},
      ends.origin());
  const bench::AllocationMeter meter;
  for (auto _ : state) {
    if (RunOne(world, ends, chain)) continue;
    bench::Fail(state, ends.failure().empty() ? "a flow got stuck" : ends.failure());
    break;
  }
  meter.Report(state);
  if (chain.spent().joined != static_cast<std::uint64_t>(state.iterations() * state.range(0))) {
    bench::Fail(state, "a flow did not join");
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(BM_FlowLifeSimulated)->Arg(1)->Arg(4);

}  // namespace
}  // namespace sluice::cost
