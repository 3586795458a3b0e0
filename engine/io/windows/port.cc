// SPDX-License-Identifier: Apache-2.0
//
// Life of a port, and its public face: each method of Port is one line to its Impl.
#include "engine/io/port.h"

#include <memory>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/io/windows/emulated_ioctl.h"
#include "engine/io/windows/impl.h"

namespace sluice::io {
namespace {

// A replacement of the caller's comes first, then the platform's. Null: the kernel.
decltype(&WSAIoctl) ChooseWsaIoctl(const PortOptions& options) {
  if (options.wsa_ioctl != nullptr) return reinterpret_cast<decltype(&WSAIoctl)>(options.wsa_ioctl);
  if (options.platform != nullptr) return &EmulatedWsaIoctl;
  return nullptr;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Port::Impl>> Port::Impl::Create(const PortOptions& options) {
  const Winsock& winsock = GetWinsock();
  if (!winsock.status.ok()) return winsock.status;
  // One thread dequeues, so one may run at a time.
  const HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, 1);
  if (port == nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrCat("CreateIoCompletionPort failed with ", GetLastError(),
                     ": too many handles in this process, or too little memory"));
  }
  return std::make_unique<Impl>(port, options);
}

Port::Impl::Impl(HANDLE completion_port, const PortOptions& options)
    : PortCore(this, &Impl::CloseNative),
      completion_port_(completion_port),
      platform_(options.platform),
      clock_(options.clock),
      wsa_ioctl_(ChooseWsaIoctl(options)),
      winsock_(GetWinsock()),
      now_(ReadClock(clock_)) {}

Port::Impl::~Impl() {
  SLUICE_CHECK(!in_turn_);
  JoinArmed();
  // An accept that succeeded and will not be delivered owns a connection that nobody will take.
  ForEachReady([this](Operation& operation) {
    if (operation.verb_ != Verb::kAccept) return;
    const AcceptedSocket accepted = std::exchange(static_cast<AcceptOp&>(operation).accepted_, {});
    if (accepted.is_open()) Port::Discard(accepted, platform_);
  });
  DropReady();  // closes the sockets that were closing
  // Other threads no longer know this port (port.h), so nobody posts to it.
  ::CloseHandle(completion_port_);
}

absl::StatusOr<std::unique_ptr<Port>> Port::Create(const PortOptions& options) {
  absl::StatusOr<std::unique_ptr<Impl>> impl = Impl::Create(options);
  if (!impl.ok()) return impl.status();
  return absl::WrapUnique(new Port(*std::move(impl)));
}

Port::Port(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Port::~Port() = default;

const char* Port::BackendName() { return "iocp"; }
bool Port::WaitsCheaply() { return false; }

OsError Port::Listen(Socket& socket, const Address& local, const ListenOptions& options) {
  return impl_->Listen(socket, local, options);
}
OsError Port::Open(Socket& socket, Family family) { return impl_->Open(socket, family); }
void Port::HoldAck(Socket& /*socket*/) {}

void Port::AckNow(Socket& /*socket*/) {}

OsError Port::KeepAlive(Socket& socket, Nanos idle, Nanos interval) {
  return impl_->KeepAlive(socket, idle, interval);
}

OsError Port::Bind(Socket& socket, const Address& local) { return impl_->Bind(socket, local); }
OsError Port::Adopt(Socket& socket, AcceptedSocket accepted) {
  return impl_->Adopt(socket, accepted);
}
OsError Port::ShutdownSend(Socket& socket) { return impl_->ShutdownSend(socket); }
bool Port::WasReset(const Socket& socket) {
  SLUICE_CHECK(socket.is_open());
  return false;
}
void Port::Close(Socket& socket) { impl_->Close(socket, false); }
void Port::Abort(Socket& socket) { impl_->Close(socket, true); }

void Port::Accept(AcceptOp& operation, Socket& listener) { impl_->Accept(operation, listener); }
void Port::Connect(ConnectOp& operation, Socket& socket, const Address& remote) {
  impl_->Connect(operation, socket, remote);
}
void Port::Recv(RecvOp& operation, Socket& socket, absl::Span<const IoBuffer> buffers) {
  impl_->Recv(operation, socket, buffers);
}
void Port::Send(SendOp& operation, Socket& socket, absl::Span<const IoBuffer> buffers) {
  impl_->Send(operation, socket, buffers);
}
void Port::AwaitReadable(AwaitReadableOp& operation, Socket& socket) {
  impl_->AwaitReadable(operation, socket);
}
void Port::Control(ControlOp& operation, Socket& socket, std::uint32_t code,
                   absl::Span<const std::byte> in, absl::Span<std::byte> out) {
  impl_->Control(operation, socket, code, in, out);
}
void Port::Defer(DeferOp& operation) { impl_->Defer(operation); }
void Port::Cancel(Operation& operation) { impl_->Cancel(operation); }

int Port::RunOnce(Instant deadline, Budget budget) { return impl_->RunOnce(deadline, budget); }
Instant Port::now() const { return impl_->now_; }

bool Port::Post(Message& message) {
  if (!impl_->messages().Push(message)) return false;
  Wake();
  return true;
}

void Port::Wake() {
  if (impl_->NeedsKick()) impl_->Kick();
}

PortStats Port::stats() const { return impl_->Snapshot(); }
Platform* Port::platform() const { return impl_->platform_; }

}  // namespace sluice::io
