// SPDX-License-Identifier: Apache-2.0
//
// The emulated platform: the machine, and what happened on it.
#include "sluice/emulated.h"

#include <iterator>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "engine/capi/border.h"
#include "engine/capi/emulated_options.h"
#include "engine/capi/handles.h"
#include "engine/capi/table.h"

namespace sluice::capi {
namespace {

static_assert(SLUICE_FAULT_NOT_APPLIED == static_cast<int>(emulated::Fault::kNotApplied));
static_assert(SLUICE_FAULT_REDIRECT_BUDGET == static_cast<int>(emulated::Fault::kRedirectBudget));
static_assert(SLUICE_TRACE_PERMIT == static_cast<int>(emulated::TraceAction::kPermit));
static_assert(SLUICE_TRACE_REDIRECT == static_cast<int>(emulated::TraceAction::kRedirect));
static_assert(SLUICE_TRACE_CONTINUE == static_cast<int>(emulated::TraceAction::kContinue));

std::int32_t Create(const sluice_platform_options* given, sluice_platform** out,
                    sluice_error* error) {
  if (out == nullptr) return FailNull(error, "platform");
  *out = nullptr;
  return Guarded(error, [&]() -> std::int32_t {
    emulated::PlatformOptions options;
    const absl::Status status = Convert(given, &options);
    if (!status.ok()) return Fail(error, status);
    *out = new sluice_platform(options);
    return SLUICE_OK;
  });
}

std::int32_t Destroy(sluice_platform* platform, sluice_error* error) {
  if (platform == nullptr) return SLUICE_OK;
  return Guarded(error, [&]() -> std::int32_t {
    if (const int runtimes = platform->runtimes; runtimes != 0) {
      return Fail(error, SLUICE_BAD_STATE,
                  absl::StrCat("platform: ", runtimes,
                               " runtimes still live on it; destroy them, or the engines that "
                               "have them, first"));
    }
    delete platform;
    return SLUICE_OK;
  });
}

sluice_process* Process(sluice_platform* platform) {
  return platform == nullptr ? nullptr : &platform->first;
}

std::int32_t AddProcess(sluice_platform* platform, const sluice_process_options* given,
                        sluice_process** out, sluice_error* error) {
  if (out == nullptr) return FailNull(error, "process");
  *out = nullptr;
  if (platform == nullptr) return FailNull(error, "platform");
  return Guarded(error, [&]() -> std::int32_t {
    emulated::ProcessOptions options;
    const absl::Status status = Convert(given, &options);
    if (!status.ok()) return Fail(error, status);
    io::Platform* made = platform->machine.AddProcess(options);
    const absl::MutexLock lock(&platform->mutex);
    platform->processes.push_back(sluice_process{made, platform});
    *out = &platform->processes.back();
    return SLUICE_OK;
  });
}

std::int32_t AddVendor(sluice_platform* platform, const sluice_vendor_options* given,
                       std::uint32_t* vendor, sluice_error* error) {
  if (platform == nullptr) return FailNull(error, "platform");
  if (given == nullptr) return FailNull(error, "options");
  return Guarded(error, [&]() -> std::int32_t {
    emulated::VendorOptions options;
    const absl::Status status = Convert(given, &options);
    if (!status.ok()) return Fail(error, status);
    const absl::StatusOr<emulated::VendorId> added = platform->machine.AddVendor(options);
    if (!added.ok()) return Fail(error, added.status());
    if (vendor != nullptr) *vendor = *added;
    return SLUICE_OK;
  });
}

void RemoveVendor(sluice_platform* platform, std::uint32_t vendor) {
  if (platform != nullptr) platform->machine.RemoveVendor(vendor);
}

std::uint64_t CreateHandle(sluice_platform* platform) {
  return platform == nullptr ? 0 : platform->machine.CreateHandle();
}

void DestroyHandle(sluice_platform* platform, std::uint64_t handle) {
  if (platform != nullptr) platform->machine.DestroyHandle(handle);
}

std::int32_t AddFilter(sluice_platform* platform, const sluice_filter_options* given,
                       std::uint64_t* filter, sluice_error* error) {
  if (platform == nullptr) return FailNull(error, "platform");
  if (given == nullptr) return FailNull(error, "options");
  return Guarded(error, [&]() -> std::int32_t {
    emulated::FilterOptions options;
    const absl::Status status = Convert(given, &options);
    if (!status.ok()) return Fail(error, status);
    const emulated::FilterId added = platform->machine.AddFilter(options);
    if (filter != nullptr) *filter = added;
    return SLUICE_OK;
  });
}

void RemoveFilter(sluice_platform* platform, std::uint64_t filter) {
  if (platform != nullptr) platform->machine.RemoveFilter(filter);
}

Address WithPort(const sluice_address* given, absl::string_view name, Reader& reader) {
  reader.Need(given != nullptr, name, "is NULL");
  if (given == nullptr) return Address();
  const Address address = reader.OneAddress(*given, name);
  reader.Need(!address.empty() && address.tcp_port() != 0, name,
              "has no address or no TCP port; 127.0.0.1:80 has both");
  return address;
}

std::int32_t AdoptForeign(sluice_platform* platform, const sluice_address* listener,
                          const sluice_address* destination, sluice_error* error) {
  if (platform == nullptr) return FailNull(error, "platform");
  return Guarded(error, [&]() -> std::int32_t {
    Reader reader;
    const Address from = WithPort(listener, "listener", reader);
    const Address to = WithPort(destination, "destination", reader);
    if (reader.ok()) platform->machine.AdoptForeign(from, to);
    return Result(error, reader.status());
  });
}

std::int32_t ForgetForeign(sluice_platform* platform, const sluice_address* listener,
                           sluice_error* error) {
  if (platform == nullptr) return FailNull(error, "platform");
  return Guarded(error, [&]() -> std::int32_t {
    Reader reader;
    const Address from = WithPort(listener, "listener", reader);
    if (reader.ok()) platform->machine.ForgetForeign(from);
    return Result(error, reader.status());
  });
}

std::int32_t GetKnobs(const sluice_platform* platform, sluice_knobs* knobs, sluice_error* error) {
  if (platform == nullptr) return FailNull(error, "platform");
  return Guarded(error,
                 [&] { return Fill(knobs, ToC(platform->machine.knobs()), "knobs", error); });
}

std::int32_t SetKnobs(sluice_platform* platform, const sluice_knobs* knobs, sluice_error* error) {
  if (platform == nullptr) return FailNull(error, "platform");
  if (knobs == nullptr) return FailNull(error, "knobs");
  return Guarded(error, [&]() -> std::int32_t {
    emulated::Knobs converted;
    const absl::Status status = Convert(knobs, "", &converted);
    if (status.ok()) platform->machine.SetKnobs(converted);
    return Result(error, status);
  });
}

std::size_t CompletePended(sluice_platform* platform, std::size_t limit) {
  return platform == nullptr ? 0 : platform->machine.CompletePended(limit);
}

std::size_t Pended(const sluice_platform* platform) {
  return platform == nullptr ? 0 : platform->machine.pended();
}

std::int32_t Statistics(const sluice_platform* platform, sluice_statistics* statistics,
                        sluice_error* error) {
  if (platform == nullptr) return FailNull(error, "platform");
  return Guarded(error, [&]() -> std::int32_t {
    const emulated::Statistics from = platform->machine.statistics();
    sluice_statistics out{};
    out.connects = from.connects;
    out.redirected = from.redirected;
    out.remote_redirects = from.remote_redirects;
    out.blocked = from.blocked;
    out.refused = from.refused;
    out.vetoes = from.vetoes;
    out.auth_passes = from.auth_passes;
    out.delivered = from.delivered;
    out.stripped = from.stripped;
    out.foreign = from.foreign;
    out.queries_records = from.queries_records;
    out.queries_context = from.queries_context;
    out.sets = from.sets;
    out.sets_failed = from.sets_failed;
    out.pended = from.pended;
    static_assert(std::size(decltype(out.faults){}) >= emulated::kFaults);
    std::copy(std::begin(from.faults), std::end(from.faults), out.faults);
    return Fill(statistics, out, "statistics", error);
  });
}

const char* FaultText(std::int32_t fault) {
  const bool known = fault >= 0 && fault < emulated::kFaults;
  return known ? emulated::FaultText(static_cast<emulated::Fault>(fault)) : "unknown fault";
}

void ResetGuards(sluice_platform* platform) {
  if (platform != nullptr) platform->machine.ResetGuards();
}

std::int32_t Trace(const sluice_platform* platform, sluice_trace** out, sluice_error* error) {
  if (out == nullptr) return FailNull(error, "trace");
  *out = nullptr;
  if (platform == nullptr) return FailNull(error, "platform");
  return Guarded(error, [&]() -> std::int32_t {
    auto handle = std::make_unique<sluice_trace>();
    handle->records = platform->machine.trace();
    *out = handle.release();
    return SLUICE_OK;
  });
}

std::size_t TraceCount(const sluice_trace* trace) {
  return trace == nullptr ? 0 : trace->records.size();
}

std::int32_t TraceGet(const sluice_trace* trace, std::size_t index, sluice_trace_record* record,
                      sluice_error* error) {
  if (trace == nullptr) return FailNull(error, "trace");
  return Guarded(error, [&]() -> std::int32_t {
    if (index >= trace->records.size()) {
      return Fail(
          error, SLUICE_NOT_FOUND,
          absl::StrCat("index: ", index, " is not below trace_count, ", trace->records.size()));
    }
    const emulated::TraceRecord& from = trace->records[index];
    sluice_trace_record out{};
    static_assert(std::size(decltype(out.steps){}) == emulated::TraceRecord::kStepsMax);
    out.hops = from.hops;
    out.sequence = from.sequence;
    out.application = from.application;
    out.step_count = from.step_count;
    out.steps_left_out = from.steps_left_out;
    std::copy(std::begin(from.hop_vendors), std::end(from.hop_vendors), out.hop_vendors);
    for (std::size_t i = 0; i < std::size(from.steps); ++i) {
      out.steps[i].vendor = from.steps[i].vendor;
      out.steps[i].state = static_cast<std::uint16_t>(from.steps[i].state);
      out.steps[i].action = static_cast<std::uint16_t>(from.steps[i].action);
    }
    out.source = ToC(from.source);
    out.destination = ToC(from.destination);
    out.effective = ToC(from.effective);
    out.refused = from.refused ? 1 : 0;
    return Fill(record, out, "record", error);
  });
}

void TraceDestroy(sluice_trace* trace) { delete trace; }

std::size_t TraceText(const sluice_platform* platform, char* buffer, std::size_t capacity) {
  return GuardedOr<std::size_t>(0, [&] {
    return WriteText(platform == nullptr ? "" : platform->machine.TraceText(), buffer, capacity);
  });
}

void ClearTrace(sluice_platform* platform) {
  if (platform != nullptr) platform->machine.ClearTrace();
}

}  // namespace

void AddEmulated(sluice_api& table) {
  table.platform_create = &Create;
  table.platform_destroy = &Destroy;
  table.platform_process = &Process;
  table.platform_add_process = &AddProcess;
  table.platform_add_vendor = &AddVendor;
  table.platform_remove_vendor = &RemoveVendor;
  table.platform_create_handle = &CreateHandle;
  table.platform_destroy_handle = &DestroyHandle;
  table.platform_add_filter = &AddFilter;
  table.platform_remove_filter = &RemoveFilter;
  table.platform_adopt_foreign = &AdoptForeign;
  table.platform_forget_foreign = &ForgetForeign;
  table.platform_knobs = &GetKnobs;
  table.platform_set_knobs = &SetKnobs;
  table.platform_complete_pended = &CompletePended;
  table.platform_pended = &Pended;
  table.platform_statistics = &Statistics;
  table.fault_text = &FaultText;
  table.platform_reset_guards = &ResetGuards;
  table.platform_trace = &Trace;
  table.trace_count = &TraceCount;
  table.trace_get = &TraceGet;
  table.trace_destroy = &TraceDestroy;
  table.platform_trace_text = &TraceText;
  table.platform_clear_trace = &ClearTrace;
}

}  // namespace sluice::capi
