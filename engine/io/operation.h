// SPDX-License-Identifier: Apache-2.0
//
// Operation: one request that the kernel may hold.
//
// Laws (engine/ARCHITECTURE.md, "The laws of I/O"):
//   1. Intrusive, owned by its caller, address-stable, allocated never.
//   2. Start calls return nothing. The outcome arrives exactly once, from Port::RunOnce, on the
//   port's
//      owner thread; a handler never runs inside a start call.
//   3. While armed, the operation, its buffers and its socket must stay where they are; a receive
//   buffer
//      may not be looked at, a send buffer not changed (TSan builds report it). An operation is
//      idle again before its handler runs, so the handler may start it anew, or free it.
//
//          Port::Recv, ...          kernel, or Cancel         Port::RunOnce
//   idle ------------------> armed ------------------> done ----------------> idle (handler runs)
//
// Destroying an operation that is not idle is a failed check in every build.
#ifndef SLUICE_IO_OPERATION_H_
#define SLUICE_IO_OPERATION_H_

#include <cstddef>
#include <cstdint>

#include "engine/base/check.h"
#include "engine/base/intrusive_list.h"
#include "engine/base/outcome.h"
#include "engine/io/socket.h"
#include "sluice/address.h"

namespace sluice::io {

class Operation;

enum class Verb : std::uint8_t {
  kNone,
  kAccept,
  kConnect,
  kRecv,
  kSend,
  kAwaitReadable,
  kControl,
  kDefer
};

// A borrowed run of bytes; laid out as `struct iovec` (asserted by the Linux backend).
struct IoBuffer {
  void* data = nullptr;
  std::size_t size = 0;
};

// The block the kernel writes to: an OVERLAPPED on Windows (size and alignment asserted there).
// `self` follows it, so that a dequeued OVERLAPPED* leads back without pointer arithmetic.
// Elsewhere no kernel writes here: room for the simulator's note, and no more, because each idle
// connection has two of it.
#if defined(_WIN32)
struct NativeBlock {
  explicit NativeBlock(Operation* operation) : self(operation) {}
  alignas(8) std::byte bytes[32]{};
  Operation* self;
};
#else
struct NativeBlock {
  explicit NativeBlock(Operation*) {}
  alignas(8) std::byte bytes[8]{};
};
#endif

struct ArmedTag {};
struct ReadyTag {};

class Operation : public ListNode<ArmedTag>, public ListNode<ReadyTag>, public ListNode<SocketTag> {
 public:
  enum class State : std::uint8_t { kIdle, kArmed, kDone };
  using Handler = void (*)(void* owner, Outcome outcome);

  Operation() : native_(this) {}
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  ~Operation() { SLUICE_CHECK(state_ == State::kIdle); }

  // Who hears of the outcome. REQUIRES: idle.
  void Bind(void* owner, Handler handler) {
    SLUICE_CHECK(state_ == State::kIdle);
    owner_ = owner;
    handler_ = handler;
  }
  // `operation.Bind<&Leg::OnReceived>(this)` for `void Leg::OnReceived(Outcome)`.
  template <auto Method, typename Owner>
  void Bind(Owner* owner) {
    Bind(owner, [](void* self, Outcome outcome) { (static_cast<Owner*>(self)->*Method)(outcome); });
  }

  State state() const { return state_; }
  bool idle() const { return state_ == State::kIdle; }
  Verb verb() const { return verb_; }

 private:
  friend class Port;  // and with it Port::Impl of each backend
  friend class PortCore;

  NativeBlock native_;
  void* owner_ = nullptr;
  Handler handler_ = nullptr;
  Socket* socket_ = nullptr;  // non-null exactly while armed or done on a socket
  Outcome outcome_;
  State state_ = State::kIdle;
  Verb verb_ = Verb::kNone;
  bool cancelled_ = false;    // true exactly while armed and Cancel was asked for
  std::uint8_t backend_ = 0;  // for the backend alone; zero when idle
};

// Receives into up to kBuffersMax buffers. Outcome: bytes > 0 data; bytes == 0 end of stream (FIN);
// error otherwise.
class RecvOp : public Operation {
 public:
  static constexpr std::size_t kBuffersMax = 4;

 private:
  friend class Port;
  IoBuffer buffers_[kBuffersMax];
  std::uint32_t count_ = 0;
  alignas(8) std::byte scratch_[64]{};  // Linux: struct msghdr
};

// Sends up to kBuffersMax buffers in order. Outcome: the number of bytes the kernel took, which may
// be fewer than given; then the rest must be sent again.
class SendOp : public Operation {
 public:
  static constexpr std::size_t kBuffersMax = 16;

 private:
  friend class Port;
  IoBuffer buffers_[kBuffersMax];
  std::uint32_t count_ = 0;
  alignas(8) std::byte scratch_[64]{};
};

// Completes when a receive would not wait: data, end of stream or an error, all as success with 0
// bytes (the receive that follows tells which), or as the socket's error. Holds no buffer.
class AwaitReadableOp : public Operation {};

// On success `accepted()` holds a socket that belongs to no port yet: pass it on with Take().
class AcceptOp : public Operation {
 public:
  ~AcceptOp() { SLUICE_CHECK(!accepted_.is_open()); }
  // Moves the accepted socket out. REQUIRES: the outcome was a success and Take was not called
  // since.
  AcceptedSocket Take() {
    SLUICE_CHECK(accepted_.is_open());
    AcceptedSocket taken = accepted_;
    accepted_ = AcceptedSocket{};
    return taken;
  }

 private:
  friend class Port;
  AcceptedSocket accepted_;
  NativeHandle prepared_ = kNoHandle;  // Windows: the socket that AcceptEx fills
  // Windows: two addresses of AcceptEx; Linux: sockaddr, length.
  alignas(8) std::byte scratch_[320]{};
};

class ConnectOp : public Operation {
 public:
  // Where the SYN went: what was asked for, or what a Platform made of it. After an OK outcome.
  const Address& reached() const { return reached_; }

 private:
  friend class Port;
  Address reached_;
  alignas(8) std::byte scratch_[160]{};  // a sockaddr_storage and its length
};

// A device control: on Windows an overlapped WSAIoctl. Outcome.bytes is the reported size, also on
// failure where the platform reports one. OsError.raw holds numbers of the two Windows tables on
// every OS: Winsock's when the call failed at once, Win32's when a packet carried the failure
// (control_status.h); `inline_failure` tells which.
class ControlOp : public Operation {
 public:
  bool inline_failure() const { return inline_failure_; }

 private:
  friend class Port;
  std::uint32_t code_ = 0;
  bool inline_failure_ = false;
  const void* in_ = nullptr;
  void* out_ = nullptr;
  std::uint32_t in_size_ = 0;
  std::uint32_t out_size_ = 0;
  std::uint32_t bytes_ = 0;  // storage for lpcbBytesReturned, alive as long as the operation
  alignas(8) std::byte scratch_[32]{};  // Linux and simulation: a reply that came later
};

// Completes in the next RunOnce. How a component that already knows its answer gives it without
// running a handler inside a start call.
class DeferOp : public Operation {};

}  // namespace sluice::io

#endif  // SLUICE_IO_OPERATION_H_
