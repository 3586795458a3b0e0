// SPDX-License-Identifier: Apache-2.0
//
// One kernel status, two user-visible numbers. Winsock translates an NTSTATUS with its own table
// when a call fails at once; a completion port hands back what the generic Win32 table says. Both
// tables stand here, on every OS, for the statuses a control operation can meet. Sources: libuv
// src/win/winsock.c (Winsock column), wine dlls/ntdll/error.c (Win32 column).
#ifndef SLUICE_IO_CONTROL_STATUS_H_
#define SLUICE_IO_CONTROL_STATUS_H_

#include <cstdint>

#include "engine/base/outcome.h"

namespace sluice::io {

using NtStatus = std::uint32_t;

inline constexpr NtStatus kStatusSuccess = 0;
inline constexpr NtStatus kStatusPending = 0x00000103;
inline constexpr NtStatus kStatusBufferOverflow = 0x80000005;
inline constexpr NtStatus kStatusHandlesClosed = 0x8000000A;
inline constexpr NtStatus kStatusNotImplemented = 0xC0000002;
inline constexpr NtStatus kStatusAccessViolation = 0xC0000005;
inline constexpr NtStatus kStatusInvalidHandle = 0xC0000008;
inline constexpr NtStatus kStatusInvalidParameter = 0xC000000D;
inline constexpr NtStatus kStatusAccessDenied = 0xC0000022;
inline constexpr NtStatus kStatusBufferTooSmall = 0xC0000023;
inline constexpr NtStatus kStatusObjectTypeMismatch = 0xC0000024;
inline constexpr NtStatus kStatusIntegerOverflow = 0xC0000095;
inline constexpr NtStatus kStatusInsufficientResources = 0xC000009A;
inline constexpr NtStatus kStatusNotSupported = 0xC00000BB;
inline constexpr NtStatus kStatusCancelled = 0xC0000120;
inline constexpr NtStatus kStatusInvalidConnection = 0xC0000140;
inline constexpr NtStatus kStatusNotFound = 0xC0000225;
inline constexpr NtStatus kStatusFwpNotFound = 0xC0220008;

// The number a call that fails at once reports (WSAGetLastError). 0 for success.
std::uint32_t WinsockNumber(NtStatus status);
// The number a completion port reports (GetLastError after a failed dequeue). 0 for success.
// Statuses outside the table give 0xFFFFFFFF: the Windows backend then asks the OS.
std::uint32_t Win32Number(NtStatus status);
inline constexpr std::uint32_t kUnknownNumber = 0xFFFFFFFF;

// The engine's name for a Winsock or Win32 number; one table serves both, their ranges do not
// overlap.
ErrorCode CodeOfWindowsNumber(std::uint32_t number);

}  // namespace sluice::io

#endif  // SLUICE_IO_CONTROL_STATUS_H_
