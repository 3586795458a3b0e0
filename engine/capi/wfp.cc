// SPDX-License-Identifier: Apache-2.0
//
// The control codes for a program's own sockets.
#include "sluice/wfp.h"

#include <memory>
#include <string>

#include "engine/capi/border.h"
#include "engine/capi/table.h"

struct sluice_routine {
  sluice_routine(sluice_routine_done on_done, void* user_data)
      : done(on_done), user(user_data), call(&sluice_routine::OnDone, this) {}

  static void OnDone(void* self, const sluice::wfp::Answer& answer) {
    auto* routine = static_cast<sluice_routine*>(self);
    const sluice::capi::CallbackScope scope;
    try {
      routine->done(routine->user, answer.error, answer.bytes);
    } catch (...) {
      // It was told.
    }
  }

  const sluice_routine_done done;
  void* const user;
  sluice::wfp::RoutineCall call;
};

namespace sluice::capi {
namespace {

static_assert(SLUICE_WFP_OK == static_cast<int>(wfp::Verdict::kOk));
static_assert(SLUICE_WFP_ABSENT == static_cast<int>(wfp::Verdict::kAbsent));
static_assert(SLUICE_WFP_DENIED == static_cast<int>(wfp::Verdict::kDenied));
static_assert(SLUICE_WFP_UNSUPPORTED == static_cast<int>(wfp::Verdict::kUnsupported));
static_assert(SLUICE_WFP_GONE == static_cast<int>(wfp::Verdict::kGone));
static_assert(SLUICE_WFP_REJECTED == static_cast<int>(wfp::Verdict::kRejected));
static_assert(SLUICE_WFP_FAILED == static_cast<int>(wfp::Verdict::kFailed));
static_assert(SLUICE_WFP_NOT_SUPPORTED == wfp::kNotSupported);
static_assert(SLUICE_WFP_REPLY_MAX == wfp::kReplyMax);

wfp::NativeSocket SocketOf(std::uint64_t socket) { return static_cast<wfp::NativeSocket>(socket); }

std::uint32_t Told(const wfp::Answer& answer, std::uint32_t* bytes) {
  if (bytes != nullptr) *bytes = answer.bytes;
  return answer.error;
}

std::uint32_t QueryRecords(std::uint64_t accepted, void* out, std::uint32_t size,
                           std::uint32_t* bytes) {
  return Told(wfp::QueryRecords(SocketOf(accepted), out, size), bytes);
}

std::uint32_t QueryContext(std::uint64_t accepted, void* out, std::uint32_t size,
                           std::uint32_t* bytes) {
  return Told(wfp::QueryContext(SocketOf(accepted), out, size), bytes);
}

std::uint32_t SetRecords(std::uint64_t onward, const void* records, std::uint32_t size) {
  return wfp::SetRecords(SocketOf(onward), records, size).error;
}

std::int32_t Told(const wfp::Reply& reply, void* out, std::size_t capacity, std::size_t* bytes,
                  std::uint32_t* error) {
  if (bytes != nullptr) *bytes = reply.bytes.size();
  if (error != nullptr) *error = reply.error;
  if (reply.verdict != wfp::Verdict::kOk) return static_cast<std::int32_t>(reply.verdict);
  if (out == nullptr || reply.bytes.size() > capacity) return SLUICE_WFP_FAILED;
  std::memcpy(out, reply.bytes.data(), reply.bytes.size());
  return SLUICE_WFP_OK;
}

std::int32_t ReadRecords(std::uint64_t accepted, void* out, std::size_t capacity,
                         std::size_t* bytes, std::uint32_t* error) {
  return GuardedOr<std::int32_t>(SLUICE_WFP_FAILED, [&] {
    return Told(wfp::ReadRecords(SocketOf(accepted)), out, capacity, bytes, error);
  });
}

std::int32_t ReadContext(std::uint64_t accepted, void* out, std::size_t capacity,
                         std::size_t* bytes, std::uint32_t* error) {
  return GuardedOr<std::int32_t>(SLUICE_WFP_FAILED, [&] {
    return Told(wfp::ReadContext(SocketOf(accepted)), out, capacity, bytes, error);
  });
}

std::int32_t CarryRecords(std::uint64_t onward, const void* records, std::size_t size) {
  return GuardedOr<std::int32_t>(SLUICE_WFP_FAILED, [&] {
    const absl::string_view bytes(static_cast<const char*>(records), records == nullptr ? 0 : size);
    return static_cast<std::int32_t>(wfp::CarryRecords(SocketOf(onward), bytes));
  });
}

const char* VerdictText(std::int32_t verdict) {
  const bool known = verdict >= SLUICE_WFP_OK && verdict <= SLUICE_WFP_FAILED;
  return known ? wfp::VerdictText(static_cast<wfp::Verdict>(verdict)) : "unknown verdict";
}

std::uint32_t BaseSocket(std::uint64_t socket, std::uint64_t* base) {
  wfp::NativeSocket found = SocketOf(socket);
  const std::uint32_t error = wfp::BaseSocket(found, &found).error;
  if (base != nullptr) *base = found;
  return error;
}

std::int32_t RoutineCreate(sluice_routine_done done, void* user, sluice_routine** routine,
                           sluice_error* error) {
  if (routine == nullptr) return FailNull(error, "routine");
  *routine = nullptr;
  if (done == nullptr) return FailNull(error, "done");
  return Guarded(error, [&]() -> std::int32_t {
    *routine = new sluice_routine(done, user);
    return SLUICE_OK;
  });
}

std::int32_t BusyRoutine(sluice_error* error) {
  return Fail(error, SLUICE_BAD_STATE,
              "routine: its call is under way; routine_cancel, then routine_wait until it is idle");
}

std::int32_t RoutineDestroy(sluice_routine* routine, sluice_error* error) {
  if (routine == nullptr) return SLUICE_OK;
  if (!routine->call.idle()) return BusyRoutine(error);
  delete routine;
  return SLUICE_OK;
}

std::int32_t RoutineIssue(sluice_routine* routine, std::int32_t code, std::uint64_t socket,
                          void* buffer, std::uint32_t size, std::uint32_t* result,
                          sluice_error* error) {
  if (routine == nullptr) return FailNull(error, "routine");
  if (result == nullptr) return FailNull(error, "result");
  if (!routine->call.idle()) return BusyRoutine(error);
  return Guarded(error, [&]() -> std::int32_t {
    Reader reader;
    reader.Choice(code, SLUICE_WFP_SET_RECORDS, "code",
                  "SLUICE_WFP_QUERY_RECORDS, QUERY_CONTEXT, SET_RECORDS");
    if (!reader.ok()) return Fail(error, reader.status());
    wfp::RoutineCall& call = routine->call;
    if (code == SLUICE_WFP_QUERY_RECORDS) {
      *result = call.QueryRecords(SocketOf(socket), buffer, size);
    } else if (code == SLUICE_WFP_QUERY_CONTEXT) {
      *result = call.QueryContext(SocketOf(socket), buffer, size);
    } else {
      *result = call.SetRecords(SocketOf(socket), buffer, size);
    }
    return SLUICE_OK;
  });
}

void RoutineCancel(sluice_routine* routine) {
  if (routine != nullptr) routine->call.Cancel();
}

std::int32_t RoutineIdle(const sluice_routine* routine) {
  return routine != nullptr && routine->call.idle() ? 1 : 0;
}

std::int32_t RoutineWait(std::uint32_t milliseconds) {
  return wfp::RoutineCall::Wait(milliseconds) ? 1 : 0;
}

}  // namespace

void AddWfp(sluice_api& table) {
  table.wfp_query_records = &QueryRecords;
  table.wfp_query_context = &QueryContext;
  table.wfp_set_records = &SetRecords;
  table.wfp_read_records = &ReadRecords;
  table.wfp_read_context = &ReadContext;
  table.wfp_carry_records = &CarryRecords;
  table.wfp_verdict_text = &VerdictText;
  table.wfp_base_socket = &BaseSocket;
  table.routine_create = &RoutineCreate;
  table.routine_destroy = &RoutineDestroy;
  table.routine_issue = &RoutineIssue;
  table.routine_cancel = &RoutineCancel;
  table.routine_idle = &RoutineIdle;
  table.routine_wait = &RoutineWait;
}

}  // namespace sluice::capi
