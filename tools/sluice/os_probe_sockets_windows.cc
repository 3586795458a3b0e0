// SPDX-License-Identifier: Apache-2.0
#if defined(_WIN32)

#include <winsock2.h>

#include <mswsock.h>
#include <windows.h>
#include <ws2tcpip.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tools/sluice/os_probe_windows.h"

namespace sluice::tool {
namespace {

constexpr DWORD kPatienceMs = 3000;
constexpr int kUnixFamily = 1;
constexpr DWORD kAddressRoom = sizeof(sockaddr_storage) + 16;

int LoopbackOf(int family, sockaddr_storage* storage) {
  *storage = {};
  storage->ss_family = static_cast<decltype(storage->ss_family)>(family);
  if (family == AF_INET6) {
    reinterpret_cast<sockaddr_in6*>(storage)->sin6_addr = in6addr_loopback;
    return sizeof(sockaddr_in6);
  }
  reinterpret_cast<sockaddr_in*>(storage)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return sizeof(sockaddr_in);
}

int NameOf(SOCKET socket, sockaddr_storage* storage) {
  int size = sizeof(*storage);
  return getsockname(socket, reinterpret_cast<sockaddr*>(storage), &size) == 0 ? size : 0;
}

template <typename Function>
Function Extension(SOCKET socket, GUID id) {
  Function function = nullptr;
  DWORD bytes = 0;
  WSAIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof(id), &function, sizeof(function),
           &bytes, nullptr, nullptr);
  return function;
}

// The operation's storage lives on the caller's stack, so it is never left armed.
bool Await(SOCKET socket, OVERLAPPED* overlapped) {
  DWORD bytes = 0;
  DWORD flags = 0;
  const bool in_time = WaitForSingleObject(overlapped->hEvent, kPatienceMs) == WAIT_OBJECT_0;
  if (!in_time) CancelIoEx(reinterpret_cast<HANDLE>(socket), overlapped);
  return WSAGetOverlappedResult(socket, overlapped, &bytes, TRUE, &flags) && in_time;
}

bool Started(BOOL result) { return result || WSAGetLastError() == WSA_IO_PENDING; }

bool IsConnected(SOCKET socket) {
  DWORD seconds = 0;
  int size = sizeof(seconds);
  const int result =
      getsockopt(socket, SOL_SOCKET, SO_CONNECT_TIME, reinterpret_cast<char*>(&seconds), &size);
  return result == 0 && seconds != 0xFFFFFFFF;
}

}  // namespace

const std::vector<std::string>& SocketStates() {
  static const std::vector<std::string> states = {
      "closed",           "not_a_socket",   "created",        "bound",
      "connecting",       "connected",      "listening",      "accepted_not_updated",
      "accepted_updated", "accepted_plain", "accepted_reset", "datagram",
      "unix_stream"};
  return states;
}

StateSocket::~StateSocket() {
  for (const SOCKET kept : kept_) closesocket(kept);
  if (event_ != nullptr) CloseHandle(event_);
}

SOCKET StateSocket::Keep(SOCKET made) {
  if (made != INVALID_SOCKET) kept_.push_back(made);
  return made;
}

bool StateSocket::Fail(const char* what) {
  note = absl::StrCat("cannot be had here: ", what, " failed with ", WSAGetLastError());
  return false;
}

SOCKET StateSocket::Fresh(int family, bool bound) {
  const SOCKET made = Keep(WSASocketW(family, SOCK_STREAM, IPPROTO_TCP, nullptr, 0,
                                      WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT));
  sockaddr_storage address;
  const int size = LoopbackOf(family, &address);
  if (made == INVALID_SOCKET || !bound) return made;
  return bind(made, reinterpret_cast<sockaddr*>(&address), size) == 0 ? made : INVALID_SOCKET;
}

SOCKET StateSocket::Listen(int family, int backlog) {
  const SOCKET made = Fresh(family, true);
  if (made == INVALID_SOCKET || listen(made, backlog) != 0) return INVALID_SOCKET;
  return listener = made;
}

bool StateSocket::PairByExtensions(int family, SOCKET* client, SOCKET* accepted) {
  *client = Fresh(family, true);
  *accepted = Fresh(family, false);
  if (*client == INVALID_SOCKET || *accepted == INVALID_SOCKET) return Fail("a socket");
  const auto accept_ex = Extension<LPFN_ACCEPTEX>(listener, WSAID_ACCEPTEX);
  const auto connect_ex = Extension<LPFN_CONNECTEX>(*client, WSAID_CONNECTEX);
  if (accept_ex == nullptr || connect_ex == nullptr) return Fail("AcceptEx or ConnectEx");
  sockaddr_storage address;
  const int size = NameOf(listener, &address);
  unsigned char names[2 * kAddressRoom];
  OVERLAPPED accepting{};
  OVERLAPPED connecting{};
  accepting.hEvent = CreateEventW(nullptr, TRUE, FALSE, nullptr);
  connecting.hEvent = CreateEventW(nullptr, TRUE, FALSE, nullptr);
  DWORD bytes = 0;
  bool good = Started(
      accept_ex(listener, *accepted, names, 0, kAddressRoom, kAddressRoom, &bytes, &accepting));
  if (good) {
    const bool connected = Started(connect_ex(*client, reinterpret_cast<sockaddr*>(&address), size,
                                              nullptr, 0, &bytes, &connecting)) &&
                           Await(*client, &connecting);
    good = Await(listener, &accepting) && connected;
  }
  CloseHandle(accepting.hEvent);
  CloseHandle(connecting.hEvent);
  if (!good) return Fail("AcceptEx with ConnectEx");
  setsockopt(*client, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, nullptr, 0);
  return true;
}

bool StateSocket::Pair(int family, bool accept_ex, SOCKET* client, SOCKET* accepted) {
  if (Listen(family, SOMAXCONN) == INVALID_SOCKET) return Fail("listen");
  if (accept_ex) return PairByExtensions(family, client, accepted);
  sockaddr_storage address;
  const int size = NameOf(listener, &address);
  *client = Fresh(family, false);
  if (*client == INVALID_SOCKET) return Fail("a socket");
  if (connect(*client, reinterpret_cast<sockaddr*>(&address), size) != 0) return Fail("connect");
  // A connection that something redirects never arrives; accept would wait for ever.
  fd_set readable;
  FD_ZERO(&readable);
  FD_SET(listener, &readable);
  timeval patience{3, 0};
  if (select(0, &readable, nullptr, nullptr, &patience) != 1) return Fail("waiting to accept");
  *accepted = Keep(accept(listener, nullptr, nullptr));
  return *accepted != INVALID_SOCKET || Fail("accept");
}

// Connects to a listener that never accepts, until one finds the backlog full.
bool StateSocket::MakeConnecting(int family) {
  const SOCKET full = Listen(family, 1);
  if (full == INVALID_SOCKET) return Fail("listen");
  sockaddr_storage address;
  const int size = NameOf(full, &address);
  for (int i = 0; i < 16; ++i) {
    socket = Fresh(family, false);
    if (socket == INVALID_SOCKET) return Fail("a socket");
    u_long nonblocking = 1;
    ioctlsocket(socket, FIONBIO, &nonblocking);
    const int result = connect(socket, reinterpret_cast<sockaddr*>(&address), size);
    if (result != 0 && WSAGetLastError() != WSAEWOULDBLOCK) return Fail("connect");
    Sleep(30);
    if (!IsConnected(socket)) return true;
  }
  note = "cannot be had here: the backlog never fills";
  return false;
}

bool StateSocket::MakeConnected(const std::string& state, int family) {
  SOCKET client = INVALID_SOCKET;
  SOCKET accepted = INVALID_SOCKET;
  const bool extensions =
      state == "connected" || state == "accepted_not_updated" || state == "accepted_updated";
  if (!Pair(family, extensions, &client, &accepted)) return false;
  socket = state == "connected" ? client : accepted;
  if (state == "accepted_updated") {
    const int result = setsockopt(accepted, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT,
                                  reinterpret_cast<const char*>(&listener), sizeof(listener));
    if (result != 0) return Fail("SO_UPDATE_ACCEPT_CONTEXT");
  }
  if (state == "accepted_reset") {
    const linger now{1, 0};
    setsockopt(client, SOL_SOCKET, SO_LINGER, reinterpret_cast<const char*>(&now), sizeof(now));
    kept_.erase(std::find(kept_.begin(), kept_.end(), client));
    closesocket(client);
    Sleep(50);
  }
  return true;
}

bool StateSocket::Make(const std::string& state, int family) {
  if (state == "closed") {
    socket = WSASocketW(family, SOCK_STREAM, IPPROTO_TCP, nullptr, 0, WSA_FLAG_OVERLAPPED);
    return closesocket(socket) == 0 || Fail("a socket");
  }
  if (state == "not_a_socket") {
    event_ = CreateEventW(nullptr, TRUE, FALSE, nullptr);
    socket = reinterpret_cast<SOCKET>(event_);
    return event_ != nullptr;
  }
  if (state == "created" || state == "bound") {
    socket = Fresh(family, state == "bound");
    return socket != INVALID_SOCKET || Fail("a socket");
  }
  if (state == "connecting") return MakeConnecting(family);
  if (state == "listening") {
    socket = Listen(family, SOMAXCONN);
    return socket != INVALID_SOCKET || Fail("listen");
  }
  if (state == "datagram") {
    socket = Keep(WSASocketW(family, SOCK_DGRAM, IPPROTO_UDP, nullptr, 0, WSA_FLAG_OVERLAPPED));
    return socket != INVALID_SOCKET || Fail("a socket");
  }
  if (state == "unix_stream") {
    socket = Keep(WSASocketW(kUnixFamily, SOCK_STREAM, 0, nullptr, 0, WSA_FLAG_OVERLAPPED));
    return socket != INVALID_SOCKET || Fail("a socket");
  }
  return MakeConnected(state, family);
}

}  // namespace sluice::tool

#endif
