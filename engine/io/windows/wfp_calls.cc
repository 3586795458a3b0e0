// SPDX-License-Identifier: Apache-2.0
//
// sluice/wfp.h on Windows: numbers as they come. What they mean, and growing buffers, is known a
// room further up (engine/redirect/wfp/wfp_reading.cc).
#include <new>

#include "engine/base/check.h"
#include "engine/io/windows/emulated_ioctl.h"
#include "engine/io/windows/winsock.h"
#include "sluice/wfp.h"

#ifndef SIO_BASE_HANDLE  // mswsock.h
#define SIO_BASE_HANDLE 0x48000022
#endif

namespace sluice::wfp {

static_assert(sizeof(NativeSocket) == sizeof(SOCKET));

// What a routine, which is no member, may touch.
struct RoutineAccess {
  static OVERLAPPED* OverlappedOf(RoutineCall& call) {
    static_assert(sizeof(OVERLAPPED) <= sizeof(call.overlapped_));
    return reinterpret_cast<OVERLAPPED*>(call.overlapped_);
  }
  // With a routine the event is not used, so it carries the call (documented for ReadFileEx and
  // WSARecv alike).
  static void CALLBACK Run(DWORD error, DWORD bytes, LPWSAOVERLAPPED overlapped, DWORD /*flags*/) {
    auto* call = reinterpret_cast<RoutineCall*>(overlapped->hEvent);
    SLUICE_CHECK(call->busy_);
    call->busy_ = false;
    call->handler_(call->user_, Answer{error, bytes});
  }
};

namespace {

Answer Ask(NativeSocket socket, std::uint32_t code, const void* in, std::uint32_t in_size,
           void* out, std::uint32_t out_size) {
  DWORD bytes = 0;
  // WSAIoctl's `in` is not const, but only read.
  const int result = io::EmulatedWsaIoctl(socket, code, const_cast<void*>(in), in_size, out,
                                          out_size, &bytes, nullptr, nullptr);
  const int error = result == 0 ? 0 : WSAGetLastError();
  return Answer{static_cast<std::uint32_t>(error), bytes};
}

}  // namespace

Answer QueryRecords(NativeSocket accepted, void* out, std::uint32_t size) {
  return Ask(accepted, kQueryRecordsCode, nullptr, 0, out, size);
}

Answer QueryContext(NativeSocket accepted, void* out, std::uint32_t size) {
  return Ask(accepted, kQueryContextCode, nullptr, 0, out, size);
}

Answer SetRecords(NativeSocket onward, const void* records, std::uint32_t size) {
  return Ask(onward, kSetRecordsCode, records, size, nullptr, 0);
}

Answer BaseSocket(NativeSocket socket, NativeSocket* base) {
  SOCKET found = INVALID_SOCKET;
  const Answer answer = Ask(socket, SIO_BASE_HANDLE, nullptr, 0, &found, sizeof(found));
  *base = answer.ok() ? found : socket;
  return answer;
}

RoutineCall::RoutineCall(Handler handler, void* user) : handler_(handler), user_(user) {
  SLUICE_CHECK(handler != nullptr);
}

RoutineCall::~RoutineCall() { SLUICE_CHECK(!busy_); }

std::uint32_t RoutineCall::QueryRecords(NativeSocket accepted, void* out, std::uint32_t size) {
  return Issue(accepted, kQueryRecordsCode, nullptr, 0, out, size);
}

std::uint32_t RoutineCall::QueryContext(NativeSocket accepted, void* out, std::uint32_t size) {
  return Issue(accepted, kQueryContextCode, nullptr, 0, out, size);
}

std::uint32_t RoutineCall::SetRecords(NativeSocket onward, const void* records,
                                      std::uint32_t size) {
  return Issue(onward, kSetRecordsCode, records, size, nullptr, 0);
}

std::uint32_t RoutineCall::Issue(NativeSocket socket, std::uint32_t code, const void* in,
                                 std::uint32_t in_size, void* out, std::uint32_t out_size) {
  SLUICE_CHECK(!busy_);
  OVERLAPPED* overlapped = new (overlapped_) OVERLAPPED();
  overlapped->hEvent = reinterpret_cast<HANDLE>(this);
  socket_ = socket;
  bytes_ = 0;
  busy_ = true;
  const int result =
      io::EmulatedWsaIoctl(socket, code, const_cast<void*>(in), in_size, out, out_size,
                           reinterpret_cast<DWORD*>(&bytes_), overlapped, &RoutineAccess::Run);
  const int error = result == 0 ? 0 : WSAGetLastError();
  if (error == 0 || error == WSA_IO_PENDING) return 0;
  busy_ = false;
  return static_cast<std::uint32_t>(error);
}

void RoutineCall::Cancel() {
  if (!busy_) return;
  OVERLAPPED* overlapped = RoutineAccess::OverlappedOf(*this);
  if (!io::CancelEmulated(overlapped)) CancelIoEx(reinterpret_cast<HANDLE>(socket_), overlapped);
}

bool RoutineCall::Wait(std::uint32_t milliseconds) {
  return SleepEx(milliseconds, TRUE) == WAIT_IO_COMPLETION;
}

}  // namespace sluice::wfp
