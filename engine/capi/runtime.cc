// SPDX-License-Identifier: Apache-2.0
#include "sluice/runtime.h"

#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "engine/capi/border.h"
#include "engine/capi/handles.h"
#include "engine/capi/options.h"
#include "engine/capi/table.h"

namespace sluice::capi {
namespace {

absl::Status NeedCallerDriven(const sluice_runtime* runtime) {
  if (runtime == nullptr) return absl::InvalidArgumentError("runtime: is NULL");
  if (runtime->runtime->caller_driven()) return CheckControl();
  return absl::FailedPreconditionError(
      "runtime: its workers have threads; only a caller_driven one is turned by its caller");
}

std::int32_t Create(const sluice_runtime_options* given, sluice_runtime** out,
                    sluice_error* error) {
  if (out == nullptr) return FailNull(error, "runtime");
  *out = nullptr;
  return Guarded(error, [&]() -> std::int32_t {
    RuntimeOptions options;
    sluice_process* process = nullptr;
    absl::Status status = CheckControl();
    if (status.ok()) status = Convert(given, &options, &process);
    if (!status.ok()) return Fail(error, status);
    auto handle = std::make_unique<sluice_runtime>();
    absl::StatusOr<std::unique_ptr<Runtime>> made = Runtime::Create(options);
    if (!made.ok()) return Fail(error, made.status());
    handle->owned = *std::move(made);
    handle->runtime = handle->owned.get();
    handle->LiveOn(process);
    *out = handle.release();
    return SLUICE_OK;
  });
}

std::int32_t Destroy(sluice_runtime* runtime, sluice_error* error) {
  if (runtime == nullptr) return SLUICE_OK;
  return Guarded(error, [&]() -> std::int32_t {
    const absl::Status status = CheckControl();
    if (!status.ok()) return Fail(error, status);
    if (runtime->owned == nullptr) {
      return Fail(error, SLUICE_BAD_STATE, "runtime: belongs to its engine and goes with it");
    }
    if (const int engines = runtime->engines; engines != 0) {
      return Fail(error, SLUICE_BAD_STATE,
                  absl::StrCat("runtime: ", engines,
                               " of its engines still exist; engine_destroy comes first"));
    }
    delete runtime;
    return SLUICE_OK;
  });
}

std::size_t Workers(const sluice_runtime* runtime) {
  return runtime == nullptr ? 0 : runtime->runtime->workers();
}

std::int32_t CallerDriven(const sluice_runtime* runtime) {
  return runtime != nullptr && runtime->runtime->caller_driven() ? 1 : 0;
}

std::int32_t Turn(sluice_runtime* runtime, std::int64_t wait_max, std::int32_t* done,
                  sluice_error* error) {
  return Guarded(error, [&]() -> std::int32_t {
    const absl::Status status = NeedCallerDriven(runtime);
    if (!status.ok()) return Fail(error, status);
    if (wait_max < 0) {
      return Fail(error, SLUICE_BAD_ARGUMENT,
                  absl::StrCat("wait_max: ", wait_max, " is not 0 or more nanoseconds"));
    }
    const bool worked = runtime->runtime->Turn(TimeOf(wait_max));
    if (done != nullptr) *done = worked ? 1 : 0;
    return SLUICE_OK;
  });
}

std::int32_t TimeToTurn(const sluice_runtime* runtime, std::int64_t* time, sluice_error* error) {
  if (time == nullptr) return FailNull(error, "time");
  return Guarded(error, [&]() -> std::int32_t {
    const absl::Status status = NeedCallerDriven(runtime);
    if (!status.ok()) return Fail(error, status);
    *time = NanosOf(runtime->runtime->TimeToTurn());
    return SLUICE_OK;
  });
}

void Wake(sluice_runtime* runtime) {
  if (runtime != nullptr) runtime->runtime->Wake();
}

std::int32_t Live(sluice_runtime* runtime, sluice_live_counts* live, sluice_error* error) {
  if (runtime == nullptr) return FailNull(error, "runtime");
  return Guarded(error, [&]() -> std::int32_t {
    const absl::Status status = CheckControl();
    if (!status.ok()) return Fail(error, status);
    const LiveCounts counts = runtime->runtime->Live();
    sluice_live_counts out{};
    out.flows = counts.flows;
    out.sockets = counts.sockets;
    out.operations = counts.operations;
    out.chunks = counts.chunks;
    out.buffers = counts.buffers;
    out.pooled = counts.pooled;
    out.timers = counts.timers;
    out.verdicts = counts.verdicts;
    return Fill(live, out, "live", error);
  });
}

std::int32_t Bound(const sluice_runtime* runtime, sluice_memory_bound* bound, sluice_error* error) {
  if (runtime == nullptr) return FailNull(error, "runtime");
  return Guarded(error, [&]() -> std::int32_t {
    const absl::Status status = CheckControl();
    if (!status.ok()) return Fail(error, status);
    const MemoryBound memory = runtime->runtime->WorstCaseMemory();
    sluice_memory_bound out{};
    out.total = memory.total();
    out.workers = memory.workers;
    out.flows = memory.flows;
    out.queries = memory.queries;
    out.guards = memory.guards;
    out.listeners = memory.listeners;
    out.verdicts = memory.verdicts;
    return Fill(bound, out, "bound", error);
  });
}

std::size_t BoundText(const sluice_memory_bound* bound, char* buffer, std::size_t capacity) {
  return GuardedOr<std::size_t>(0, [&] {
    sluice_memory_bound given{};
    if (!Read(bound, "bound", &given).ok()) given = sluice_memory_bound{};
    MemoryBound memory;
    memory.workers = given.workers;
    memory.flows = given.flows;
    memory.queries = given.queries;
    memory.guards = given.guards;
    memory.listeners = given.listeners;
    memory.verdicts = given.verdicts;
    return WriteText(memory.ToString(), buffer, capacity);
  });
}

}  // namespace

void AddRuntime(sluice_api& table) {
  table.runtime_create = &Create;
  table.runtime_destroy = &Destroy;
  table.runtime_workers = &Workers;
  table.runtime_caller_driven = &CallerDriven;
  table.runtime_turn = &Turn;
  table.runtime_time_to_turn = &TimeToTurn;
  table.runtime_wake = &Wake;
  table.runtime_live = &Live;
  table.runtime_memory_bound = &Bound;
  table.memory_bound_text = &BoundText;
}

}  // namespace sluice::capi
