// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/memory_bound.h"

#include "absl/strings/str_cat.h"
#include "engine/inspect/verdict_desk.h"
#include "engine/runtime/engine.h"
#include "engine/runtime/runtime.h"

namespace sluice::runtime {
namespace {

// What a thread touches of its stack and what the C library keeps for it. An allowance, not a sum.
constexpr std::size_t kThreadBytes = 256 * 1024;
// A submission entry has 64 bytes, a completion entry 16, and there are four of those for each.
constexpr std::size_t kBytesPerQueueEntry = 64 + 4 * 16;
// A flow that joined is no longer counted by its engine, but its memory is given back at the end of
// the turn. More than the handlers and timers of a turn.
constexpr std::size_t kJoinedATurn = 512;

// All may be opening at once.
std::size_t BytesOfFlows(std::size_t flows, bool inspected) {
  return memory::Pool<flow::Flow>::BytesFor(flows + kJoinedATurn) +
         memory::Pool<flow::Opening>::BytesFor(flows) +
         (inspected ? memory::Pool<flow::Inspection>::BytesFor(flows) : 0);
}

}  // namespace

MemoryBound WorstCaseMemory(const RuntimeOptions& runtime,
                            absl::Span<const EngineOptions* const> engines) {
  const auto workers = static_cast<std::size_t>(runtime.workers);
  MemoryBound bound;
  bound.workers = workers * (Worker::BytesFor(runtime.worker) + kThreadBytes +
                             runtime.worker.port.queue_depth * kBytesPerQueueEntry);
  bound.guards = redirect::LoopGuard::BytesAtStart();
  for (const EngineOptions* engine : engines) {
    const std::size_t flows = engine->limits.flows_max;
    // Each worker keeps what it once had, and which flows it gets is up to the load.
    const bool inspected = engine->inspector != nullptr || engine->tap != nullptr ||
                           engine->policy.bytes_per_second != 0;
    bound.flows += workers * BytesOfFlows(flows, inspected);
    bound.queries += workers * flows * engine->redirector->QueryBytesMax();
    bound.guards += flows * redirect::LoopGuard::BytesPerFlow();
    if (engine->limits.flows_per_source_max != 0) {
      bound.guards += flows * SourceCounts::BytesPerSource();
    }
    for (const AdmissionLimits& limits : engine->listener_limits) {
      if (limits.flows_per_source_max == 0) continue;
      bound.guards += flows * SourceCounts::BytesPerSource();
    }
    bound.listeners += engine->listen.size() * net::Listener::BytesFor(engine->listener.accepts);
    bound.verdicts += workers * sizeof(EnginePart);
    if (engine->inspector != nullptr) {
      bound.verdicts += workers * inspect::VerdictDesk::BytesFor(engine->policy.pending_max);
    }
    if (engine->tap != nullptr) {
      bound.taps += kThreadBytes + workers * inspect::TapRing::BytesFor(engine->tap_bytes_max);
    }
  }
  return bound;
}

}  // namespace sluice::runtime

namespace sluice {

std::string MemoryBound::ToString() const {
  const auto mib = [](std::size_t bytes) { return absl::StrCat((bytes + 1048575) >> 20, " MiB"); };
  return absl::StrCat("at most ", mib(total()), ": workers ", mib(workers), ", flows ", mib(flows),
                      ", queries ", mib(queries), ", guards ", mib(guards), ", listeners ",
                      mib(listeners), ", verdicts ", mib(verdicts), ", taps ", mib(taps));
}

}  // namespace sluice
