// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <thread>
#include <vector>

#include "bench/micro/report.h"
#include "benchmark/benchmark.h"
#include "engine/base/mpsc_ring.h"
#include "engine/io/port.h"
#include "engine/io/timer_wheel.h"

namespace sluice::io {
namespace {

using bench::AllocationMeter;
using bench::Fail;

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
  const AllocationMeter meter;
  for (auto _ : state) {
    wheel.Start(timer, now + 5 * kSecond);
    wheel.Start(timer, now + 3600 * kSecond);
    wheel.Stop(timer);
  }
  meter.Report(state);
  if (wheel.running() != others.size()) Fail(state, "a timer was lost");
  for (const auto& other : others) wheel.Stop(*other);
}
BENCHMARK(BM_TimerStartMoveStop)->Arg(0)->Arg(10000);

// A timer that is due: started, found and run.
void BM_TimerFire(benchmark::State& state) {
  Instant now = Instant::Now();
  TimerWheel wheel(now);
  std::int64_t fired = 0;
  Timer timer;
  timer.Bind(&fired, [](void* count) { ++*static_cast<std::int64_t*>(count); });
  const AllocationMeter meter;
  for (auto _ : state) {
    now = now + 5 * kMillisecond;
    wheel.Start(timer, now);
    while (timer.running()) {
      now = now + kMillisecond;
      wheel.Advance(now, 16);
    }
  }
  meter.Report(state);
  if (fired != static_cast<std::int64_t>(state.iterations())) Fail(state, "a timer did not fire");
}
BENCHMARK(BM_TimerFire);

void BM_RingHandover(benchmark::State& state) {
  MpscRing<AcceptedSocket> ring(1024);
  AcceptedSocket out;
  bool ok = true;
  const AllocationMeter meter;
  for (auto _ : state) {
    ok = ring.Push(AcceptedSocket{}) && ok;
    ok = ring.Pop(out) && ok;
    benchmark::DoNotOptimize(out);
  }
  meter.Report(state);
  if (!ok) Fail(state, "the ring refused");
}
BENCHMARK(BM_RingHandover);

// One thread gives, the other takes: the cache lines travel between two processors.
void BM_RingHandoverBetweenThreads(benchmark::State& state) {
  static MpscRing<AcceptedSocket> ring(1024);
  const bool takes = state.thread_index() == 0;
  NativeHandle next = 0;
  bool ordered = true;
  const AllocationMeter meter;
  for (auto _ : state) {
    if (takes) {
      AcceptedSocket out;
      while (!ring.Pop(out)) std::this_thread::yield();
      ordered = ordered && out.handle == next++;
    } else {
      while (!ring.Push(AcceptedSocket{next, {}, {}})) std::this_thread::yield();
      ++next;
    }
  }
  if (!takes) return;
  meter.Report(state);
  // Not earlier: the other thread must not wait for room that nobody makes.
  if (!ordered) Fail(state, "the ring changed the order");
}
BENCHMARK(BM_RingHandoverBetweenThreads)->Threads(2)->UseRealTime();

// One operation from start to handler without the kernel having anything to do: the engine's own
// share.
void BM_OperationDispatch(benchmark::State& state) {
  absl::StatusOr<std::unique_ptr<Port>> port = Port::Create(PortOptions{});
  if (!port.ok()) return Fail(state, port.status().ToString());
  std::uint64_t outcomes = 0;
  DeferOp operation;
  operation.Bind(&outcomes, [](void* count, Outcome) { ++*static_cast<std::uint64_t*>(count); });
  const AllocationMeter meter;
  for (auto _ : state) {
    (*port)->Defer(operation);
    while (!operation.idle()) (*port)->RunOnce(Instant{});
  }
  meter.Report(state);
  if (outcomes != static_cast<std::uint64_t>(state.iterations()))
    Fail(state, "an outcome is missing");
}
BENCHMARK(BM_OperationDispatch);

// A batch of them in one turn, as under load.
void BM_OperationDispatchBatch(benchmark::State& state) {
  absl::StatusOr<std::unique_ptr<Port>> port = Port::Create(PortOptions{});
  if (!port.ok()) return Fail(state, port.status().ToString());
  const auto count = static_cast<std::size_t>(state.range(0));
  std::uint64_t outcomes = 0;
  const auto operations = std::make_unique<DeferOp[]>(count);
  for (std::size_t i = 0; i < count; ++i) {
    operations[i].Bind(&outcomes, [](void* sum, Outcome) { ++*static_cast<std::uint64_t*>(sum); });
  }
  const AllocationMeter meter;
  for (auto _ : state) {
    for (std::size_t i = 0; i < count; ++i) (*port)->Defer(operations[i]);
    while (!operations[count - 1].idle()) (*port)->RunOnce(Instant{});
  }
  meter.Report(state);
  state.SetItemsProcessed(static_cast<std::int64_t>(outcomes));
  if (outcomes != count * static_cast<std::uint64_t>(state.iterations())) {
    Fail(state, "an outcome is missing");
  }
}
BENCHMARK(BM_OperationDispatchBatch)->Arg(64);

}  // namespace
}  // namespace sluice::io
