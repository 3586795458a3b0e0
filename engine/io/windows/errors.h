// SPDX-License-Identifier: Apache-2.0
//
// The one place where numbers of Windows become errors of ours. Any thread.
//
// A number comes out of one of two tables (control_status.h): Winsock's when a call failed at once,
// the generic Win32 one when a packet carried an NTSTATUS. OsError.raw keeps it as it came.
#ifndef SLUICE_IO_WINDOWS_ERRORS_H_
#define SLUICE_IO_WINDOWS_ERRORS_H_

#include <cstdint>

#include "engine/base/outcome.h"
#include "engine/io/control_status.h"

namespace sluice::io {

// Of WSAGetLastError or GetLastError right after the call that failed. Never ok.
OsError ErrorOfNumber(std::uint32_t number);
// Of the last Winsock call of this thread. Never ok.
OsError LastSocketError();
// Of the status in a completion packet. Ok exactly for status 0: everything else is a failure, also
// the warnings (0x8.......) that NT_ERROR() lets pass. Wine completes a receive with 0x8000000A
// when its socket is closed under it; read as success with 0 bytes that would be a clean end of
// stream.
OsError ErrorOfStatus(NtStatus status);

// A status that a completion port, and ErrorOfStatus, turn into `number`: how the emulated WSAIoctl
// puts a number that no table produces into a packet. Numbers up to 0xFFFF travel as
// NTSTATUS_FROM_WIN32 (0xC007xxxx), those of the filtering platform as its own statuses (0x8032xxxx
// as 0xC022xxxx). Others have no such form and come back as some number of the Win32 table.
NtStatus StatusOfNumber(std::uint32_t number);

}  // namespace sluice::io

#endif  // SLUICE_IO_WINDOWS_ERRORS_H_
