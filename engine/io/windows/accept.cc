// SPDX-License-Identifier: Apache-2.0
//
// AcceptEx: a socket is made first, then a connection is accepted into it.
#include <utility>

#include "engine/base/check.h"
#include "engine/io/windows/emulated_ioctl.h"
#include "engine/io/windows/errors.h"
#include "engine/io/windows/impl.h"
#include "engine/io/windows/native_address.h"

namespace sluice::io {
namespace {

// AcceptEx wants room for each address plus 16 bytes.
constexpr DWORD kAddressRoom = sizeof(sockaddr_in6) + 16;

}  // namespace

void Port::Impl::Accept(AcceptOp& operation, Socket& listener) {
  static_assert(sizeof(operation.scratch_) >= 2 * kAddressRoom);
  SLUICE_CHECK(!operation.accepted_.is_open());
  Arm(operation, Verb::kAccept, &listener);
  const SOCKET prepared = bank_.Take(listener.family_, &stats().calls);
  if (prepared == INVALID_SOCKET) return FinishAccept(operation, LastSocketError());
  // Before the call: were the packet dequeued by another thread, it could be there before AcceptEx
  // has returned (zio #533). Here only this thread dequeues, and the rule costs nothing.
  operation.prepared_ = prepared;
  OVERLAPPED* overlapped = Prepare(operation);
  DWORD bytes = 0;
  Count(Call::k_accept);
  // Receive length 0: with more, a client that says nothing would hold this accept for as long as
  // it likes.
  const BOOL accepted = winsock_.accept_ex(HandleOf(listener), prepared, operation.scratch_, 0,
                                           kAddressRoom, kAddressRoom, &bytes, overlapped);
  const std::uint32_t error = accepted ? 0 : static_cast<std::uint32_t>(WSAGetLastError());
  if (error == WSA_IO_PENDING) return;
  if (error != 0) return FinishAccept(operation, ErrorOfNumber(error));
  if (listener.skip_on_success_) FinishAccept(operation, OsError{});
}

// Without it getpeername, getsockname and shutdown fail on the accepted socket (10057). Wine lets
// them pass, so no test here would notice. The redirect queries work either way.
OsError Port::Impl::InheritFromListener(SOCKET accepted, SOCKET listener) {
  Count(Call::k_option);
  if (setsockopt(accepted, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT,
                 reinterpret_cast<const char*>(&listener), sizeof(listener)) != 0) {
    return LastSocketError();
  }
  return OsError{};
}

// A connection that was gone before it could be accepted ends here with an error like any other
// (10054 or 64); the listener is none the worse for it.
void Port::Impl::FinishAccept(AcceptOp& operation, OsError error) {
  const Socket& listener = *operation.socket_;
  const auto accepted = static_cast<SOCKET>(std::exchange(operation.prepared_, kNoHandle));
  bank_.AcceptEnded(listener.family_);
  if (error.ok()) error = InheritFromListener(accepted, HandleOf(listener));
  if (!error.ok()) {
    // Not back to the bank: nothing says in which state a failed AcceptEx leaves the socket.
    if (accepted != INVALID_SOCKET) DropHandle(accepted);
    return Finish(operation, Outcome{0, error});
  }
  sockaddr* local = nullptr;
  sockaddr* peer = nullptr;
  int local_size = 0;
  int peer_size = 0;
  // Reads the buffer, asks nobody.
  winsock_.accept_ex_addresses(operation.scratch_, 0, kAddressRoom, kAddressRoom, &local,
                               &local_size, &peer, &peer_size);
  operation.accepted_ =
      AcceptedSocket{accepted, FromNative(local, local_size), FromNative(peer, peer_size)};
  if (platform_ != nullptr) {
    // No port yet, so no packets: Adopt registers it anew.
    RegisterEmulated(accepted, EmulatedSocket{platform_, nullptr, 0, false});
    platform_->OnAccepted(accepted, listener.handle_, operation.accepted_.local,
                          operation.accepted_.peer);
  }
  Finish(operation, Outcome::Done(0));
}

}  // namespace sluice::io
