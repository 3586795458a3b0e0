// SPDX-License-Identifier: Apache-2.0
//
// Port: a completion port and everything that may be asked of the kernel through it. Windows I/O
// completion ports are the reference; io_uring is the second implementation; a seeded simulator is
// the third. Which one is a link choice: `sluice_io_native` and `sluice_io_sim` define the same
// symbols.
//
// Threads: one owner thread, the one that calls RunOnce; every method is the owner's unless it says
// "any thread". A port may be made on one thread and then run by another, which is its owner from
// its first RunOnce on; what was started before is then carried over. Creation and hand-over must
// be ordered by the caller.
//
// Outcomes, exactly: each started operation ends with one call of its handler from RunOnce,
// whatever happens: success, failure (immediate or late), Cancel, Close of its socket. The one
// exception is the port's own destructor, which cancels and joins what is armed and then returns
// operations to idle without running handlers.
#ifndef SLUICE_IO_PORT_H_
#define SLUICE_IO_PORT_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/base/clock.h"
#include "engine/io/call_counts.h"
#include "engine/io/message.h"
#include "engine/io/operation.h"
#include "engine/io/pipe.h"
#include "engine/io/platform.h"
#include "engine/io/socket.h"
#include "sluice/address.h"

namespace sluice::io {

// Bounds one turn: at most this many handlers run in one RunOnce.
struct Budget {
  int handlers = 256;
};

struct ListenOptions {
  int backlog = 1024;       // on Windows given as SOMAXCONN_HINT(backlog)
  bool reuse_port = false;  // Linux only: several listeners share the address; elsewhere an error
  bool dual_stack = false;  // a v6 wildcard listener also takes v4
};

struct PortOptions {
  // io_uring submission entries; completion entries are four times that.
  unsigned queue_depth = 1024;
  Platform* platform = nullptr;  // borrowed; outlives the port. Null: the kernel answers
  ClockHook clock = {};          // instead of the OS's clock; never asked by the simulator
  // Windows: a function with WSAIoctl's signature (pointers and integers of the same size) that
  // replaces it, for tests of the ioctl path itself. Null: WSAIoctl, or the platform's if one is
  // installed.
  void (*wsa_ioctl)() = nullptr;
};

// What the port holds and has done since its creation.
struct PortStats {
  std::uint64_t armed = 0;     // operations armed or done but not delivered
  std::uint64_t sockets = 0;   // handles opened or adopted and not yet closed
  std::uint64_t turns = 0;     // RunOnce calls
  std::uint64_t waits = 0;     // turns that slept in the kernel
  std::uint64_t wakes = 0;     // kernel wake-ups sent to this port by others
  std::uint64_t handlers = 0;  // outcomes delivered
  CallCounts calls;            // system calls made by this port
};

class Port {
 public:
  // Fails with a text that says which call was refused and what to change.
  static absl::StatusOr<std::unique_ptr<Port>> Create(const PortOptions& options);
  // Cancels and joins everything armed; see above. Sockets that were closing are closed; a socket
  // that an accept had won, and that no handler took, is discarded. REQUIRES: Close or Abort was
  // called for each socket of this port (a failed check in every build: nobody could close it
  // afterwards); and, if anything is armed and RunOnce was ever called, on the owner thread,
  // because io_uring lets no other thread cancel.
  ~Port();
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  // "iocp", "io_uring" or "sim".
  static const char* BackendName();
  // Whether AwaitReadable and then Recv cost about what Recv alone does, so that whoever receives
  // need not hold memory while it waits. True on Linux: that Recv is one direct call.
  static bool WaitsCheaply();

  // ---- Sockets. Synchronous, none of these waits. ----

  // Binds and listens. `socket.local()` is then the real address (port 0 was resolved). Exclusive
  // use of the address unless reuse_port. REQUIRES: socket is closed.
  OsError Listen(Socket& socket, const Address& local, const ListenOptions& options);
  // A fresh unconnected socket of this port, not inherited by child processes, Nagle off.
  OsError Open(Socket& socket, Family family);
  // Binds an unconnected socket. Only needed for a chosen source address: Connect binds by itself
  // where the OS wants it. TCP port 0 is chosen at the latest by Connect: from here until its
  // outcome local() has this address with the chosen port (IOCP) or with port 0 (io_uring).
  OsError Bind(Socket& socket, const Address& local);
  // Of a socket that is about to connect: lets the last ACK of the handshake wait for the first
  // bytes, which then carry it: a segment less, and the peer wakes once instead of twice. The
  // kernel waits for 200 ms at most; whoever has nothing to send should call AckNow long before,
  // because a peer that speaks first hears of the connection by that ACK. Linux; elsewhere neither
  // does anything.
  void HoldAck(Socket& socket);
  void AckNow(Socket& socket);
  // Of a connected socket: when its peer has been silent for `idle` the kernel asks whether it is
  // there, and again every `interval`. A peer that misses as many of these as the system allows
  // ends the connection with kTimedOut. Both in whole seconds, 1 to 32767 (tcp(7),
  // SIO_KEEPALIVE_VALS), less is a failed check; the simulator's peers are always there.
  OsError KeepAlive(Socket& socket, Nanos idle, Nanos interval);
  // Takes an accepted socket into this port. On failure it is closed.
  OsError Adopt(Socket& socket, AcceptedSocket accepted);
  // Closes an accepted socket that nobody adopts, with RST. Any thread.
  static void Discard(AcceptedSocket accepted, Platform* platform);
  // Sends FIN after what was sent. The receive side stays open. REQUIRES: no Send armed, nor done
  // and not delivered (a failed check): it might go out after the FIN, or might have sent a part
  // only.
  OsError ShutdownSend(Socket& socket);
  // Whether the peer reset the connection after it had ended its stream: no receive is left then
  // that would tell. Asks, and does not wait. Linux: exact. Windows: false always; no documented
  // call tells before the next send fails. REQUIRES: socket is open and its end of stream was
  // received.
  bool WasReset(const Socket& socket);
  // Closes; armed operations on the socket are cancelled and their outcomes arrive as usual, and
  // only then does the handle go (so no receive is pending at closesocket, which would make Windows
  // send RST). is_open() is false at once, is_joined() when it is over: at latest before the
  // handler of the last operation runs. A send that is cut off so ends the connection with RST: a
  // FIN would tell the peer that it has everything. Idempotent.
  void Close(Socket& socket);
  // Like Close, but the peer sees RST and unsent bytes are dropped. Of Close and Abort the stronger
  // word counts: Abort after Close, while armed operations are being joined, still makes it RST,
  // and Close after Abort changes nothing. Once the socket is joined both do nothing.
  void Abort(Socket& socket);

  // ---- Pipes. Synchronous. ----

  // kNotSupported where the OS has none for sockets: Windows.
  OsError OpenPipe(Pipe& pipe);
  // Drops what it holds. Idempotent. REQUIRES: no operation uses it. Any thread.
  static void ClosePipe(Pipe& pipe);

  // ---- Operations. REQUIRES: operation idle and bound, socket open, at most one receive (Recv or
  //      AwaitReadable) and one Send armed on it. ----

  void Accept(AcceptOp& operation, Socket& listener);
  // From here on peer() is `remote`, also when the platform sends the SYN elsewhere; empty again if
  // the connect failed. One attempt uses the socket up: to try again, open a new one.
  void Connect(ConnectOp& operation, Socket& socket, const Address& remote);
  // 1..kBuffersMax buffers; at least one byte in all. A reset is told once, to whichever operation
  // asks first: after a Send that failed, or an AwaitReadable that said kReset, an end of stream is
  // not to be believed.
  void Recv(RecvOp& operation, Socket& socket, absl::Span<const IoBuffer> buffers);
  // After a Send whose outcome is an error, kAborted included, an unknown part of it went out:
  // nothing more may be sent on that socket, and it is ended with Abort.
  void Send(SendOp& operation, Socket& socket, absl::Span<const IoBuffer> buffers);
  void AwaitReadable(AwaitReadableOp& operation, Socket& socket);
  // Into a pipe instead of memory, at most `bytes_max`, and out of it. Outcomes are those of Recv
  // and Send. What a Send did not take stays in the pipe. REQUIRES: the pipe is open, and empty for
  // Recv, not empty for Send; one operation at a time uses it.
  void Recv(RecvOp& operation, Socket& socket, Pipe& pipe, std::size_t bytes_max);
  void Send(SendOp& operation, Socket& socket, Pipe& pipe);
  // Overlapped WSAIoctl on Windows. `in` and `out` are the operation's until its outcome.
  void Control(ControlOp& operation, Socket& socket, std::uint32_t code,
               absl::Span<const std::byte> in, absl::Span<std::byte> out);
  void Defer(DeferOp& operation);
  // Asks that an armed operation end soon; its outcome still arrives, once, and may be a success
  // that was on its way. Idle and done operations are left alone.
  void Cancel(Operation& operation);

  // ---- The turn. ----

  // Submits, sleeps until there is something to do or `deadline`, runs at most `budget.handlers`
  // handlers. Returns how many ran. Never sleeps when something is ready. Not re-entrant.
  int RunOnce(Instant deadline, Budget budget = Budget{});
  // The clock of this port, read once a turn (in RunOnce, before handlers).
  Instant now() const;

  // ---- From outside. Any thread, as long as the port exists. ----

  // Runs `message`'s handler on the owner thread in a later turn. False if it is on its way
  // already.
  bool Post(Message& message);
  // Makes RunOnce return soon, also one that is about to sleep.
  void Wake();

  // ---- Owner thread again. ----

  PortStats stats() const;
  Platform* platform() const;

 private:
  struct Impl;
  explicit Port(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::io

#endif  // SLUICE_IO_PORT_H_
