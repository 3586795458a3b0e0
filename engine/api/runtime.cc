// SPDX-License-Identifier: Apache-2.0
#include "sluice/runtime.h"

#include <algorithm>
#include <utility>

#include "engine/api/impl.h"
#include "engine/api/options.h"
#include "engine/base/check.h"
#include "engine/io/port.h"
#include "engine/runtime/memory_bound.h"

namespace sluice {
namespace {

// Turns of the worker in one Turn of the caller: what an outcome leads to is mostly done in the
// same Turn, and a busy engine does not keep the host from its own loop.
constexpr int kTurns = 16;

}  // namespace

absl::StatusOr<std::unique_ptr<Runtime>> Runtime::Create(const RuntimeOptions& options) {
  const absl::Status checked = api::Check(options);
  if (!checked.ok()) return checked;
  auto impl = std::make_unique<Impl>(api::Inside(options));
  absl::StatusOr<std::unique_ptr<runtime::Runtime>> made = runtime::Runtime::Create(impl->options);
  if (!made.ok()) return made.status();
  impl->runtime = *std::move(made);
  return std::unique_ptr<Runtime>(new Runtime(std::move(impl)));
}

Runtime::Runtime(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Runtime::~Runtime() {
  {
    const MutexLock lock(impl_->mutex);
    SLUICE_CHECK(impl_->engines.empty());
  }
  impl_->runtime->Stop();
}

std::size_t Runtime::workers() const { return impl_->runtime->workers(); }
bool Runtime::caller_driven() const { return impl_->runtime->caller_driven(); }
const char* Runtime::BackendName() { return io::Port::BackendName(); }

bool Runtime::Turn(absl::Duration wait_max) {
  Impl& impl = *impl_;
  SLUICE_CHECK(caller_driven());
  SLUICE_CHECK(!impl.in_turn);
  impl.in_turn = true;
  runtime::Worker& worker = impl.runtime->worker(0);
  Instant until{};
  if (wait_max > absl::ZeroDuration()) {
    until = std::min(impl.Now() + absl::ToInt64Nanoseconds(wait_max), impl.NextStop());
  }
  bool more = worker.Turn(until);
  const bool done = more;
  for (int i = 1; more && i < kTurns; ++i) more = worker.Turn(Instant{});
  impl.idle = !more;
  impl.in_turn = false;
  impl.AttendStops();
  return done;
}

absl::Duration Runtime::TimeToTurn() const {
  const Impl& impl = *impl_;
  SLUICE_CHECK(caller_driven());
  if (!impl.idle) return absl::ZeroDuration();
  const Instant next = std::min(impl.runtime->worker(0).NextTimer(), impl.NextStop());
  if (next == Instant::Never()) return absl::InfiniteDuration();
  return absl::Nanoseconds(std::max<Nanos>(0, next - impl.Now()));
}

void Runtime::Wake() {
  for (std::size_t i = 0; i < impl_->runtime->workers(); ++i) impl_->runtime->worker(i).Wake();
}

LiveCounts Runtime::Live() { return impl_->runtime->Live(); }

MemoryBound Runtime::WorstCaseMemory() const {
  std::vector<const runtime::EngineOptions*> engines;
  const MutexLock lock(impl_->mutex);
  for (const Engine::Impl* engine : impl_->engines) engines.push_back(&engine->engine->options());
  return runtime::WorstCaseMemory(impl_->options, engines);
}

// When a stop that was begun has to be attended to, whatever happens before.
Instant Runtime::Impl::NextStop() const {
  Instant next = Instant::Never();
  for (const Engine::Impl* engine : stopping) {
    if (engine->engine->drained() || engine->hurried.load(std::memory_order_acquire)) {
      return Instant{};
    }
    if (!engine->terminated) next = std::min(next, engine->terminate_at);
  }
  return next;
}

// After a turn: `stopped` may begin other stops.
void Runtime::Impl::AttendStops() {
  const std::vector<Engine::Impl*> begun = stopping;
  for (Engine::Impl* engine : begun) {
    // A `stopped` before may have ended this one.
    if (std::find(stopping.begin(), stopping.end(), engine) == stopping.end()) continue;
    if (engine->engine->drained()) {
      FinishStop(*engine);
      continue;
    }
    const bool due =
        engine->hurried.load(std::memory_order_acquire) || Now() >= engine->terminate_at;
    if (engine->terminated || !due) continue;
    engine->terminated = true;
    engine->hurried.store(false, std::memory_order_release);
    engine->engine->TerminateFlows();
    idle = false;
  }
}

void Runtime::Impl::FinishStop(Engine::Impl& engine) {
  stopping.erase(std::find(stopping.begin(), stopping.end(), &engine));
  engine.engine->Stop(0);
  idle = false;
  if (const std::function<void()> stopped = std::exchange(engine.stopped, nullptr)) stopped();
}

}  // namespace sluice
