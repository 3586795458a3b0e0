// SPDX-License-Identifier: Apache-2.0
//
// Handles: made, associated, closed.
#include "engine/base/check.h"
#include "engine/io/windows/emulated_ioctl.h"
#include "engine/io/windows/errors.h"
#include "engine/io/windows/impl.h"
#include "engine/io/windows/native_address.h"

namespace sluice::io {
namespace {

bool SetOption(SOCKET socket, int level, int name, DWORD value) {
  return setsockopt(socket, level, name, reinterpret_cast<const char*>(&value), sizeof(value)) == 0;
}

// closesocket then sends RST and drops what was not sent.
void LingerZero(SOCKET socket) {
  const linger zero{1, 0};
  setsockopt(socket, SOL_SOCKET, SO_LINGER, reinterpret_cast<const char*>(&zero), sizeof(zero));
}

}  // namespace

OsError Port::Impl::Associate(SOCKET handle, Family family, bool* skip_on_success) {
  const HANDLE file = reinterpret_cast<HANDLE>(handle);
  Count(Call::k_associate);
  if (CreateIoCompletionPort(file, completion_port_, kSocketKey, 0) == nullptr) {
    return ErrorOfNumber(GetLastError());
  }
  *skip_on_success =
      family == Family::kV6 ? winsock_.skip_on_success_v6 : winsock_.skip_on_success_v4;
  if (*skip_on_success) {
    // Nobody waits on a socket handle itself, so setting its event is spared as well.
    constexpr UCHAR kModes = FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE;
    Count(Call::k_associate);
    *skip_on_success = SetFileCompletionNotificationModes(file, kModes) != FALSE;
  }
  return OsError{};
}

void Port::Impl::Register(Socket& socket, SOCKET handle, Family family, bool skip_on_success) {
  Attach(socket, handle, family);
  socket.skip_on_success_ = skip_on_success;
  if (platform_ == nullptr) return;
  RegisterEmulated(handle,
                   EmulatedSocket{platform_, completion_port_, kSocketKey, skip_on_success});
}

void Port::Impl::DropHandle(SOCKET handle) {
  Count(Call::k_close);
  closesocket(handle);
}

OsError Port::Impl::Listen(Socket& socket, const Address& local, const ListenOptions& options) {
  SLUICE_CHECK(socket.is_joined());
  // Windows gives the connections of a shared address to any one of its listeners, not to all in
  // turn.
  if (options.reuse_port) return ErrorOfNumber(WSAEOPNOTSUPP);
  const Family family = local.family();
  if (family == Family::kNone) return ErrorOfNumber(WSAEINVAL);
  Count(Call::k_socket);
  const SOCKET handle = NewStreamSocket(family);
  if (handle == INVALID_SOCKET) return LastSocketError();
  OsError error = BindAndListen(handle, family, local, options);
  bool skip_on_success = false;
  if (error.ok()) error = Associate(handle, family, &skip_on_success);
  if (!error.ok()) {
    DropHandle(handle);
    return error;
  }
  Register(socket, handle, family, skip_on_success);
  Count(Call::k_address);
  socket.local_ = LocalAddressOf(handle);
  socket.bound_ = true;
  if (platform_ != nullptr) {
    platform_->OnOpened(handle, family);
    platform_->OnBound(handle, socket.local_);
    platform_->OnListening(handle, socket.local_, options.backlog);
  }
  return OsError{};
}

OsError Port::Impl::BindAndListen(SOCKET handle, Family family, const Address& local,
                                  const ListenOptions& options) {
  Count(Call::k_option);
  // Without it any process of the user may bind the same address and steal connections.
  if (!SetOption(handle, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, 1)) return LastSocketError();
  if (family == Family::kV6) {
    Count(Call::k_option);
    if (!SetOption(handle, IPPROTO_IPV6, IPV6_V6ONLY, options.dual_stack ? 0 : 1))
      return LastSocketError();
  }
  NativeAddress native;
  if (!ToNative(local, family, &native)) return ErrorOfNumber(WSAEINVAL);
  Count(Call::k_bind);
  if (bind(handle, native.get(), native.size) != 0) return LastSocketError();
  Count(Call::k_bind);
  // A plain number, or SOMAXCONN, is clamped to 200 on client Windows; connections beyond the
  // backlog lose their redirect records for good (redirect semantics reference, 3.4). Clamped to
  // 200..65535.
  if (listen(handle, SOMAXCONN_HINT(options.backlog)) != 0) return LastSocketError();
  return OsError{};
}

OsError Port::Impl::Open(Socket& socket, Family family) {
  SLUICE_CHECK(socket.is_joined());
  SLUICE_CHECK(family != Family::kNone);
  Count(Call::k_socket);
  const SOCKET handle = NewStreamSocket(family);
  if (handle == INVALID_SOCKET) return LastSocketError();
  if (family == Family::kV6) {
    // Off by default on other systems: a v6 socket can then also reach v4-mapped destinations.
    Count(Call::k_option);
    SetOption(handle, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  }
  bool skip_on_success = false;
  const OsError error = Associate(handle, family, &skip_on_success);
  if (!error.ok()) {
    DropHandle(handle);
    return error;
  }
  Register(socket, handle, family, skip_on_success);
  socket.nagle_ = Socket::Nagle::kOnUnsent;
  if (platform_ != nullptr) platform_->OnOpened(handle, family);
  return OsError{};
}

OsError Port::Impl::Bind(Socket& socket, const Address& local) {
  SLUICE_CHECK(socket.is_open());
  NativeAddress native;
  if (!ToNative(local, socket.family_, &native)) return ErrorOfNumber(WSAEAFNOSUPPORT);
  Count(Call::k_bind);
  if (bind(HandleOf(socket), native.get(), native.size) != 0) return LastSocketError();
  Count(Call::k_address);
  socket.local_ = LocalAddressOf(HandleOf(socket));
  socket.bound_ = true;
  if (platform_ != nullptr) platform_->OnBound(socket.handle_, socket.local_);
  return OsError{};
}

// The accepted socket belongs to no port until here; from here on to this one, for life: a second
// association fails (87), and there is no way to move a socket that does not cancel its requests.
OsError Port::Impl::Adopt(Socket& socket, const AcceptedSocket& accepted) {
  SLUICE_CHECK(socket.is_joined());
  SLUICE_CHECK(accepted.is_open());
  const auto handle = static_cast<SOCKET>(accepted.handle);
  // By the family of the handle, not by that of the peer: a dual-stack listener has v4-mapped
  // peers.
  const Family family = accepted.local.family();
  bool skip_on_success = false;
  const OsError error = Associate(handle, family, &skip_on_success);
  if (!error.ok()) {
    Count(Call::k_close);
    Port::Discard(accepted, platform_);
    return error;
  }
  Register(socket, handle, family, skip_on_success);
  socket.nagle_ = Socket::Nagle::kOnUnsent;
  socket.local_ = accepted.local;
  socket.peer_ = accepted.peer;
  socket.bound_ = true;
  return OsError{};
}

void Port::Discard(AcceptedSocket accepted, Platform* platform) {
  if (!accepted.is_open()) return;
  const auto handle = static_cast<SOCKET>(accepted.handle);
  if (platform != nullptr) {
    platform->OnClosing(accepted.handle);
    UnregisterEmulated(handle);
  }
  LingerZero(handle);
  closesocket(handle);
}

OsError Port::Impl::ShutdownSend(Socket& socket) {
  SLUICE_CHECK(socket.is_open());
  SLUICE_CHECK(!HoldsSend(socket));
  Count(Call::k_shutdown);
  if (shutdown(HandleOf(socket), SD_SEND) != 0) return LastSocketError();
  return OsError{};
}

// One call instead of three options, of which two want Windows 10 1709. It does not wait, so it is
// not overlapped.
OsError Port::Impl::KeepAlive(Socket& socket, Nanos idle, Nanos interval) {
  SLUICE_CHECK(socket.is_open());
  SLUICE_CHECK(idle >= kSecond && interval >= kSecond);
  tcp_keepalive wanted{1, static_cast<ULONG>(idle / kMillisecond),
                       static_cast<ULONG>(interval / kMillisecond)};
  DWORD bytes = 0;
  Count(Call::k_option);
  const int result = WSAIoctl(HandleOf(socket), SIO_KEEPALIVE_VALS, &wanted, sizeof(wanted),
                              nullptr, 0, &bytes, nullptr, nullptr);
  return result == 0 ? OsError{} : LastSocketError();
}

void Port::Impl::Close(Socket& socket, bool abort) {
  PortCore::Close(socket, abort, [this](Operation& operation) { Cancel(operation); });
}

// Nothing is armed on it any more: no receive is pending, which would make closesocket send RST and
// could take the peer's last bytes with it (libuv #3034), and no packet will come for it.
void Port::Impl::CloseNative(void* self, Socket& socket) {
  auto* impl = static_cast<Impl*>(self);
  const SOCKET handle = HandleOf(socket);
  if (impl->platform_ != nullptr) {
    impl->platform_->OnClosing(socket.handle_);
    UnregisterEmulated(handle);
  }
  if (socket.abort_on_close_) {
    impl->Count(Call::k_option);
    LingerZero(handle);
  }
  impl->Count(Call::k_close);
  closesocket(handle);
}

Address Socket::AskLocal(NativeHandle handle) {
  return LocalAddressOf(static_cast<SOCKET>(handle));
}

}  // namespace sluice::io
