// SPDX-License-Identifier: Apache-2.0
//
// Operations from armed to done, as a kernel would take them there.
#include <algorithm>
#include <new>

#include "engine/base/check.h"
#include "engine/io/port.h"
#include "engine/io/sim/block.h"
#include "engine/io/sim/impl.h"

namespace sluice::io {
namespace {

using sim::Block;
using sim::BlockIn;
using sim::World;

constexpr OsError kAborted{ErrorCode::kAborted, 995};
constexpr OsError kReset{ErrorCode::kReset, 10054};
constexpr OsError kNotConnected{ErrorCode::kNotConnected, 10057};

// What the documentation of each verb lists, one drawn at a time.
constexpr OsError kAcceptErrors[] = {{ErrorCode::kTooManyHandles, 10024},
                                     {ErrorCode::kNoBuffers, 10055},
                                     {ErrorCode::kReset, 10054},
                                     {ErrorCode::kOutOfMemory, 8}};
constexpr OsError kConnectErrors[] = {
    {ErrorCode::kRefused, 10061},      {ErrorCode::kTimedOut, 10060},
    {ErrorCode::kUnreachable, 10051},  {ErrorCode::kUnreachable, 10065},
    {ErrorCode::kAddressInUse, 10048}, {ErrorCode::kAddressNotAvailable, 10049},
    {ErrorCode::kAccessDenied, 10013}, {ErrorCode::kNoBuffers, 10055}};
constexpr OsError kTransferErrors[] = {
    {ErrorCode::kReset, 10054},     {ErrorCode::kReset, 10053},
    {ErrorCode::kReset, 10052},     {ErrorCode::kTimedOut, 10060},
    {ErrorCode::kNoBuffers, 10055}, {ErrorCode::kUnreachable, 10050}};

template <std::size_t kCount>
OsError AnyOf(World& world, const OsError (&errors)[kCount]) {
  return errors[world.prng().Below(kCount)];
}

}  // namespace

void Port::Accept(AcceptOp& operation, Socket& listener) {
  const Impl::StartScope scope(*impl_);
  SLUICE_CHECK(!operation.accepted_.is_open());
  impl_->Arm(operation, Verb::kAccept, &listener);
  // Drawn once for each post, so that a listener at rest is at rest.
  if (impl_->world_.Fault(impl_->world_.odds().fail_accept)) operation.backend_ = Impl::kDoomed;
  impl_->Begin(operation);
}

void Port::Connect(ConnectOp& operation, Socket& socket, const Address& remote) {
  const Impl::StartScope scope(*impl_);
  impl_->Arm(operation, Verb::kConnect, &socket);
  socket.peer_ = remote;
  impl_->StartConnect(operation);
}

void Port::Recv(RecvOp& operation, Socket& socket, absl::Span<const IoBuffer> buffers) {
  const Impl::StartScope scope(*impl_);
  SLUICE_CHECK(!buffers.empty());
  SLUICE_CHECK(buffers.size() <= RecvOp::kBuffersMax);
  impl_->Arm(operation, Verb::kRecv, &socket);
  operation.count_ = static_cast<std::uint32_t>(buffers.size());
  std::copy(buffers.begin(), buffers.end(), operation.buffers_);
  impl_->Begin(operation);
}

void Port::Send(SendOp& operation, Socket& socket, absl::Span<const IoBuffer> buffers) {
  const Impl::StartScope scope(*impl_);
  SLUICE_CHECK(!buffers.empty());
  SLUICE_CHECK(buffers.size() <= SendOp::kBuffersMax);
  impl_->Arm(operation, Verb::kSend, &socket);
  operation.count_ = static_cast<std::uint32_t>(buffers.size());
  std::copy(buffers.begin(), buffers.end(), operation.buffers_);
  impl_->Begin(operation);
}

void Port::AwaitReadable(AwaitReadableOp& operation, Socket& socket) {
  const Impl::StartScope scope(*impl_);
  impl_->Arm(operation, Verb::kAwaitReadable, &socket);
  impl_->Begin(operation);
}

void Port::Defer(DeferOp& operation) {
  const Impl::StartScope scope(*impl_);
  impl_->Arm(operation, Verb::kDefer, nullptr);
  impl_->Finish(operation, Outcome::Done(0));
}

void Port::Cancel(Operation& operation) { impl_->CancelArmed(operation); }

void Port::Impl::Begin(Operation& operation) {
  Block& block = *new (operation.native_.bytes) Block;
  block.not_before = world_.now();
  if (world_.Chance(world_.odds().late_completion)) {
    const auto delay = static_cast<std::uint64_t>(world_.options().completion_delay_max) + 1;
    block.not_before = world_.now() + static_cast<Nanos>(world_.prng().Below(delay));
  }
  if (world_.Chance(world_.odds().inline_completion) && CanComplete(operation)) Complete(operation);
}

void Port::Impl::CancelArmed(Operation& operation) {
  if (!MarkCancelled(operation)) return;
  BlockIn(operation.native_).not_before = world_.now();
  if (operation.verb_ == Verb::kControl && (operation.backend_ & kPended) != 0) {
    return platform_->CancelControl(static_cast<ControlOp*>(&operation));
  }
  if (!world_.Chance(world_.odds().late_cancel)) FinishCancelled(operation);
}

bool Port::Impl::CanComplete(Operation& operation) {
  if (operation.verb_ == Verb::kControl) {
    if ((operation.backend_ & kPended) != 0) return false;
    if (operation.cancelled_) return true;
    if ((operation.backend_ & kLost) != 0) return false;
  }
  if (operation.cancelled_) return true;
  if (BlockIn(operation.native_).not_before > world_.now()) return false;
  const NativeHandle handle = operation.socket_ == nullptr ? kNoHandle : operation.socket_->handle_;
  OsError error;
  switch (operation.verb_) {
    case Verb::kAccept:
      return (operation.backend_ & kDoomed) != 0 || world_.CanAccept(handle);
    case Verb::kConnect:
      return world_.ConnectDone(handle, &error);
    case Verb::kRecv:
    case Verb::kAwaitReadable:
      return !world_.IsConnected(handle) || world_.Peek(handle) != World::ReadResult::kNothing;
    case Verb::kSend:
      return world_.CanWrite(handle);
    default:
      return true;
  }
}

// REQUIRES: CanComplete.
void Port::Impl::Complete(Operation& operation) {
  if (operation.cancelled_) {
    operation.cancelled_ = false;
    const bool late = world_.Chance(world_.odds().cancel_loses) && CanComplete(operation);
    operation.cancelled_ = true;
    if (!late) return FinishCancelled(operation);
  }
  switch (operation.verb_) {
    case Verb::kAccept:
      return CompleteAccept(static_cast<AcceptOp&>(operation));
    case Verb::kConnect:
      return CompleteConnect(static_cast<ConnectOp&>(operation));
    case Verb::kRecv:
      return CompleteRecv(static_cast<RecvOp&>(operation));
    case Verb::kSend:
      return CompleteSend(static_cast<SendOp&>(operation));
    case Verb::kAwaitReadable:
      return CompleteAwait(operation);
    case Verb::kControl:
      return CompleteControl(static_cast<ControlOp&>(operation));
    default:
      return Finish(operation, Outcome::Done(0));
  }
}

void Port::Impl::FinishCancelled(Operation& operation) {
  if (operation.verb_ == Verb::kConnect) {
    return FinishConnect(static_cast<ConnectOp&>(operation), kAborted);
  }
  if (operation.verb_ == Verb::kSend) {
    // Nobody learns how much of a cancelled send went out.
    SendOp& send = static_cast<SendOp&>(operation);
    OsError error;
    if (world_.Chance(500)) WriteSome(send, &error);
    if (operation.socket_->closing_) operation.socket_->abort_on_close_ = true;
  }
  Finish(operation, Outcome{0, kAborted});
}

void Port::Impl::CompleteAccept(AcceptOp& operation) {
  const Socket& listener = *operation.socket_;
  if ((operation.backend_ & kDoomed) != 0) {
    return Finish(operation, Outcome{0, AnyOf(world_, kAcceptErrors)});
  }
  AcceptedSocket accepted;
  const OsError error = world_.Accept(listener.handle_, &accepted);
  if (!error.ok()) return Finish(operation, Outcome{0, error});
  operation.accepted_ = accepted;
  if (platform_ != nullptr) {
    platform_->OnAccepted(accepted.handle, listener.handle_, accepted.local, accepted.peer);
  }
  Finish(operation, Outcome::Done(0));
}

void Port::Impl::StartConnect(ConnectOp& operation) {
  Socket& socket = *operation.socket_;
  const NativeHandle handle = socket.handle_;
  Address remote = socket.peer_;
  if (platform_ != nullptr) {
    const Address bound = socket.bound_ ? socket.local_ : Address{};
    const ConnectDecision decision = platform_->OnConnecting(handle, bound, remote);
    if (!decision.error.ok()) return FinishConnect(operation, decision.error);
    remote = decision.remote;
    platform_->BeginSyn(handle);
    operation.backend_ |= kSynTold;
  }
  operation.reached_ = remote;
  OsError error;
  if (world_.Fault(world_.odds().fail_connect)) error = AnyOf(world_, kConnectErrors);
  if (error.ok()) error = world_.StartConnect(handle, remote);
  if (error.ok()) socket.local_ = world_.LocalOf(handle);
  if (platform_ != nullptr) platform_->EndSyn(handle, error.ok() ? socket.local_ : Address{});
  if (!error.ok()) return FinishConnect(operation, error);
  Begin(operation);
}

void Port::Impl::CompleteConnect(ConnectOp& operation) {
  OsError error;
  SLUICE_CHECK(world_.ConnectDone(operation.socket_->handle_, &error));
  FinishConnect(operation, error);
}

void Port::Impl::FinishConnect(ConnectOp& operation, OsError error) {
  Socket& socket = *operation.socket_;
  if (!error.ok()) socket.peer_ = Address{};
  if ((operation.backend_ & kSynTold) != 0) platform_->OnConnected(socket.handle_, error);
  Finish(operation, Outcome{0, error});
}

// Some of `size`, at least one byte.
std::size_t Port::Impl::Part(std::size_t size) {
  if (!world_.Chance(world_.odds().partial)) return size;
  return 1 + static_cast<std::size_t>(world_.prng().Below(size));
}

void Port::Impl::CompleteRecv(RecvOp& operation) {
  const NativeHandle handle = operation.socket_->handle_;
  if (!world_.IsConnected(handle)) return Finish(operation, Outcome{0, kNotConnected});
  if (world_.Fault(world_.odds().fail_recv)) {
    world_.KillConnection(handle);
    return Finish(operation, Outcome{0, AnyOf(world_, kTransferErrors)});
  }
  std::size_t room = 0;
  for (std::uint32_t i = 0; i < operation.count_; ++i) room += operation.buffers_[i].size;
  std::size_t left = Part(room);
  std::size_t total = 0;
  World::ReadResult result = World::ReadResult::kNothing;
  for (std::uint32_t i = 0; i < operation.count_ && left > 0; ++i) {
    std::size_t count = 0;
    const World::ReadResult part = world_.Read(handle, operation.buffers_[i].data,
                                               std::min(left, operation.buffers_[i].size), &count);
    if (total == 0) result = part;
    total += count;
    left -= count;
    if (count < operation.buffers_[i].size) break;
  }
  PipeTook(operation, total);
  if (total > 0) return Finish(operation, Outcome::Done(static_cast<std::uint32_t>(total)));
  SLUICE_CHECK(result != World::ReadResult::kNothing);
  if (result == World::ReadResult::kReset) {
    world_.TellReset(handle);
    return Finish(operation, Outcome{0, kReset});
  }
  Finish(operation, Outcome::Done(0));
}

std::size_t Port::Impl::WriteSome(SendOp& operation, OsError* error) {
  std::size_t size = 0;
  for (std::uint32_t i = 0; i < operation.count_; ++i) size += operation.buffers_[i].size;
  std::size_t left = Part(size);
  std::size_t total = 0;
  for (std::uint32_t i = 0; i < operation.count_ && left > 0; ++i) {
    const std::size_t want = std::min(left, operation.buffers_[i].size);
    std::size_t count = 0;
    *error = world_.Write(operation.socket_->handle_, operation.buffers_[i].data, want, &count);
    total += count;
    left -= count;
    if (count < want) break;
  }
  PipeGave(operation, total);
  return total;
}

void Port::Impl::CompleteSend(SendOp& operation) {
  Socket& socket = *operation.socket_;
  OsError error;
  std::size_t total = 0;
  if (world_.Fault(world_.odds().fail_send)) {
    world_.KillConnection(socket.handle_);
    error = AnyOf(world_, kTransferErrors);
  } else {
    total = WriteSome(operation, &error);
  }
  std::size_t size = 0;
  for (std::uint32_t i = 0; i < operation.count_; ++i) size += operation.buffers_[i].size;
  // A FIN behind half of a send would tell the peer that it has everything.
  if (socket.closing_ && total < size) socket.abort_on_close_ = true;
  if (total > 0) return Finish(operation, Outcome::Done(static_cast<std::uint32_t>(total)));
  if (!error.ok()) world_.TellReset(socket.handle_);
  Finish(operation, Outcome{0, error});
}

void Port::Impl::CompleteAwait(Operation& operation) {
  const NativeHandle handle = operation.socket_->handle_;
  if (!world_.IsConnected(handle)) return Finish(operation, Outcome{0, kNotConnected});
  if (world_.Fault(world_.odds().fail_await)) {
    world_.KillConnection(handle);
    return Finish(operation, Outcome{0, AnyOf(world_, kTransferErrors)});
  }
  const bool reset = world_.Peek(handle) == World::ReadResult::kReset;
  if (reset && world_.Chance(world_.odds().await_tells_reset)) {
    world_.TellReset(handle);
    return Finish(operation, Outcome{0, kReset});
  }
  Finish(operation, Outcome::Done(0));
}

}  // namespace sluice::io
