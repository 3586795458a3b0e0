// SPDX-License-Identifier: Apache-2.0
//
// Operations from armed to done: into the ring, out of the ring, and cancelled in between.
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/tsan.h"
#include "engine/io/linux/errors.h"
#include "engine/io/linux/impl.h"
#include "engine/io/linux/scratch.h"
#include "engine/io/linux/sockaddr.h"
#include "engine/io/port.h"

namespace sluice::io {
namespace {

// IoBuffer arrays are handed to the kernel as they stand.
static_assert(sizeof(IoBuffer) == sizeof(iovec));
static_assert(offsetof(IoBuffer, data) == offsetof(iovec, iov_base));
static_assert(offsetof(IoBuffer, size) == offsetof(iovec, iov_len));

// What one call moves at most (MAX_RW_COUNT); an entry's length has only 32 bits.
constexpr std::size_t kBytesMax = 0x7FFFF000;

// An accept that waits before its first try; Linux 6.10 (IORING_ACCEPT_POLL_FIRST, in no header of
// Debian 12). A failing try makes and drops a whole socket.
constexpr std::uint16_t kAcceptPollFirst = 1U << 2;

std::size_t BytesOf(const IoBuffer* buffers, std::size_t count) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < count; ++i) bytes += buffers[i].size;
  return bytes;
}

// The parts of `buffers` that hold the first `bytes` bytes; for TSan alone.
template <typename Visit>
void ForEachPart(const IoBuffer* buffers, std::size_t bytes, Visit visit) {
  if constexpr (SLUICE_TSAN == 0) return;
  for (; bytes > 0; ++buffers) {
    const std::size_t part = std::min(bytes, buffers->size);
    if (buffers->data != nullptr) visit(buffers->data, part);  // null: a pipe's
    bytes -= part;
  }
}

void Describe(msghdr* message, IoBuffer* buffers, std::uint32_t count) {
  *message = msghdr{};
  message->msg_iov = reinterpret_cast<iovec*>(buffers);
  message->msg_iovlen = count;
}

}  // namespace

void Port::Accept(AcceptOp& operation, Socket& listener) {
  SLUICE_CHECK(!operation.accepted_.is_open());
  impl_->Arm(operation, Verb::kAccept, &listener);
  impl_->Queue(operation);
}

void Port::Recv(RecvOp& operation, Socket& socket, absl::Span<const IoBuffer> buffers) {
  SLUICE_CHECK(!buffers.empty());
  SLUICE_CHECK(buffers.size() <= RecvOp::kBuffersMax);
  impl_->Arm(operation, Verb::kRecv, &socket);
  operation.count_ = static_cast<std::uint32_t>(buffers.size());
  std::copy(buffers.begin(), buffers.end(), operation.buffers_);
  const std::size_t bytes = BytesOf(operation.buffers_, operation.count_);
  // An outcome of no bytes would read as end of stream.
  SLUICE_CHECK(bytes > 0);
  ForEachPart(operation.buffers_, bytes, [&](void* data, std::size_t size) {
    impl_->tsan_kernel().Writes(&operation, data, size);
  });
  // What is known to wait is taken at once.
  if (socket.readable_ || socket.nonblocking_) return impl_->RecvNow(operation);
  impl_->Queue(operation);
}

ssize_t Port::Impl::ReceiveMessage(RecvOp& operation) {
  const int descriptor = Descriptor(operation.socket_->handle_);
  const IoBuffer& first = operation.buffers_[0];
  ssize_t received = 0;
  // TSan sees this thread write, in the middle of what it is told of the kernel.
  SLUICE_TSAN_ACQUIRE(&operation);
  if (operation.count_ == 1) {
    received = recv(descriptor, first.data, std::min(first.size, kBytesMax), MSG_DONTWAIT);
  } else {
    msghdr message;
    Describe(&message, operation.buffers_, operation.count_);
    received = recvmsg(descriptor, &message, MSG_DONTWAIT);
  }
  SLUICE_TSAN_RELEASE(&operation);
  return received;
}

// By a call of its own; what is not there after all is waited for with a poll.
void Port::Impl::RecvNow(RecvOp& operation) {
  SLUICE_DCHECK(OnOwner());
  operation.socket_->readable_ = false;
  Count(Call::k_receive);
  const bool piped = (operation.backend_ & kPiped) != 0;
  const ssize_t received = piped ? SpliceIn(operation) : ReceiveMessage(operation);
  if (received >= 0) return CompleteRecv(operation, static_cast<int>(received));
  if (errno != EAGAIN && errno != EINTR) return CompleteRecv(operation, -errno);
  operation.backend_ |= kPolls;
  Queue(operation);
}

void Port::Send(SendOp& operation, Socket& socket, absl::Span<const IoBuffer> buffers) {
  SLUICE_CHECK(!buffers.empty());
  SLUICE_CHECK(buffers.size() <= SendOp::kBuffersMax);
  impl_->Arm(operation, Verb::kSend, &socket);
  operation.count_ = static_cast<std::uint32_t>(buffers.size());
  std::copy(buffers.begin(), buffers.end(), operation.buffers_);
  ForEachPart(
      operation.buffers_, BytesOf(operation.buffers_, operation.count_),
      [&](void* data, std::size_t size) { impl_->tsan_kernel().Reads(&operation, data, size); });
  // The first send goes with the turn's other entries, which is cheapest for connections that make
  // no second one. Those that do are better served at once.
  if (std::exchange(socket.sent_, true) || socket.nonblocking_) return impl_->SendNow(operation);
  impl_->Queue(operation);
}

ssize_t Port::Impl::SendMessage(SendOp& operation) {
  constexpr int kFlags = MSG_NOSIGNAL | MSG_DONTWAIT;
  const int descriptor = Descriptor(operation.socket_->handle_);
  const IoBuffer& first = operation.buffers_[0];
  // Most have one buffer, and for one the kernel has less to look at.
  if (operation.count_ == 1) {
    return send(descriptor, first.data, std::min(first.size, kBytesMax), kFlags);
  }
  msghdr message;
  Describe(&message, operation.buffers_, operation.count_);
  return sendmsg(descriptor, &message, kFlags);
}

// By a call of its own: nearly every send is taken at once, and sooner so. What is not waits with a
// poll until it may be.
void Port::Impl::SendNow(SendOp& operation) {
  SLUICE_DCHECK(OnOwner());
  Count(Call::k_send);
  const bool piped = (operation.backend_ & kPiped) != 0;
  const ssize_t sent = piped ? SpliceOut(operation) : SendMessage(operation);
  if (sent >= 0) return CompleteSend(operation, static_cast<int>(sent));
  if (errno != EAGAIN && errno != EINTR) return CompleteSend(operation, -errno);
  operation.backend_ |= kPolls;
  Queue(operation);
}

// The poll that a direct call had to wait with is over.
void Port::Impl::TryAgain(Operation& operation, int result) {
  operation.backend_ &= static_cast<std::uint8_t>(~kPolls);
  if (result >= 0 && operation.cancelled_) result = -ECANCELED;
  if (operation.verb_ == Verb::kRecv) {
    RecvOp& recv = static_cast<RecvOp&>(operation);
    return result < 0 ? CompleteRecv(recv, result) : RecvNow(recv);
  }
  SendOp& send = static_cast<SendOp&>(operation);
  return result < 0 ? CompleteSend(send, result) : SendNow(send);
}

void Port::AwaitReadable(AwaitReadableOp& operation, Socket& socket) {
  impl_->Arm(operation, Verb::kAwaitReadable, &socket);
  impl_->Queue(operation);
}

void Port::Defer(DeferOp& operation) {
  impl_->Arm(operation, Verb::kDefer, nullptr);
  impl_->Finish(operation, Outcome::Done(0));
}

void Port::Cancel(Operation& operation) { impl_->CancelArmed(operation); }

void Port::Impl::Queue(Operation& operation) {
  SLUICE_DCHECK(OnOwner());
  if (!running_ || !ring_.MakeRoom()) {
    operation.backend_ |= kStartWaits;
    backlog_.PushBack(operation);
    return;
  }
  if (operation.verb_ == Verb::kConnect && platform_ != nullptr) {
    StartSyn(static_cast<ConnectOp&>(operation));
    return;
  }
  Prepare(operation, ring_.Take());
}

void Port::Impl::Prepare(Operation& operation, io_uring_sqe* sqe) {
  const int descriptor = Descriptor(operation.socket_->handle_);
  if ((operation.backend_ & kPolls) != 0) {
    const bool receives = operation.verb_ == Verb::kRecv;
    io_uring_prep_poll_add(sqe, descriptor, receives ? POLLIN | POLLRDHUP : POLLOUT);
    return io_uring_sqe_set_data(sqe, &operation);
  }
  switch (operation.verb_) {
    case Verb::kAccept: {
      auto& peer = In<KernelAddress>(static_cast<AcceptOp&>(operation).scratch_);
      peer.length = sizeof(peer.storage);
      io_uring_prep_accept(sqe, descriptor, peer.data(), &peer.length, SOCK_CLOEXEC);
      if (operation.socket_->drained_ && accept_may_wait_first_) {
        sqe->ioprio |= kAcceptPollFirst;
        operation.backend_ |= kWaitedFirst;
      }
      break;
    }
    case Verb::kConnect:
      PrepareConnect(static_cast<ConnectOp&>(operation), sqe);
      break;
    case Verb::kRecv:
      PrepareRecv(static_cast<RecvOp&>(operation), sqe);
      break;
    case Verb::kSend:
      PrepareSend(static_cast<SendOp&>(operation), sqe);
      break;
    case Verb::kAwaitReadable:
      io_uring_prep_poll_add(sqe, descriptor, POLLIN | POLLRDHUP);
      break;
    case Verb::kNone:
    case Verb::kControl:
    case Verb::kDefer:
      SLUICE_CHECK(operation.verb_ == Verb::kAccept);  // the others never come to the ring
  }
  io_uring_sqe_set_data(sqe, &operation);
}

void Port::Impl::PrepareRecv(RecvOp& operation, io_uring_sqe* sqe) {
  const int descriptor = Descriptor(operation.socket_->handle_);
  const IoBuffer& first = operation.buffers_[0];
  if (operation.count_ == 1) {
    io_uring_prep_recv(sqe, descriptor, first.data, std::min(first.size, kBytesMax), 0);
  } else {
    msghdr& message = In<msghdr>(operation.scratch_);
    Describe(&message, operation.buffers_, operation.count_);
    io_uring_prep_recvmsg(sqe, descriptor, &message, 0);
  }
  // Most receives begin when there is nothing: no try then before the wait.
  if (operation.socket_->drained_) sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
}

void Port::Impl::PrepareSend(SendOp& operation, io_uring_sqe* sqe) {
  const int descriptor = Descriptor(operation.socket_->handle_);
  const IoBuffer& first = operation.buffers_[0];
  if (operation.count_ == 1) {
    io_uring_prep_send(sqe, descriptor, first.data, std::min(first.size, kBytesMax), MSG_NOSIGNAL);
    return;
  }
  msghdr& message = In<msghdr>(operation.scratch_);
  Describe(&message, operation.buffers_, operation.count_);
  io_uring_prep_sendmsg(sqe, descriptor, &message, MSG_NOSIGNAL);
}

// Entries are worked on in order, so a cancel comes after its operation even when both go with one
// submit, and cannot find a later operation at the same address, whose entry comes after it.
void Port::Impl::QueueCancel(Operation& operation) {
  if (!ring_.MakeRoom()) {
    operation.backend_ |= kCancelWaits;
    backlog_.PushBack(operation);
    return;
  }
  operation.backend_ |= kCancelSent;
  cancelling_.PushBack(operation);
  PrepareCancel(operation, ring_.Take());
}

void Port::Impl::PrepareCancel(Operation& operation, io_uring_sqe* sqe) {
  io_uring_prep_cancel(sqe, &operation, 0);
  io_uring_sqe_set_data64(sqe, kTagCancel);
  sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

// The kernel does not find an operation that is between its wait and its next try, as an accept is
// that was woken for a connection which another one takes: it then waits on, cancelled by nobody.
// So whatever is still armed after such an answer is cancelled again; by then that try is over.
void Port::Impl::RetryCancels() {
  if (!std::exchange(cancel_missed_, false)) return;
  cancelling_.ForEach([this](Operation& operation) {
    if (ring_.MakeRoom()) {
      PrepareCancel(operation, ring_.Take());
    } else {
      cancel_missed_ = true;
    }
  });
}

void Port::Impl::RetryBacklog() {
  for (std::size_t left = backlog_.size(); left > 0; --left) {
    if (!ring_.MakeRoom()) return;
    Operation& operation = *backlog_.PopFront();
    if ((operation.backend_ & kCancelWaits) != 0) {
      operation.backend_ &= static_cast<std::uint8_t>(~kCancelWaits);
      QueueCancel(operation);
    } else {
      operation.backend_ &= static_cast<std::uint8_t>(~kStartWaits);
      Queue(operation);
    }
  }
}

void Port::Impl::CancelArmed(Operation& operation) {
  SLUICE_DCHECK(OnOwner());
  if (!MarkCancelled(operation)) return;
  if (operation.verb_ == Verb::kControl) {
    platform_->CancelControl(static_cast<ControlOp*>(&operation));
  } else if ((operation.backend_ & kStartWaits) != 0) {
    backlog_.Remove(operation);
    operation.backend_ = 0;
    Complete(operation, -ECANCELED, false);
  } else {
    QueueCancel(operation);
  }
}

void Port::Impl::Complete(Operation& operation, int result, bool drained) {
  if ((operation.backend_ & kCancelWaits) != 0) backlog_.Remove(operation);
  if ((operation.backend_ & kCancelSent) != 0) cancelling_.Remove(operation);
  if ((operation.backend_ & kPolls) != 0) return TryAgain(operation, result);
  switch (operation.verb_) {
    case Verb::kAccept:
      return CompleteAccept(static_cast<AcceptOp&>(operation), result, drained);
    case Verb::kConnect:
      return CompleteConnect(static_cast<ConnectOp&>(operation), result);
    case Verb::kRecv:
      operation.socket_->drained_ = drained;
      return CompleteRecv(static_cast<RecvOp&>(operation), result);
    case Verb::kSend:
      return CompleteSend(static_cast<SendOp&>(operation), result);
    default:
      break;
  }
  if (result < 0) return Finish(operation, Outcome{0, ErrorOf(-result)});
  // The result of a poll is a mask of events; the receive that follows tells which.
  operation.socket_->readable_ = true;
  Finish(operation, Outcome::Done(0));
}

void Port::Impl::CompleteAccept(AcceptOp& operation, int result, bool drained) {
  if (result == -EINVAL && (operation.backend_ & kWaitedFirst) != 0 && !operation.cancelled_) {
    // An older kernel: not so again.
    accept_may_wait_first_ = false;
    operation.backend_ = 0;
    return Queue(operation);
  }
  operation.socket_->drained_ = drained;
  if (result < 0) return Finish(operation, Outcome{0, ErrorOf(-result)});
  AcceptedSocket& accepted = operation.accepted_;
  const Socket& listener = *operation.socket_;
  accepted.handle = static_cast<NativeHandle>(result);
  accepted.peer = FromKernel(In<KernelAddress>(operation.scratch_));
  accepted.local = listener.local_.IsWildcard() ? LocalOf(accepted.handle) : listener.local_;
  if (platform_ != nullptr) {
    platform_->OnAccepted(accepted.handle, listener.handle_, accepted.local, accepted.peer);
  }
  Finish(operation, Outcome::Done(0));
}

void Port::Impl::CompleteRecv(RecvOp& operation, int result) {
  if (result < 0) return Finish(operation, Outcome{0, ErrorOf(-result)});
  const auto bytes = static_cast<std::uint32_t>(result);
  ForEachPart(operation.buffers_, bytes,
              [&](void* data, std::size_t size) { tsan_kernel().Writes(&operation, data, size); });
  Finish(operation, Outcome::Done(bytes));
}

void Port::Impl::CompleteSend(SendOp& operation, int result) {
  Socket& socket = *operation.socket_;
  const std::size_t taken = result > 0 ? static_cast<std::size_t>(result) : 0;
  ForEachPart(operation.buffers_, taken,
              [&](void* data, std::size_t size) { tsan_kernel().Reads(&operation, data, size); });
  // A FIN behind half of a send would tell the peer that it has everything.
  if (socket.closing_ && taken < BytesOf(operation.buffers_, operation.count_)) {
    socket.abort_on_close_ = true;
  }
  if (result >= 0) return Finish(operation, Outcome::Done(static_cast<std::uint32_t>(result)));
  OsError error = ErrorOf(-result);
  if (result == -EPIPE && socket.send_shut_) error.code = ErrorCode::kShutDown;
  Finish(operation, Outcome{0, error});
}

}  // namespace sluice::io
