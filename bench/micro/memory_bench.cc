// SPDX-License-Identifier: Apache-2.0
#include "benchmark/benchmark.h"
#include "engine/memory/chain.h"
#include "engine/memory/slab.h"

namespace sluice::memory {
namespace {

void BM_SlabTakeAndGiveBack(benchmark::State& state) {
  Slab slab(SlabOptions{16 * 1024, 1024});
  for (auto _ : state) {
    Slice slice = slab.Take();
    benchmark::DoNotOptimize(slice);
  }
}
BENCHMARK(BM_SlabTakeAndGiveBack);

// What a relay does with one receive: take a chunk, link what arrived, send it, unlink.
void BM_ChainRelayOneReceive(benchmark::State& state) {
  Slab slab(SlabOptions{16 * 1024, 1024});
  Chain queue(slab);
  for (auto _ : state) {
    Slice landing = slab.Take();
    Chain fresh(slab);
    benchmark::DoNotOptimize(fresh.Append(landing.Part(0, 64)));
    queue.Append(fresh);
    queue.RemovePrefix(64);
  }
}
BENCHMARK(BM_ChainRelayOneReceive);

void BM_ChainSplit(benchmark::State& state) {
  Slab slab(SlabOptions{16 * 1024, 1024});
  Chain chain(slab);
  for (int i = 0; i < 16; ++i) benchmark::DoNotOptimize(chain.Append(slab.Take()));
  for (auto _ : state) {
    Chain front(slab);
    benchmark::DoNotOptimize(chain.SplitPrefix(100000, front));
    front.Append(chain);
    chain.Append(front);
  }
}
BENCHMARK(BM_ChainSplit);

}  // namespace
}  // namespace sluice::memory
