// SPDX-License-Identifier: Apache-2.0
//
// Pipes: by direct calls, because a splice in the ring always goes to a worker thread. splice(2)
// waits as long as its socket may: SPLICE_F_NONBLOCK is about the pipe alone. So the sockets are
// made non-blocking, which the ring would answer with EAGAIN; they are received from and sent to by
// direct calls from then on.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>

#include "engine/base/check.h"
#include "engine/io/linux/errors.h"
#include "engine/io/linux/impl.h"
#include "engine/io/linux/scratch.h"
#include "engine/io/linux/sockaddr.h"
#include "engine/io/pipe.h"
#include "engine/io/port.h"

namespace sluice::io {
namespace {

// What one call moves at most; the system's default is a quarter of it (bench/results/TRIED.md).
constexpr int kPipeBytes = 256 * 1024;

ssize_t Splice(int from, int to, std::size_t bytes) {
  return splice(from, nullptr, to, nullptr, bytes, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
}

// There is no MSG_NOSIGNAL here, and a library must not leave SIGPIPE to its host: it is held back
// on this thread and taken if it came.
ssize_t SpliceWithoutSignal(int from, int to, std::size_t bytes) {
  sigset_t signal;
  sigemptyset(&signal);
  sigaddset(&signal, SIGPIPE);
  sigset_t before;
  pthread_sigmask(SIG_BLOCK, &signal, &before);
  const ssize_t moved = Splice(from, to, bytes);
  const int error = errno;
  if (sigismember(&before, SIGPIPE) == 0) {
    const timespec at_once{};
    if (moved < 0 && error == EPIPE) sigtimedwait(&signal, nullptr, &at_once);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  errno = error;
  return moved;
}

}  // namespace

OsError Port::OpenPipe(Pipe& pipe) {
  SLUICE_CHECK(!pipe.is_open());
  int ends[2];
  impl_->Count(Call::k_other);
  if (pipe2(ends, O_CLOEXEC) != 0) return LastError();
  // Refused where a user has too many: then it moves less at a time.
  fcntl(ends[0], F_SETPIPE_SZ, kPipeBytes);
  pipe.out_ = static_cast<NativeHandle>(ends[0]);
  pipe.in_ = static_cast<NativeHandle>(ends[1]);
  return OsError{};
}

void Port::ClosePipe(Pipe& pipe) {
  if (!pipe.is_open()) return;
  close(Descriptor(pipe.out_));
  close(Descriptor(pipe.in_));
  pipe.out_ = kNoHandle;
  pipe.in_ = kNoHandle;
  pipe.size_ = 0;
}

void Port::Recv(RecvOp& operation, Socket& socket, Pipe& pipe, std::size_t bytes_max) {
  SLUICE_CHECK(pipe.is_open());
  SLUICE_CHECK(pipe.size_ == 0);
  SLUICE_CHECK(bytes_max > 0);
  impl_->Arm(operation, Verb::kRecv, &socket);
  operation.backend_ = Impl::kPiped;
  operation.count_ = 0;
  operation.buffers_[0] = IoBuffer{nullptr, bytes_max};
  In<Pipe*>(operation.scratch_) = &pipe;
  impl_->DoNotBlock(socket);
  impl_->RecvNow(operation);
}

void Port::Send(SendOp& operation, Socket& socket, Pipe& pipe) {
  SLUICE_CHECK(pipe.is_open());
  SLUICE_CHECK(pipe.size_ > 0);
  impl_->Arm(operation, Verb::kSend, &socket);
  operation.backend_ = Impl::kPiped;
  operation.count_ = 1;
  operation.buffers_[0] = IoBuffer{nullptr, pipe.size_};
  In<Pipe*>(operation.scratch_) = &pipe;
  socket.sent_ = true;
  impl_->DoNotBlock(socket);
  impl_->SendNow(operation);
}

void Port::Impl::DoNotBlock(Socket& socket) {
  if (socket.nonblocking_) return;
  int on = 1;
  Count(Call::k_option);
  SLUICE_CHECK(ioctl(Descriptor(socket.handle_), FIONBIO, &on) == 0);
  socket.nonblocking_ = true;
}

ssize_t Port::Impl::SpliceIn(RecvOp& operation) {
  Pipe& pipe = *In<Pipe*>(operation.scratch_);
  const int descriptor = Descriptor(operation.socket_->handle_);
  const ssize_t moved = Splice(descriptor, Descriptor(pipe.in_), operation.buffers_[0].size);
  if (moved > 0) pipe.size_ += static_cast<std::size_t>(moved);
  return moved;
}

ssize_t Port::Impl::SpliceOut(SendOp& operation) {
  Pipe& pipe = *In<Pipe*>(operation.scratch_);
  const int descriptor = Descriptor(operation.socket_->handle_);
  const ssize_t moved = SpliceWithoutSignal(Descriptor(pipe.out_), descriptor, pipe.size_);
  if (moved > 0) pipe.size_ -= static_cast<std::size_t>(moved);
  return moved;
}

}  // namespace sluice::io
