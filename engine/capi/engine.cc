// SPDX-License-Identifier: Apache-2.0
//
// Engines and their counters.
#include "sluice/engine.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "engine/capi/adapters.h"
#include "engine/capi/border.h"
#include "engine/capi/handles.h"
#include "engine/capi/options.h"
#include "engine/capi/table.h"

namespace sluice::capi {

void CallbacksDeleter::operator()(Callbacks* callbacks) const { delete callbacks; }

namespace {

// Whose `stopped` runs on this thread.
thread_local const sluice_engine* in_stopped = nullptr;

absl::Status NeedEngine(const sluice_engine* engine) {
  if (engine == nullptr) return absl::InvalidArgumentError("engine: is NULL");
  return CheckControl();
}

absl::Status NeedDrain(std::int64_t drain) {
  if (drain >= 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("drain: ", drain, " is not 0 or more nanoseconds"));
}

// The options, with what the handle keeps of them.
absl::Status Take(const sluice_engine_options* given, sluice_engine& handle,
                  EngineOptions* options) {
  sluice_blocking* blocking = nullptr;
  absl::Status status = Convert(given, options, handle.callbacks.get(), &blocking);
  if (!status.ok() || blocking == nullptr) return status;
  options->inspector = Hold(blocking);
  handle.blocking = blocking;
  return status;
}

std::int32_t Create(const sluice_engine_options* given, const sluice_runtime_options* runtime,
                    sluice_engine** out, sluice_error* error) {
  if (out == nullptr) return FailNull(error, "engine");
  *out = nullptr;
  return Guarded(error, [&]() -> std::int32_t {
    auto handle = std::make_unique<sluice_engine>();
    handle->callbacks.reset(new Callbacks());
    EngineOptions options;
    RuntimeOptions runtime_options;
    sluice_process* process = nullptr;
    absl::Status status = CheckControl();
    if (status.ok()) status = Take(given, *handle, &options);
    if (status.ok()) status = Convert(runtime, &runtime_options, &process);
    if (!status.ok()) return Fail(error, status);
    absl::StatusOr<std::unique_ptr<Engine>> made =
        Engine::Create(std::move(options), runtime_options);
    if (!made.ok()) return Fail(error, made.status());
    handle->engine = *std::move(made);
    handle->own_runtime.runtime = &handle->engine->runtime();
    handle->own_runtime.LiveOn(process);
    handle->runtime = &handle->own_runtime;
    ++handle->runtime->engines;
    *out = handle.release();
    return SLUICE_OK;
  });
}

std::int32_t CreateOn(sluice_runtime* runtime, const sluice_engine_options* given,
                      sluice_engine** out, sluice_error* error) {
  if (out == nullptr) return FailNull(error, "engine");
  *out = nullptr;
  if (runtime == nullptr) return FailNull(error, "runtime");
  return Guarded(error, [&]() -> std::int32_t {
    auto handle = std::make_unique<sluice_engine>();
    handle->callbacks.reset(new Callbacks());
    EngineOptions options;
    absl::Status status = CheckControl();
    if (status.ok()) status = Take(given, *handle, &options);
    if (!status.ok()) return Fail(error, status);
    absl::StatusOr<std::unique_ptr<Engine>> made =
        Engine::Create(*runtime->runtime, std::move(options));
    if (!made.ok()) return Fail(error, made.status());
    handle->engine = *std::move(made);
    handle->runtime = runtime;
    ++runtime->engines;
    *out = handle.release();
    return SLUICE_OK;
  });
}

std::int32_t Destroy(sluice_engine* engine, sluice_error* error) {
  if (engine == nullptr) return SLUICE_OK;
  return Guarded(error, [&]() -> std::int32_t {
    const absl::Status status = CheckControl();
    if (!status.ok()) return Fail(error, status);
    if (in_stopped == engine) {
      return Fail(error, SLUICE_WRONG_THREAD,
                  "engine: called from its own `stopped`; destroy it when that has returned");
    }
    delete engine;
    return SLUICE_OK;
  });
}

std::int32_t Start(sluice_engine* engine, sluice_error* error) {
  return Guarded(error, [&]() -> std::int32_t {
    const absl::Status status = NeedEngine(engine);
    if (!status.ok()) return Fail(error, status);
    if (engine->started) {
      return Fail(error, SLUICE_BAD_STATE, "engine: was started before, and is so only once");
    }
    engine->started = true;
    return Result(error, engine->engine->Start());
  });
}

std::size_t AddressCount(const sluice_engine* engine) {
  return engine == nullptr ? 0 : engine->engine->addresses().size();
}

std::int32_t AddressAt(const sluice_engine* engine, std::size_t index, sluice_address* address,
                       sluice_error* error) {
  if (engine == nullptr) return FailNull(error, "engine");
  if (address == nullptr) return FailNull(error, "address");
  return Guarded(error, [&]() -> std::int32_t {
    const std::size_t count = engine->engine->addresses().size();
    if (index >= count) {
      return Fail(error, SLUICE_NOT_FOUND,
                  absl::StrCat("index: ", index, " is not below engine_address_count, ", count));
    }
    *address = ToC(engine->engine->addresses()[index]);
    return SLUICE_OK;
  });
}

absl::Status NeedStarted(const sluice_engine* engine) {
  absl::Status status = NeedEngine(engine);
  if (status.ok() && !engine->started) {
    return absl::FailedPreconditionError("engine: was not started; engine_start comes first");
  }
  return status;
}

std::int32_t Stop(sluice_engine* engine, std::int64_t drain, sluice_error* error) {
  return Guarded(error, [&]() -> std::int32_t {
    absl::Status status = NeedStarted(engine);
    if (status.ok()) status = NeedDrain(drain);
    if (!status.ok()) return Fail(error, status);
    engine->stopped = true;
    engine->engine->Stop(TimeOf(drain));
    return SLUICE_OK;
  });
}

void TellStopped(const sluice_engine* engine, sluice_stopped stopped, void* user) noexcept {
  const sluice_engine* const outer = std::exchange(in_stopped, engine);
  try {
    if (stopped != nullptr) stopped(user);
  } catch (...) {
    // It was told.
  }
  in_stopped = outer;
}

std::int32_t BeginStop(sluice_engine* engine, std::int64_t drain, sluice_stopped stopped,
                       void* user, sluice_error* error) {
  return Guarded(error, [&]() -> std::int32_t {
    absl::Status status = NeedStarted(engine);
    if (status.ok()) status = NeedDrain(drain);
    if (!status.ok()) return Fail(error, status);
    if (engine->stopped) {
      return Fail(error, SLUICE_BAD_STATE, "engine: its stop was begun before");
    }
    engine->stopped = true;
    engine->engine->BeginStop(TimeOf(drain),
                              [engine, stopped, user] { TellStopped(engine, stopped, user); });
    return SLUICE_OK;
  });
}

void HurryStop(sluice_engine* engine) {
  if (engine != nullptr) engine->engine->HurryStop();
}

sluice_runtime* RuntimeOf(sluice_engine* engine) {
  return engine == nullptr ? nullptr : engine->runtime;
}

std::uint64_t Flows(const sluice_engine* engine) {
  return engine == nullptr ? 0 : engine->engine->flows();
}

std::int32_t MetricsOf(const sluice_engine* engine, sluice_metrics** out, sluice_error* error) {
  if (out == nullptr) return FailNull(error, "metrics");
  *out = nullptr;
  if (engine == nullptr) return FailNull(error, "engine");
  return Guarded(error, [&]() -> std::int32_t {
    auto handle = std::make_unique<sluice_metrics>();
    handle->metrics = engine->engine->metrics();
    *out = handle.release();
    return SLUICE_OK;
  });
}

std::size_t MetricsCount(const sluice_metrics* metrics) {
  return metrics == nullptr ? 0 : metrics->metrics.all().size();
}

std::int32_t MetricsGet(const sluice_metrics* metrics, std::size_t index, sluice_metric* metric,
                        sluice_error* error) {
  if (metrics == nullptr) return FailNull(error, "metrics");
  return Guarded(error, [&]() -> std::int32_t {
    const std::vector<Metric>& all = metrics->metrics.all();
    if (index >= all.size()) {
      return Fail(error, SLUICE_NOT_FOUND,
                  absl::StrCat("index: ", index, " is not below metrics_count, ", all.size()));
    }
    sluice_metric out{};
    out.value = all[index].value;
    out.name = ToView(all[index].name);
    out.help = ToView(all[index].help);
    return Fill(metric, out, "metric", error);
  });
}

std::int32_t MetricsFind(const sluice_metrics* metrics, const char* name, std::size_t size,
                         std::uint64_t* value, sluice_error* error) {
  if (value == nullptr) return FailNull(error, "value");
  *value = 0;
  if (metrics == nullptr) return FailNull(error, "metrics");
  if (name == nullptr) return FailNull(error, "name");
  return Guarded(error, [&]() -> std::int32_t {
    const absl::string_view wanted(name, size);
    const std::optional<std::uint64_t> found = metrics->metrics.Find(wanted);
    if (!found.has_value()) {
      return Fail(error, SLUICE_NOT_FOUND,
                  absl::StrCat("name: no counter is called \"", wanted, "\""));
    }
    *value = *found;
    return SLUICE_OK;
  });
}

void MetricsDestroy(sluice_metrics* metrics) { delete metrics; }

}  // namespace

void AddEngine(sluice_api& table) {
  table.engine_create = &Create;
  table.engine_create_on = &CreateOn;
  table.engine_destroy = &Destroy;
  table.engine_start = &Start;
  table.engine_address_count = &AddressCount;
  table.engine_address = &AddressAt;
  table.engine_stop = &Stop;
  table.engine_begin_stop = &BeginStop;
  table.engine_hurry_stop = &HurryStop;
  table.engine_runtime = &RuntimeOf;
  table.engine_flows = &Flows;
  table.engine_metrics = &MetricsOf;
  table.metrics_count = &MetricsCount;
  table.metrics_get = &MetricsGet;
  table.metrics_find = &MetricsFind;
  table.metrics_destroy = &MetricsDestroy;
}

}  // namespace sluice::capi

sluice_engine::~sluice_engine() {
  // A failed create has no runtime.
  engine.reset();
  if (runtime != nullptr) --runtime->engines;
  if (blocking != nullptr) sluice::capi::LetGo(blocking);
}
