// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/report.h"
#include "benchmark/benchmark.h"
#include "engine/memory/chain.h"
#include "engine/memory/slab.h"

namespace sluice::memory {
namespace {

using bench::AllocationMeter;
using bench::Fail;

constexpr SlabOptions kOptions{16 * 1024, 1024};

void BM_SlabTakeAndGiveBack(benchmark::State& state) {
  Slab slab(kOptions);
  const AllocationMeter meter;
  for (auto _ : state) {
    Slice slice = slab.Take();
    benchmark::DoNotOptimize(slice);
  }
  meter.Report(state);
  if (slab.used() != 0 || slab.given_back() != static_cast<std::uint64_t>(state.iterations()))
    Fail(state, "a chunk is missing");
}
BENCHMARK(BM_SlabTakeAndGiveBack);

// What a relay does with one receive: take a chunk, link what arrived, send it, unlink.
void BM_ChainRelayOneReceive(benchmark::State& state) {
  Slab slab(kOptions);
  Chain queue(slab);
  const AllocationMeter meter;
  for (auto _ : state) {
    Slice landing = slab.Take();
    Chain fresh(slab);
    benchmark::DoNotOptimize(fresh.Append(landing.Part(0, 64)));
    queue.Append(fresh);
    queue.RemovePrefix(64);
  }
  meter.Report(state);
  if (slab.used() != 0 || slab.nodes_used() != 0) Fail(state, "a chunk or a link was kept");
}
BENCHMARK(BM_ChainRelayOneReceive);

void BM_ChainSplit(benchmark::State& state) {
  constexpr std::size_t kSlices = 16;
  Slab slab(kOptions);
  Chain chain(slab);
  for (std::size_t i = 0; i < kSlices; ++i) benchmark::DoNotOptimize(chain.Append(slab.Take()));
  const AllocationMeter meter;
  for (auto _ : state) {
    Chain front(slab);
    benchmark::DoNotOptimize(chain.SplitPrefix(100000, front));
    front.Append(chain);
    chain.Append(front);
  }
  meter.Report(state);
  if (chain.size() != kSlices * kOptions.chunk_bytes || !chain.Valid())
    Fail(state, "bytes were lost");
}
BENCHMARK(BM_ChainSplit);

}  // namespace
}  // namespace sluice::memory
