// SPDX-License-Identifier: Apache-2.0
//
// Sockets in each state of the legality table that can be had without a driver; for
// os_probe_windows.cc. One thread.
#ifndef SLUICE_TOOLS_OS_PROBE_WINDOWS_H_
#define SLUICE_TOOLS_OS_PROBE_WINDOWS_H_
#if defined(_WIN32)

#include <winsock2.h>

#include <string>
#include <vector>

namespace sluice::tool {

// The socket in question, and those that keep it in its state. Closes all of them.
class StateSocket {
 public:
  StateSocket() = default;
  ~StateSocket();
  StateSocket(const StateSocket&) = delete;
  StateSocket& operator=(const StateSocket&) = delete;

  // False, with `note` saying why: the state cannot be had here.
  bool Make(const std::string& state, int family);

  SOCKET socket = INVALID_SOCKET;
  std::string note;
  // Whose connection it is, where there is one; for getsockname.
  SOCKET listener = INVALID_SOCKET;

 private:
  SOCKET Keep(SOCKET made);
  SOCKET Fresh(int family, bool bound);
  SOCKET Listen(int family, int backlog);
  bool Fail(const char* what);
  bool Pair(int family, bool accept_ex, SOCKET* client, SOCKET* accepted);
  bool PairByExtensions(int family, SOCKET* client, SOCKET* accepted);
  bool MakeConnecting(int family);
  bool MakeConnected(const std::string& state, int family);

  std::vector<SOCKET> kept_;
  void* event_ = nullptr;
};

// "closed", "created", ...; every one of them.
const std::vector<std::string>& SocketStates();

}  // namespace sluice::tool

#endif
#endif  // SLUICE_TOOLS_OS_PROBE_WINDOWS_H_
