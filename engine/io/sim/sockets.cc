// SPDX-License-Identifier: Apache-2.0
//
// Sockets: made, bound, adopted, shut down and closed.
#include "engine/base/check.h"
#include "engine/io/port.h"
#include "engine/io/sim/impl.h"

namespace sluice::io {
namespace {

constexpr OsError kNoBuffers{ErrorCode::kNoBuffers, 10055};

}  // namespace

// As on Windows: a handle that goes while the kernel still holds something of it resets the
// connection, so whoever does not join first is found out.
void Port::Impl::GiveBack(void* backend, Socket& socket) {
  Impl& impl = *static_cast<Impl*>(backend);
  if (impl.platform_ != nullptr) impl.platform_->OnClosing(socket.handle_);
  if (socket.abort_on_close_ || !socket.operations_.empty()) {
    impl.world_.Abort(socket.handle_);
  } else {
    impl.world_.Close(socket.handle_);
  }
}

OsError Port::Open(Socket& socket, Family family) {
  SLUICE_CHECK(socket.is_joined());
  const Impl::StartScope scope(*impl_);
  sim::World& world = impl_->world_;
  if (world.Fault(world.odds().fail_open)) return kNoBuffers;
  NativeHandle handle = kNoHandle;
  const OsError error = world.Open(family, &handle);
  if (!error.ok()) return error;
  impl_->Attach(socket, handle, family);
  if (impl_->platform_ != nullptr) impl_->platform_->OnOpened(handle, family);
  return OsError{};
}

OsError Port::Listen(Socket& socket, const Address& local, const ListenOptions& options) {
  SLUICE_CHECK(socket.is_joined());
  sim::World& world = impl_->world_;
  if (options.reuse_port) return OsError{ErrorCode::kNotSupported, 10045};
  NativeHandle handle = kNoHandle;
  OsError error = world.Open(local.family(), &handle);
  if (!error.ok()) return error;
  error = world.Bind(handle, local);
  if (error.ok()) error = world.Listen(handle, options.backlog, options.dual_stack);
  if (!error.ok()) {
    world.Abort(handle);
    return error;
  }
  impl_->Attach(socket, handle, local.family());
  socket.bound_ = true;
  socket.local_ = world.LocalOf(handle);
  if (impl_->platform_ != nullptr) {
    impl_->platform_->OnOpened(handle, local.family());
    impl_->platform_->OnBound(handle, socket.local_);
    impl_->platform_->OnListening(handle, socket.local_, options.backlog);
  }
  return OsError{};
}

void Port::HoldAck(Socket& /*socket*/) {}

void Port::AckNow(Socket& /*socket*/) {}

OsError Port::KeepAlive(Socket& socket, Nanos idle, Nanos interval) {
  SLUICE_CHECK(socket.is_open());
  SLUICE_CHECK(idle >= kSecond && interval >= kSecond);
  return OsError{};
}

OsError Port::Bind(Socket& socket, const Address& local) {
  SLUICE_CHECK(socket.is_open());
  sim::World& world = impl_->world_;
  if (world.Fault(world.odds().fail_bind)) return OsError{ErrorCode::kAddressInUse, 10048};
  const OsError error = world.Bind(socket.handle_, local);
  if (!error.ok()) return error;
  socket.bound_ = true;
  socket.local_ = world.LocalOf(socket.handle_);
  if (impl_->platform_ != nullptr) impl_->platform_->OnBound(socket.handle_, socket.local_);
  return OsError{};
}

OsError Port::Adopt(Socket& socket, AcceptedSocket accepted) {
  SLUICE_CHECK(accepted.is_open());
  sim::World& world = impl_->world_;
  if (world.Fault(world.odds().fail_adopt)) {
    Discard(accepted, impl_->platform_);
    return kNoBuffers;
  }
  impl_->Attach(socket, accepted.handle, accepted.local.family());
  socket.bound_ = true;
  socket.local_ = accepted.local;
  socket.peer_ = accepted.peer;
  return OsError{};
}

void Port::Discard(AcceptedSocket accepted, Platform* platform) {
  SLUICE_CHECK(accepted.is_open());
  sim::World* world = sim::World::Current();
  SLUICE_CHECK(world != nullptr);
  if (platform != nullptr) platform->OnClosing(accepted.handle);
  world->Abort(accepted.handle);
}

OsError Port::ShutdownSend(Socket& socket) {
  SLUICE_CHECK(socket.is_open());
  SLUICE_CHECK(!impl_->HoldsSend(socket));
  sim::World& world = impl_->world_;
  if (world.Fault(world.odds().fail_shutdown)) {
    // The connection was torn down by its network.
    world.KillConnection(socket.handle_);
    return OsError{ErrorCode::kNotConnected, 10057};
  }
  const OsError error = world.ShutdownSend(socket.handle_);
  if (error.ok()) socket.send_shut_ = true;
  return error;
}

// Local addresses are known from the start here.
Address Socket::AskLocal(NativeHandle) { return Address{}; }

bool Port::WasReset(const Socket& socket) {
  SLUICE_CHECK(socket.is_open());
  return impl_->world_.Peek(socket.handle_) == sim::World::ReadResult::kReset;
}

void Port::Close(Socket& socket) {
  impl_->PortCore::Close(socket, false,
                         [this](Operation& operation) { impl_->CancelArmed(operation); });
}

void Port::Abort(Socket& socket) {
  impl_->PortCore::Close(socket, true,
                         [this](Operation& operation) { impl_->CancelArmed(operation); });
}

}  // namespace sluice::io
