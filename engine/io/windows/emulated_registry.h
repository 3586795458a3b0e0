// SPDX-License-Identifier: Apache-2.0
//
// The two tables behind EmulatedWsaIoctl, of the whole process because WSAIoctl is: sockets by
// handle, pended requests by ticket. Each is cut into shards with a lock of their own, so that
// workers do not meet. No lock is held while a platform is called. Any thread.
#ifndef SLUICE_IO_WINDOWS_EMULATED_REGISTRY_H_
#define SLUICE_IO_WINDOWS_EMULATED_REGISTRY_H_

#include <cstdint>

#include "engine/io/windows/emulated_ioctl.h"

namespace sluice::io {

// A request between its start and its end. What wakes its owner is copied here, because the
// OVERLAPPED may be gone as soon as its status is written.
struct PendingControl {
  Platform* platform = nullptr;
  OVERLAPPED* overlapped = nullptr;
  LPWSAOVERLAPPED_COMPLETION_ROUTINE routine = nullptr;
  HANDLE thread = nullptr;  // owned; non-null exactly if `routine` is
  HANDLE event = nullptr;
  HANDLE port = nullptr;
  ULONG_PTR key = 0;
  bool packet = false;
};

bool FindEmulated(SOCKET socket, EmulatedSocket* entry);

// Returns a ticket: never 0, never used again.
std::uint64_t AddPending(const PendingControl& pending);
// False if there is none, or it was taken before.
bool TakePending(std::uint64_t ticket, PendingControl* pending);
bool FindPendingPlatform(std::uint64_t ticket, Platform** platform);

}  // namespace sluice::io

#endif  // SLUICE_IO_WINDOWS_EMULATED_REGISTRY_H_
