// SPDX-License-Identifier: Apache-2.0
//
// Socket: a stream socket and what its port knows of it. Owned by a leg or a listener, used by one
// port, on that port's thread. Address-stable while operations are armed on it.
//
// An accepted socket travels between threads as an AcceptedSocket, a plain value: on Windows it
// belongs to no completion port until Port::Adopt associates it, once, for life.
#ifndef SLUICE_IO_SOCKET_H_
#define SLUICE_IO_SOCKET_H_

#include <cstddef>
#include <cstdint>

#include "engine/base/check.h"
#include "engine/base/intrusive_list.h"
#include "sluice/address.h"

namespace sluice::io {

class Operation;
struct SocketTag {};

// SOCKET on Windows, file descriptor on Linux, index in simulation.
using NativeHandle = std::uintptr_t;
inline constexpr NativeHandle kNoHandle = ~NativeHandle{0};

struct AcceptedSocket {
  NativeHandle handle = kNoHandle;
  Address local;
  Address peer;

  bool is_open() const { return handle != kNoHandle; }
};

class Socket {
 public:
  Socket() = default;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  // REQUIRES: closed, and no operation holds it. A leak of a descriptor is a failed check, not a
  // slow death.
  ~Socket() {
    SLUICE_CHECK(handle_ == kNoHandle);
    SLUICE_CHECK(operations_.empty());
  }

  // False after Port::Close, even while the last operations are being joined.
  bool is_open() const { return handle_ != kNoHandle && !closing_; }
  // True once the kernel holds nothing of it: it may be destroyed or opened again.
  bool is_joined() const { return handle_ == kNoHandle && operations_.empty(); }
  NativeHandle native() const { return handle_; }
  // Operations armed or done on this socket.
  std::size_t armed() const { return operations_.size(); }
  // Local address as far as known: of a listener after Listen, of others after Adopt or connect.
  // The first call after a connect may ask the OS for it.
  const Address& local() const {
    if (local_unasked_) {
      local_ = AskLocal(handle_);
      local_unasked_ = false;
    }
    return local_;
  }
  // Of an adopted socket its peer; of others what Connect was asked for, wherever a platform sent
  // it.
  const Address& peer() const { return peer_; }

 private:
  friend class Port;
  friend class PortCore;

  // Windows: whether TCP_NODELAY must still be set (Port::Impl::NoDelay).
  enum class Nagle : std::uint8_t { kOff, kOnUnsent, kOnSent };

  // The backend's.
  static Address AskLocal(NativeHandle handle);

  NativeHandle handle_ = kNoHandle;
  mutable Address local_;
  Address peer_;
  IntrusiveRing<Operation, SocketTag> operations_;  // armed or done on this socket
  mutable bool local_unasked_ = false;  // local_ is to be asked for: a call that most never need
  bool closing_ = false;                // Close was called, the handle goes with the last operation
  bool abort_on_close_ = false;         // close with RST instead of FIN
  bool bound_ = false;
  bool skip_on_success_ = false;  // Windows: an immediate success queues no packet
  bool send_shut_ = false;    // Linux: ShutdownSend succeeded; EPIPE then means that, not a reset
  bool sent_ = false;         // Linux: there was a send
  bool readable_ = false;     // Linux: so AwaitReadable said, and nothing was received since
  bool nonblocking_ = false;  // Linux: not for the ring any more, see linux/pipes.cc
  bool drained_ = false;      // Linux: nothing was left to receive, or to accept, the last time
  Nagle nagle_ = Nagle::kOff;
  Family family_ = Family::kNone;
};

}  // namespace sluice::io

#endif  // SLUICE_IO_SOCKET_H_
