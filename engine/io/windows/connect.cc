// SPDX-License-Identifier: Apache-2.0
//
// ConnectEx. It needs a bound socket (else 10022), and one attempt uses the socket up: a second
// ConnectEx after a refusal fails with 10053 under Wine, and nothing promises better elsewhere.
// Whoever tries again opens a new socket.
#include <cstring>

#include "engine/base/check.h"
#include "engine/io/windows/errors.h"
#include "engine/io/windows/impl.h"
#include "engine/io/windows/native_address.h"

namespace sluice::io {

void Port::Impl::Connect(ConnectOp& operation, Socket& socket, const Address& remote) {
  static_assert(sizeof(NativeAddress) <= sizeof(operation.scratch_));
  Arm(operation, Verb::kConnect, &socket);
  Address target = remote;
  if (platform_ != nullptr) {
    const Address local = socket.bound_ ? socket.local_ : Address{};
    const ConnectDecision decision = platform_->OnConnecting(socket.handle_, local, remote);
    if (!decision.error.ok()) return Finish(operation, Outcome{0, decision.error});
    target = decision.remote;
  }
  socket.peer_ = remote;  // what was asked for, wherever the platform sends it
  operation.reached_ = target;
  // ConnectEx copies the address before it returns, but nothing documents that; so it lives as long
  // as the operation.
  auto* native = ::new (operation.scratch_) NativeAddress{};
  OsError error;
  if (!ToNative(target, socket.family_, native)) error = ErrorOfNumber(WSAEAFNOSUPPORT);
  if (error.ok()) error = BindForConnect(socket);
  if (!error.ok()) return FinishConnect(operation, error);
  StartConnect(operation, socket);
}

OsError Port::Impl::BindForConnect(Socket& socket) {
  if (!socket.bound_) {
    if (platform_ == nullptr) {
      // Windows 10: the port is then chosen when the destination is known, and shared between
      // destinations, as for a socket that never called bind. Otherwise each connection takes a
      // port of the whole machine, TIME_WAIT included. Wine takes the option and does nothing. A
      // platform needs to know the port before the SYN leaves, so not then.
      const DWORD on = 1;
      Count(Call::k_option);
      setsockopt(HandleOf(socket), SOL_SOCKET, SO_REUSE_UNICASTPORT,
                 reinterpret_cast<const char*>(&on), sizeof(on));
    }
    NativeAddress wildcard;
    ToNative(Address::Wildcard(socket.family_, 0), socket.family_, &wildcard);
    Count(Call::k_bind);
    if (bind(HandleOf(socket), wildcard.get(), wildcard.size) != 0) return LastSocketError();
    socket.bound_ = true;
    if (platform_ != nullptr) {
      Count(Call::k_address);
      socket.local_ = LocalAddressOf(HandleOf(socket));
    }
  }
  return OsError{};
}

void Port::Impl::StartConnect(ConnectOp& operation, Socket& socket) {
  const auto* native = ScratchAs<NativeAddress>(operation.scratch_);
  if (platform_ != nullptr) {
    // The whole of the SYN's moment lies before the call: the port is known since bind, so what
    // rides on the SYN is on record when the other end's accept can first happen.
    platform_->BeginSyn(socket.handle_);
    platform_->EndSyn(socket.handle_, socket.local_);
  }
  OVERLAPPED* overlapped = Prepare(operation);
  DWORD bytes = 0;
  Count(Call::k_connect);
  const BOOL connected = winsock_.connect_ex(HandleOf(socket), native->get(), native->size, nullptr,
                                             0, &bytes, overlapped);
  const std::uint32_t error = connected ? 0 : static_cast<std::uint32_t>(WSAGetLastError());
  if (error == WSA_IO_PENDING) return;
  if (error != 0) return FinishConnect(operation, ErrorOfNumber(error));
  if (socket.skip_on_success_) FinishConnect(operation, OsError{});
}

void Port::Impl::FinishConnect(ConnectOp& operation, OsError error) {
  Socket& socket = *operation.socket_;
  if (error.ok()) {
    // Without it getpeername, getsockname and shutdown fail (10057); Wine lets them pass.
    Count(Call::k_option);
    if (setsockopt(HandleOf(socket), SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, nullptr, 0) != 0) {
      error = LastSocketError();
    }
  }
  if (error.ok()) {
    socket.local_unasked_ = true;  // the wildcard has become an address; few ask which
  } else {
    socket.peer_ = Address{};
  }
  if (platform_ != nullptr) platform_->OnConnected(socket.handle_, error);
  Finish(operation, Outcome{0, error});
}

}  // namespace sluice::io
