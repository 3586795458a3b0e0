// SPDX-License-Identifier: Apache-2.0
//
// The Windows headers, in the one order that works, with the few names older SDKs lack. Nothing
// outside this folder (and tests of it) includes it.
#ifndef SLUICE_IO_WINDOWS_WINSOCK_H_
#define SLUICE_IO_WINDOWS_WINSOCK_H_

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN  // windows.h would bring winsock.h, the version before winsock2.h
#endif
#ifndef NOMINMAX
#define NOMINMAX
#endif
#ifndef NOGDI
#define NOGDI  // ERROR
#endif

// clang-format off
#include <winsock2.h>
#include <ws2tcpip.h>
#include <mswsock.h>
#include <mstcpip.h>
#include <windows.h>
// clang-format on

// winsock2.h of the Windows 8 SDK; mingw-w64 10 lacks it. A backlog given as itself is clamped to
// 200.
#ifndef SOMAXCONN_HINT
#define SOMAXCONN_HINT(b) (-(b))
#endif
#ifndef WSA_FLAG_NO_HANDLE_INHERIT
#define WSA_FLAG_NO_HANDLE_INHERIT 0x80
#endif
// ws2def.h of the Windows 10 SDK.
#ifndef SO_REUSE_UNICASTPORT
#define SO_REUSE_UNICASTPORT 0x3007
#endif

#endif  // SLUICE_IO_WINDOWS_WINSOCK_H_
