// SPDX-License-Identifier: Apache-2.0
//
// Connecting. Without a platform it is one entry in the ring. With one, the connect is submitted at
// once and alone, so that the local address (what the platform tags the SYN with) is known before
// anything else happens: the kernel sends the SYN inside that submit, because it tries each entry
// without waiting before it parks it.
#include <cerrno>

#include "engine/base/check.h"
#include "engine/io/linux/errors.h"
#include "engine/io/linux/impl.h"
#include "engine/io/linux/scratch.h"
#include "engine/io/linux/sockaddr.h"
#include "engine/io/port.h"

namespace sluice::io {

void Port::Connect(ConnectOp& operation, Socket& socket, const Address& remote) {
  impl_->Arm(operation, Verb::kConnect, &socket);
  socket.peer_ = remote;
  operation.reached_ = remote;
  ToKernel(remote, &In<KernelAddress>(operation.scratch_));
  impl_->Queue(operation);
}

void Port::Impl::PrepareConnect(ConnectOp& operation, io_uring_sqe* sqe) {
  KernelAddress& remote = In<KernelAddress>(operation.scratch_);
  io_uring_prep_connect(sqe, Descriptor(operation.socket_->handle_), remote.data(), remote.length);
}

// REQUIRES: room in the ring, which the platform cannot take: it may not call the port.
void Port::Impl::StartSyn(ConnectOp& operation) {
  Socket& socket = *operation.socket_;
  const NativeHandle handle = socket.handle_;
  const Address bound = socket.bound_ ? socket.local_ : Address{};
  const ConnectDecision decision = platform_->OnConnecting(handle, bound, socket.peer_);
  if (!decision.error.ok()) {
    socket.peer_ = Address{};
    return Finish(operation, Outcome{0, decision.error});
  }
  operation.reached_ = decision.remote;
  ToKernel(decision.remote, &In<KernelAddress>(operation.scratch_));
  platform_->BeginSyn(handle);
  operation.backend_ |= kSynTold;
  io_uring_sqe* sqe = ring_.Take();
  Prepare(operation, sqe);
  if (!ring_.Submit() && !ring_.Submit()) {
    // No memory in the kernel. The entry is still ours; a SYN that left later would be untagged.
    io_uring_prep_nop(sqe);
    io_uring_sqe_set_data64(sqe, kTagIgnored);
    platform_->EndSyn(handle, Address{});
    return CompleteConnect(operation, -ENOBUFS);
  }
  const Address local = LocalOf(handle);
  const bool left = local.tcp_port() != 0;
  if (left) socket.local_ = local;
  platform_->EndSyn(handle, left ? local : Address{});
}

void Port::Impl::CompleteConnect(ConnectOp& operation, int result) {
  Socket& socket = *operation.socket_;
  const OsError error = ErrorOf(-result);
  if (!error.ok()) {
    socket.peer_ = Address{};
  } else if (socket.local_.tcp_port() == 0 || socket.local_.IsWildcard()) {
    socket.local_unasked_ = true;
  }
  socket.drained_ = true;  // whoever was connected to speaks later, if at all first
  if ((operation.backend_ & kSynTold) != 0) platform_->OnConnected(socket.handle_, error);
  Finish(operation, Outcome{0, error});
}

}  // namespace sluice::io
