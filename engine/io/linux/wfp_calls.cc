// SPDX-License-Identifier: Apache-2.0
//
// sluice/wfp.h where there is no WFP: every call says so. An emulated platform is not reached by a
// socket's number here, only by the port that was given it.
#include "engine/base/check.h"
#include "sluice/wfp.h"

namespace sluice::wfp {

Answer QueryRecords(NativeSocket, void*, std::uint32_t) { return Answer{kNotSupported, 0}; }

Answer QueryContext(NativeSocket, void*, std::uint32_t) { return Answer{kNotSupported, 0}; }

Answer SetRecords(NativeSocket, const void*, std::uint32_t) { return Answer{kNotSupported, 0}; }

Answer BaseSocket(NativeSocket socket, NativeSocket* base) {
  *base = socket;
  return Answer{kNotSupported, 0};
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

std::uint32_t RoutineCall::Issue(NativeSocket, std::uint32_t, const void*, std::uint32_t, void*,
                                 std::uint32_t) {
  return kNotSupported;
}

void RoutineCall::Cancel() {}

bool RoutineCall::Wait(std::uint32_t) { return false; }

}  // namespace sluice::wfp
