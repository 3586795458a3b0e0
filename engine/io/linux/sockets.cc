// SPDX-License-Identifier: Apache-2.0
//
// Sockets: made, bound, adopted, shut down and closed, all by direct calls. A shutdown in the ring
// always goes to an io_uring worker thread, where it costs more and may come after the close.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/check.h"
#include "engine/io/linux/errors.h"
#include "engine/io/linux/impl.h"
#include "engine/io/linux/sockaddr.h"
#include "engine/io/port.h"

namespace sluice::io {
namespace {

// close(2) will send RST and drop what is unsent.
void MakeCloseReset(NativeHandle handle) {
  const linger hard{1, 0};
  setsockopt(Descriptor(handle), SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
}

}  // namespace

OsError Port::Impl::SetOption(NativeHandle handle, int level, int name, int value) {
  Count(Call::k_option);
  const int result = setsockopt(Descriptor(handle), level, name, &value, sizeof(value));
  return result == 0 ? OsError{} : LastError();
}

void Port::Impl::CloseHandleNow(NativeHandle handle) {
  close(Descriptor(handle));
  Count(Call::k_close);
}

Address Port::Impl::LocalOf(NativeHandle handle) {
  Count(Call::k_address);
  return LocalAddressOf(handle);
}

OsError Port::Impl::MakeSocket(Family family, NativeHandle* handle) {
  *handle = kNoHandle;
  const int descriptor = socket(FamilyNumber(family), SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
  Count(Call::k_socket);
  if (descriptor < 0) return LastError();
  *handle = static_cast<NativeHandle>(descriptor);
  const OsError error = SetOption(*handle, IPPROTO_TCP, TCP_NODELAY);
  if (error.ok()) return error;
  CloseHandleNow(*handle);
  *handle = kNoHandle;
  return error;
}

void Port::Impl::GiveBack(void* backend, Socket& socket) {
  Impl& impl = *static_cast<Impl*>(backend);
  if (impl.platform_ != nullptr) impl.platform_->OnClosing(socket.handle_);
  if (socket.abort_on_close_) {
    MakeCloseReset(socket.handle_);
    impl.Count(Call::k_option);
  }
  impl.CloseHandleNow(socket.handle_);
}

OsError Port::Open(Socket& socket, Family family) {
  SLUICE_CHECK(socket.is_joined());
  NativeHandle handle = kNoHandle;
  if (const OsError error = impl_->MakeSocket(family, &handle); !error.ok()) return error;
  impl_->Attach(socket, handle, family);
  if (impl_->platform_ != nullptr) impl_->platform_->OnOpened(handle, family);
  return OsError{};
}

OsError Port::Listen(Socket& socket, const Address& local, const ListenOptions& options) {
  SLUICE_CHECK(socket.is_joined());
  Impl& impl = *impl_;
  NativeHandle handle = kNoHandle;
  // Accepted sockets inherit TCP_NODELAY.
  OsError error = impl.MakeSocket(local.family(), &handle);
  if (!error.ok()) return error;
  // Lets a restarted server have its address while old connections are in TIME_WAIT; two listeners
  // still exclude each other.
  error = impl.SetOption(handle, SOL_SOCKET, SO_REUSEADDR);
  if (error.ok() && options.reuse_port) error = impl.SetOption(handle, SOL_SOCKET, SO_REUSEPORT);
  if (error.ok() && local.family() == Family::kV6) {
    error = impl.SetOption(handle, IPPROTO_IPV6, IPV6_V6ONLY, options.dual_stack ? 0 : 1);
  }
  KernelAddress address{};
  ToKernel(local, &address);
  impl.Count(Call::k_bind, 2);
  const int descriptor = Descriptor(handle);
  if (error.ok() && bind(descriptor, address.data(), address.length) != 0) error = LastError();
  if (error.ok() && listen(descriptor, options.backlog) != 0) error = LastError();
  if (!error.ok()) {
    impl.CloseHandleNow(handle);
    return error;
  }
  impl.Attach(socket, handle, local.family());
  socket.bound_ = true;
  socket.local_ = impl.LocalOf(handle);
  if (impl.platform_ != nullptr) {
    impl.platform_->OnOpened(handle, local.family());
    impl.platform_->OnBound(handle, socket.local_);
    impl.platform_->OnListening(handle, socket.local_, options.backlog);
  }
  return OsError{};
}

OsError Port::Bind(Socket& socket, const Address& local) {
  SLUICE_CHECK(socket.is_open());
  Impl& impl = *impl_;
  const NativeHandle handle = socket.handle_;
  // Port 0: let the connect choose, so that ports are spent per destination, not per source.
  const bool choose_late = local.tcp_port() == 0;
  if (choose_late) impl.SetOption(handle, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
  KernelAddress address{};
  ToKernel(local, &address);
  impl.Count(Call::k_bind);
  if (bind(Descriptor(handle), address.data(), address.length) != 0) return LastError();
  socket.bound_ = true;
  socket.local_ = local;
  if (impl.platform_ != nullptr) impl.platform_->OnBound(handle, local);
  return OsError{};
}

// TCP_QUICKACK, tcp(7): off before a connect, the answer to the SYN is not acknowledged alone. A
// hint: that it fails changes nothing but speed.
void Port::HoldAck(Socket& socket) {
  SLUICE_CHECK(socket.is_open());
  impl_->SetOption(socket.handle_, IPPROTO_TCP, TCP_QUICKACK, 0);
}

void Port::AckNow(Socket& socket) {
  SLUICE_CHECK(socket.is_open());
  impl_->SetOption(socket.handle_, IPPROTO_TCP, TCP_QUICKACK, 1);
}

OsError Port::KeepAlive(Socket& socket, Nanos idle, Nanos interval) {
  SLUICE_CHECK(socket.is_open());
  SLUICE_CHECK(idle >= kSecond && interval >= kSecond);
  const NativeHandle handle = socket.handle_;
  const int idle_seconds = static_cast<int>(idle / kSecond);
  const int interval_seconds = static_cast<int>(interval / kSecond);
  OsError error = impl_->SetOption(handle, IPPROTO_TCP, TCP_KEEPIDLE, idle_seconds);
  if (!error.ok()) return error;
  error = impl_->SetOption(handle, IPPROTO_TCP, TCP_KEEPINTVL, interval_seconds);
  if (!error.ok()) return error;
  return impl_->SetOption(handle, SOL_SOCKET, SO_KEEPALIVE);
}

OsError Port::Adopt(Socket& socket, AcceptedSocket accepted) {
  SLUICE_CHECK(accepted.is_open());
  impl_->Attach(socket, accepted.handle, accepted.local.family());
  socket.bound_ = true;
  socket.local_ = accepted.local;
  socket.peer_ = accepted.peer;
  return OsError{};
}

void Port::Discard(AcceptedSocket accepted, Platform* platform) {
  SLUICE_CHECK(accepted.is_open());
  if (platform != nullptr) platform->OnClosing(accepted.handle);
  MakeCloseReset(accepted.handle);
  close(Descriptor(accepted.handle));
}

OsError Port::ShutdownSend(Socket& socket) {
  SLUICE_CHECK(socket.is_open());
  SLUICE_CHECK(!PortCore::HoldsSend(socket));
  impl_->Count(Call::k_shutdown);
  if (shutdown(Descriptor(socket.handle_), SHUT_WR) != 0) return LastError();
  socket.send_shut_ = true;
  return OsError{};
}

// An io_uring poll would end at once, and again and again: it always asks for POLLRDHUP too, which
// stands since the FIN.
Address Socket::AskLocal(NativeHandle handle) { return LocalAddressOf(handle); }

bool Port::WasReset(const Socket& socket) {
  SLUICE_CHECK(socket.is_open());
  impl_->Count(Call::k_other);
  pollfd one{Descriptor(socket.handle_), 0, 0};
  return poll(&one, 1, 0) == 1 && (one.revents & POLLERR) != 0;
}

void Port::Close(Socket& socket) {
  SLUICE_DCHECK(impl_->OnOwner());
  impl_->PortCore::Close(socket, false,
                         [this](Operation& operation) { impl_->CancelArmed(operation); });
}

void Port::Abort(Socket& socket) {
  SLUICE_DCHECK(impl_->OnOwner());
  impl_->PortCore::Close(socket, true,
                         [this](Operation& operation) { impl_->CancelArmed(operation); });
}

}  // namespace sluice::io
