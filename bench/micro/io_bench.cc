// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <vector>

#include "benchmark/benchmark.h"
#include "engine/base/mpsc_ring.h"
#include "engine/io/port.h"
#include "engine/io/timer_wheel.h"

namespace sluice::io {
namespace {

// Start, move and stop one timer among `range` others: what each flow costs the wheel.
void BM_TimerStartMoveStop(benchmark::State& state) {
  const Instant now = Instant::Now();
  TimerWheel wheel(now);
  std::vector<std::unique_ptr<Timer>> others;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    others.push_back(std::make_unique<Timer>());
    others.back()->Bind(nullptr, [](void*) {});
    wheel.Start(*others.back(), now + (i + 1) * kSecond);
  }
  Timer timer;
  timer.Bind(nullptr, [](void*) {});
  for (auto _ : state) {
    wheel.Start(timer, now + 5 * kSecond);
    wheel.Start(timer, now + 3600 * kSecond);
    wheel.Stop(timer);
  }
  for (const auto& other : others) wheel.Stop(*other);
}
BENCHMARK(BM_TimerStartMoveStop)->Arg(0)->Arg(10000);

void BM_RingHandover(benchmark::State& state) {
  MpscRing<AcceptedSocket> ring(1024);
  AcceptedSocket out;
  for (auto _ : state) {
    benchmark::DoNotOptimize(ring.Push(AcceptedSocket{}));
    benchmark::DoNotOptimize(ring.Pop(out));
  }
}
BENCHMARK(BM_RingHandover);

// One operation from start to handler without the kernel having anything to do: the engine's own
// share.
void BM_OperationDispatch(benchmark::State& state) {
  absl::StatusOr<std::unique_ptr<Port>> port = Port::Create(PortOptions{});
  if (!port.ok()) {
    state.SkipWithError("no completion port");
    return;
  }
  DeferOp operation;
  operation.Bind(nullptr, [](void*, Outcome) {});
  for (auto _ : state) {
    (*port)->Defer(operation);
    while (!operation.idle()) (*port)->RunOnce(Instant{});
  }
}
BENCHMARK(BM_OperationDispatch);

}  // namespace
}  // namespace sluice::io
