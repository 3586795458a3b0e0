// SPDX-License-Identifier: Apache-2.0
//
// What is looked up once in a process: Winsock itself, its extension functions, the two functions
// of ntdll that no import library offers, and whether skip-on-success is safe here. Immutable
// afterwards. Any thread.
#ifndef SLUICE_IO_WINDOWS_SYSTEM_H_
#define SLUICE_IO_WINDOWS_SYSTEM_H_

#include "absl/status/status.h"
#include "engine/io/windows/winsock.h"
#include "sluice/address.h"

namespace sluice::io {

struct Winsock {
  absl::Status status;  // not ok: the rest is not valid
  LPFN_ACCEPTEX accept_ex = nullptr;
  LPFN_CONNECTEX connect_ex = nullptr;
  LPFN_GETACCEPTEXSOCKADDRS accept_ex_addresses = nullptr;
  // True exactly if every stream provider of the family hands out handles of an installable file
  // system (XP1_IFS_HANDLES). Over any other layered provider the I/O manager does not see the
  // request that the application made, so its idea of "succeeded at once" is not ours
  // (learn.microsoft.com, SetFileCompletionNotificationModes).
  bool skip_on_success_v4 = false;
  bool skip_on_success_v6 = false;
};

// Starts Winsock at the first call. It is never cleaned up: sockets may outlive every port.
const Winsock& GetWinsock();

struct Ntdll {
  using StatusToWin32 = ULONG(NTAPI*)(LONG status);
  using SetIoCompletion = LONG(NTAPI*)(HANDLE port, PVOID key, PVOID overlapped, LONG status,
                                       ULONG_PTR information);
  // RtlNtStatusToDosError: what GetQueuedCompletionStatus applies to the status of a packet.
  StatusToWin32 status_to_win32 = nullptr;
  // NtSetIoCompletion: PostQueuedCompletionStatus, but with a status.
  SetIoCompletion set_io_completion = nullptr;
};

const Ntdll& Nt();

inline int NativeFamily(Family family) { return family == Family::kV6 ? AF_INET6 : AF_INET; }

// Stream, overlapped, not inherited by child processes. INVALID_SOCKET on failure.
SOCKET NewStreamSocket(Family family);

// WSAIoctl, minus two things that only Wine 8 does (measured; Windows takes none of the detours):
//   * a code it does not know, overlapped, "pends" (997) and then fails by packet; on a handle with
//     skip-on-success that packet never comes. Then: a failure at once with 10045, as on Windows.
//   * it looks at the code before the handle, so a closed handle gives 10045. Then: 10038.
int SystemWsaIoctl(bool skip_on_success, SOCKET socket, DWORD code, LPVOID in, DWORD in_size,
                   LPVOID out, DWORD out_size, LPDWORD bytes_returned, LPWSAOVERLAPPED overlapped,
                   LPWSAOVERLAPPED_COMPLETION_ROUTINE routine);

}  // namespace sluice::io

#endif  // SLUICE_IO_WINDOWS_SYSTEM_H_
