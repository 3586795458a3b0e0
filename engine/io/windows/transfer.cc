// SPDX-License-Identifier: Apache-2.0
//
// Receive, send, wait for data, cancel.
#include <algorithm>

#include "engine/base/check.h"
#include "engine/io/windows/emulated_ioctl.h"
#include "engine/io/windows/errors.h"
#include "engine/io/windows/impl.h"

namespace sluice::io {
namespace {

// A WSABUF counts in 32 bits and has its members the other way round, so buffers are converted. The
// array may live on the stack: WSARecv and WSASend copy it before they return (learn.microsoft.com,
// WSASend, lpBuffers). What lies beyond `bytes_max` is left out; the caller sends or receives the
// rest later.
template <std::size_t N>
DWORD ToNative(absl::Span<const IoBuffer> buffers, std::size_t bytes_max, WSABUF (&native)[N]) {
  SLUICE_CHECK(!buffers.empty());
  SLUICE_CHECK(buffers.size() <= N);
  std::size_t left = bytes_max;
  DWORD count = 0;
  for (const IoBuffer& buffer : buffers) {
    const std::size_t size = std::min(buffer.size, left);
    native[count].buf = static_cast<char*>(buffer.data);
    native[count].len = static_cast<ULONG>(size);
    ++count;
    left -= size;
    if (left == 0) break;
  }
  SLUICE_CHECK(left <
               bytes_max);  // no bytes at all: a receive of none would look like end of stream
  return count;
}

}  // namespace

// The three ways on after a start call (impl.h).
void Port::Impl::Started(Operation& operation, int result, std::uint32_t bytes) {
  if (result == 0) {
    if (operation.socket_->skip_on_success_) Finish(operation, Outcome::Done(bytes));
    return;
  }
  const OsError error = LastSocketError();
  if (error.raw == WSA_IO_PENDING) return;
  Finish(operation, Outcome{0, error});
}

void Port::Impl::Recv(RecvOp& operation, Socket& socket, absl::Span<const IoBuffer> buffers) {
  SLUICE_CHECK(!buffers.empty());
  SLUICE_CHECK(buffers.size() <= RecvOp::kBuffersMax);
  std::copy(buffers.begin(), buffers.end(), operation.buffers_);
  operation.count_ = static_cast<std::uint32_t>(buffers.size());
  Arm(operation, Verb::kRecv, &socket);
  if (packets_of_last_look_ < kBusyPackets) return StartReceive(operation);
  waiting_receives_.PushBack(operation);
}

// Oldest first. One that was cancelled meanwhile is no longer among them.
void Port::Impl::StartReceives(std::size_t count) {
  while (count-- > 0) {
    Operation* operation = waiting_receives_.PopFront();
    if (operation == nullptr) return;
    StartReceive(static_cast<RecvOp&>(*operation));
  }
}

void Port::Impl::StartReceive(RecvOp& operation) {
  Socket& socket = *operation.socket_;
  WSABUF native[RecvOp::kBuffersMax];
  const DWORD count =
      ToNative(absl::MakeConstSpan(operation.buffers_, operation.count_), kTransferMax, native);
  DWORD bytes = 0;
  DWORD flags = 0;
  Count(Call::k_receive);
  const int result =
      WSARecv(HandleOf(socket), native, count, &bytes, &flags, Prepare(operation), nullptr);
  // `bytes` is read in a statement of its own: as an argument beside the call it may be read before
  // it.
  Started(operation, result, bytes);
}

// Nagle's algorithm holds a small segment back while an earlier one is not acknowledged; so never
// the first send of a connection, if that is one segment. Many legs make no second send, and are
// spared the call.
void Port::Impl::NoDelay(Socket& socket, absl::Span<const IoBuffer> buffers) {
  std::size_t bytes = 0;
  for (const IoBuffer& buffer : buffers) bytes += buffer.size;
  if (socket.nagle_ == Socket::Nagle::kOnUnsent && bytes <= kSegmentMin) {
    socket.nagle_ = Socket::Nagle::kOnSent;
    return;
  }
  socket.nagle_ = Socket::Nagle::kOff;
  const DWORD on = 1;
  Count(Call::k_option);
  // Refused: later bytes may be slower, none is lost.
  setsockopt(HandleOf(socket), IPPROTO_TCP, TCP_NODELAY, reinterpret_cast<const char*>(&on),
             sizeof(on));
}

void Port::Impl::Send(SendOp& operation, Socket& socket, absl::Span<const IoBuffer> buffers) {
  WSABUF native[SendOp::kBuffersMax];
  const DWORD count = ToNative(buffers, kTransferMax, native);
  if (socket.nagle_ != Socket::Nagle::kOff) NoDelay(socket, buffers);
  Arm(operation, Verb::kSend, &socket);
  DWORD bytes = 0;
  Count(Call::k_send);
  const int result =
      WSASend(HandleOf(socket), native, count, &bytes, 0, Prepare(operation), nullptr);
  Started(operation, result, bytes);
}

// Close cancels a send that is under way. What the kernel had taken of it goes out, the rest does
// not: a FIN behind that would tell the peer that it has everything. So the connection ends with
// RST instead.
void Port::Impl::FinishSend(Operation& operation, Outcome outcome) {
  Socket& socket = *operation.socket_;
  if (socket.closing_ && !outcome.ok()) socket.abort_on_close_ = true;
  Finish(operation, outcome);
}

// A receive of no bytes ends when there is something to receive and leaves it there.
void Port::Impl::AwaitReadable(AwaitReadableOp& operation, Socket& socket) {
  Arm(operation, Verb::kAwaitReadable, &socket);
  WSABUF none{0, nullptr};
  DWORD bytes = 0;
  DWORD flags = 0;
  Count(Call::k_receive);
  const int result =
      WSARecv(HandleOf(socket), &none, 1, &bytes, &flags, Prepare(operation), nullptr);
  Started(operation, result, 0);
}

void Port::Impl::Defer(DeferOp& operation) {
  Arm(operation, Verb::kDefer, nullptr);
  Finish(operation, Outcome::Done(0));
}

void Port::Impl::Cancel(Operation& operation) {
  if (MarkCancelled(operation)) CancelArmed(operation);
}

// No result is looked at: "not found" means that the packet is on its way, and Wine says TRUE for
// nothing. The packet counts, whatever it says: 995, another failure, or a success that was faster.
void Port::Impl::CancelArmed(Operation& operation) {
  if (static_cast<ListNode<ReadyTag>&>(operation).linked()) {
    // A receive that Windows has not heard of yet.
    waiting_receives_.Remove(operation);
    return Finish(operation, Outcome{0, ErrorOfNumber(ERROR_OPERATION_ABORTED)});
  }
  // CancelIoEx does not know what a platform pended.
  if (operation.verb_ == Verb::kControl && platform_ != nullptr) {
    if (CancelEmulated(OverlappedOf(operation))) return;
  }
  Count(Call::k_cancel);
  CancelIoEx(reinterpret_cast<HANDLE>(operation.socket_->handle_), OverlappedOf(operation));
}

}  // namespace sluice::io
