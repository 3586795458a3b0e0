// SPDX-License-Identifier: Apache-2.0
//
// EmulatedWsaIoctl: WSAIoctl with an io::Platform behind it instead of a driver. Same signature,
// same completion rules (the C numbers are those of the redirect semantics reference, 2.1):
//
//   no OVERLAPPED       the answer at once; WSAGetLastError tells why not              C2
//   done at once        0, and a packet too, unless skip-on-success is set             C3, C4
//   failed at once      SOCKET_ERROR and the Winsock number; nothing follows           C3, C4
//   pended              SOCKET_ERROR and WSA_IO_PENDING; later a packet with status    C3, C5
//                       and information field, a set event, or a call of the routine
//
// A set low bit in hEvent keeps the packet back, and a completion routine takes the place of packet
// and event. Codes and sockets the platform does not know go to the real WSAIoctl. Buffers and
// OVERLAPPED belong to the request until its completion is consumed (C9); `*bytes_returned` is not
// touched when the request pends (C3).
//
// Not emulated: CancelIoEx and CancelIo know nothing of these requests (use CancelEmulated), and
// closesocket alone does not end them: Platform::OnClosing must come first, as Port does it. A
// socket made without the overlapped attribute is treated as overlapped.
//
// Everything here: any thread. It allocates, which is fine for an emulator and would not be for the
// kernel path: a real driver is reached without this file.
#ifndef SLUICE_IO_WINDOWS_EMULATED_IOCTL_H_
#define SLUICE_IO_WINDOWS_EMULATED_IOCTL_H_

#include <cstdint>

#include "engine/io/platform.h"
#include "engine/io/windows/winsock.h"

namespace sluice::io {

// What the kernel would know of a socket: who answers for it, and where its packets go.
struct EmulatedSocket {
  Platform* platform = nullptr;  // outlives the registration
  HANDLE port = nullptr;         // null while associated with none: then no packets
  ULONG_PTR key = 0;
  bool skip_on_success = false;
};

// Registers or replaces. A port that has a platform does it for its sockets, a test for its own.
void RegisterEmulated(SOCKET socket, const EmulatedSocket& entry);
// Before closesocket, or the next owner of the handle value inherits the entry.
void UnregisterEmulated(SOCKET socket);
// For tests of leaks.
std::size_t EmulatedSocketCount();
std::size_t EmulatedPendingCount();

int WSAAPI EmulatedWsaIoctl(SOCKET socket, DWORD code, LPVOID in, DWORD in_size, LPVOID out,
                            DWORD out_size, LPDWORD bytes_returned, LPWSAOVERLAPPED overlapped,
                            LPWSAOVERLAPPED_COMPLETION_ROUTINE routine);

// Asks the platform to end the request that pends on `overlapped`; its completion still arrives.
// False if no emulated request pends there. REQUIRES: `overlapped` was zero before it was given to
// WSAIoctl, and its completion has not been consumed.
bool CancelEmulated(const OVERLAPPED* overlapped);

}  // namespace sluice::io

#endif  // SLUICE_IO_WINDOWS_EMULATED_IOCTL_H_
