// SPDX-License-Identifier: Apache-2.0
//
// Pipes: a string. An operation's one buffer is what the string offers, and its outcome says how
// much of that the pipe keeps or loses.
#include <string>

#include "engine/base/check.h"
#include "engine/io/pipe.h"
#include "engine/io/port.h"
#include "engine/io/sim/block.h"
#include "engine/io/sim/impl.h"

namespace sluice::io {

OsError Port::OpenPipe(Pipe& pipe) {
  SLUICE_CHECK(!pipe.is_open());
  if (impl_->world_.Fault(impl_->world_.odds().fail_pipe)) {
    return OsError{ErrorCode::kTooManyHandles, 24};
  }
  pipe.bytes_ = new std::string;
  pipe.in_ = 0;
  pipe.out_ = 0;
  return OsError{};
}

void Port::ClosePipe(Pipe& pipe) {
  if (!pipe.is_open()) return;
  delete static_cast<std::string*>(pipe.bytes_);
  pipe.bytes_ = nullptr;
  pipe.in_ = kNoHandle;
  pipe.out_ = kNoHandle;
  pipe.size_ = 0;
}

void Port::Recv(RecvOp& operation, Socket& socket, Pipe& pipe, std::size_t bytes_max) {
  SLUICE_CHECK(pipe.is_open());
  SLUICE_CHECK(pipe.size_ == 0);
  std::string& bytes = *static_cast<std::string*>(pipe.bytes_);
  bytes.resize(bytes_max);
  const Impl::StartScope scope(*impl_);
  impl_->Arm(operation, Verb::kRecv, &socket);
  operation.backend_ = Impl::kPiped;
  sim::PipeIn(operation.scratch_) = &pipe;
  operation.count_ = 1;
  operation.buffers_[0] = IoBuffer{bytes.data(), bytes.size()};
  impl_->Begin(operation);
}

void Port::Send(SendOp& operation, Socket& socket, Pipe& pipe) {
  SLUICE_CHECK(pipe.is_open());
  SLUICE_CHECK(pipe.size_ > 0);
  std::string& bytes = *static_cast<std::string*>(pipe.bytes_);
  const Impl::StartScope scope(*impl_);
  impl_->Arm(operation, Verb::kSend, &socket);
  operation.backend_ = Impl::kPiped;
  sim::PipeIn(operation.scratch_) = &pipe;
  operation.count_ = 1;
  operation.buffers_[0] = IoBuffer{bytes.data(), bytes.size()};
  impl_->Begin(operation);
}

void Port::Impl::PipeTook(RecvOp& operation, std::size_t count) {
  if ((operation.backend_ & kPiped) == 0) return;
  Pipe& pipe = *sim::PipeIn(operation.scratch_);
  static_cast<std::string*>(pipe.bytes_)->resize(count);
  pipe.size_ = count;
}

void Port::Impl::PipeGave(SendOp& operation, std::size_t count) {
  if ((operation.backend_ & kPiped) == 0) return;
  Pipe& pipe = *sim::PipeIn(operation.scratch_);
  static_cast<std::string*>(pipe.bytes_)->erase(0, count);
  pipe.size_ -= count;
}

}  // namespace sluice::io
