// SPDX-License-Identifier: Apache-2.0
#include "engine/io/windows/errors.h"

#include "engine/base/check.h"
#include "engine/io/windows/system.h"
#include "engine/io/windows/winsock.h"

namespace sluice::io {
namespace {

constexpr std::uint32_t kFacilityMask = 0xFFFF0000;
constexpr NtStatus kWin32Status = 0xC0070000;     // NTSTATUS_FROM_WIN32: severity error, facility 7
constexpr NtStatus kFwpStatus = 0xC0220000;       // STATUS_FWP_*
constexpr std::uint32_t kFwpNumber = 0x80320000;  // FWP_E_*

std::uint32_t NumberOfStatus(NtStatus status) {
  // RtlNtStatusToDosError does the same for both; said here because the emulated platform counts on
  // it (wine dlls/ntdll/error.c has the first case; the second is the filtering platform's own
  // table).
  if ((status & kFacilityMask) == kWin32Status) return status & ~kFacilityMask;
  if ((status & kFacilityMask) == kFwpStatus) return kFwpNumber | (status & ~kFacilityMask);
  const std::uint32_t number = Win32Number(status);
  if (number != kUnknownNumber) return number;
  return Nt().status_to_win32(static_cast<LONG>(status));
}

}  // namespace

OsError ErrorOfNumber(std::uint32_t number) {
  SLUICE_CHECK(number != 0);
  return OsError{CodeOfWindowsNumber(number), static_cast<std::int32_t>(number)};
}

OsError LastSocketError() { return ErrorOfNumber(static_cast<std::uint32_t>(WSAGetLastError())); }

OsError ErrorOfStatus(NtStatus status) {
  if (status == kStatusSuccess) return OsError{};
  const std::uint32_t number = NumberOfStatus(status);
  // A status that the OS calls a success (0x0....... or 0x4.......) but that is not 0 has no error
  // number. None is known to end a socket request; should one, it is not data.
  return ErrorOfNumber(number != 0 ? number : status);
}

NtStatus StatusOfNumber(std::uint32_t number) {
  if (number <= ~kFacilityMask) return kWin32Status | number;
  if ((number & kFacilityMask) == kFwpNumber) return kFwpStatus | (number & ~kFacilityMask);
  return number;
}

}  // namespace sluice::io
