// SPDX-License-Identifier: Apache-2.0
//
// Port::Impl on Windows: one I/O completion port, one owner thread.
//
// How an operation travels. Arm publishes it (idle -> armed); then one system call is made with the
// OVERLAPPED inside it. Three ways on:
//
// (On a busy port a receive makes its call a little later: see `waiting_receives_`.)
//
//   failed at once       no packet will come: Finish now, the outcome waits on the ready list
//   succeeded at once    with skip-on-success no packet will come: Finish now; else wait for it
//   pending              wait for the packet
//
// A packet's OVERLAPPED leads back to its operation (NativeBlock::self); `Internal` holds the
// NTSTATUS, so no second system call asks for the result. Since only the owner dequeues, and only
// in RunOnce, a start call never races with its own completion, and handlers never run inside one.
//
// Files: port.cc life and public face, turn.cc the turn, sockets.cc handles, bank.cc prepared
// sockets, accept.cc, connect.cc, transfer.cc (receive, send, wait, cancel), control.cc.
#ifndef SLUICE_IO_WINDOWS_IMPL_H_
#define SLUICE_IO_WINDOWS_IMPL_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/io/port.h"
#include "engine/io/port_core.h"
#include "engine/io/windows/system.h"
#include "engine/io/windows/winsock.h"

namespace sluice::io {

static_assert(sizeof(SOCKET) == sizeof(NativeHandle));
static_assert(NativeHandle{INVALID_SOCKET} == kNoHandle);

// A few sockets made ahead of the accepts that will need them, so that making one is not between a
// client and its connection. Owner thread. Bounded: it never holds more than the accepts that wait,
// nor more than its capacity.
class SocketBank {
 public:
  static constexpr std::size_t kCapacity = 64;  // of a family; unmeasured
  static constexpr int kRefillPerTurn = 8;      // unmeasured

  SocketBank() = default;
  SocketBank(const SocketBank&) = delete;
  SocketBank& operator=(const SocketBank&) = delete;
  ~SocketBank();

  // One from the stock, or a new one; INVALID_SOCKET if the OS refuses. An accept now waits.
  SOCKET Take(Family family, CallCounts* calls);
  // An accept of that family has ended.
  void AcceptEnded(Family family);
  // Makes a few. Off the hot path.
  void Refill(CallCounts* calls);

 private:
  struct Stock {
    std::array<SOCKET, kCapacity> sockets{};
    std::size_t count = 0;
    std::size_t accepts_armed = 0;
  };
  Stock& StockOf(Family family) { return stocks_[family == Family::kV6 ? 1 : 0]; }

  std::array<Stock, 2> stocks_;
};

struct Port::Impl : PortCore {
  using WsaIoctlFunction = decltype(&WSAIoctl);

  // All packets of sockets carry kSocketKey; a wake-up carries kWakeKey and no OVERLAPPED.
  static constexpr ULONG_PTR kWakeKey = 0;
  static constexpr ULONG_PTR kSocketKey = 1;
  // Entries a dequeue call takes; larger batches bought nothing measured (windows-notes, 1).
  static constexpr ULONG kBatch = 64;
  // Windows takes any size, but a count of bytes is 32 bits wide here, and Wine posts a packet on
  // top of an error when it gets more than 1024 buffers (SendOp::kBuffersMax keeps far below).
  static constexpr std::size_t kTransferMax = std::size_t{1} << 30;
  // What any path takes as one segment (RFC 9293, 3.7.1).
  static constexpr std::size_t kSegmentMin = 536;
  // So many turns may run ready outcomes without a look at the completion port.
  static constexpr int kBlindTurnsMax = 4;
  // Packets of one look that make the port a busy one. Unmeasured on Windows.
  static constexpr int kBusyPackets = 3;

  static absl::StatusOr<std::unique_ptr<Impl>> Create(const PortOptions& options);
  Impl(HANDLE completion_port, const PortOptions& options);
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  // ---- sockets.cc ----
  OsError Listen(Socket& socket, const Address& local, const ListenOptions& options);
  OsError Open(Socket& socket, Family family);
  OsError Bind(Socket& socket, const Address& local);
  OsError Adopt(Socket& socket, const AcceptedSocket& accepted);
  OsError KeepAlive(Socket& socket, Nanos idle, Nanos interval);
  OsError ShutdownSend(Socket& socket);
  void Close(Socket& socket, bool abort);

  OsError BindAndListen(SOCKET handle, Family family, const Address& local,
                        const ListenOptions& options);
  // Associates with this port, once, for life. `*skip_on_success` says whether an immediate success
  // will queue no packet.
  OsError Associate(SOCKET handle, Family family, bool* skip_on_success);
  // The last step of Listen, Open and Adopt.
  void Register(Socket& socket, SOCKET handle, Family family, bool skip_on_success);
  // Gives a handle back that no Socket owns.
  void DropHandle(SOCKET handle);
  // PortCore's call when nothing is armed on a closing socket any more.
  static void CloseNative(void* self, Socket& socket);

  // ---- accept.cc, connect.cc ----
  void Accept(AcceptOp& operation, Socket& listener);
  void FinishAccept(AcceptOp& operation, OsError error);
  OsError InheritFromListener(SOCKET accepted, SOCKET listener);
  void Connect(ConnectOp& operation, Socket& socket, const Address& remote);
  OsError BindForConnect(Socket& socket);
  void StartConnect(ConnectOp& operation, Socket& socket);
  void FinishConnect(ConnectOp& operation, OsError error);

  // ---- transfer.cc, control.cc ----
  void Recv(RecvOp& operation, Socket& socket, absl::Span<const IoBuffer> buffers);
  void Send(SendOp& operation, Socket& socket, absl::Span<const IoBuffer> buffers);
  void AwaitReadable(AwaitReadableOp& operation, Socket& socket);
  void StartReceives(std::size_t count);
  void StartReceive(RecvOp& operation);
  void NoDelay(Socket& socket, absl::Span<const IoBuffer> buffers);
  void Started(Operation& operation, int result, std::uint32_t bytes);
  void FinishSend(Operation& operation, Outcome outcome);
  void Control(ControlOp& operation, Socket& socket, std::uint32_t code,
               absl::Span<const std::byte> in, absl::Span<std::byte> out);
  void Defer(DeferOp& operation);
  void Cancel(Operation& operation);
  void CancelArmed(Operation& operation);

  // ---- turn.cc ----
  int RunOnce(Instant deadline, Budget budget);
  void Collect(Instant deadline, int handlers_max);
  void LookOrSleep(Instant deadline, int handlers_max);
  bool HasWork() { return HasReady() || messages().HasWork(); }
  void Kick();
  int Dequeue(DWORD timeout_ms, int entries_max);
  void OnPacket(const OVERLAPPED_ENTRY& entry);
  void JoinArmed();

  // A zeroed OVERLAPPED inside the operation. Call after Arm, right before the system call.
  OVERLAPPED* Prepare(Operation& operation) { return ::new (operation.native_.bytes) OVERLAPPED{}; }
  static OVERLAPPED* OverlappedOf(Operation& operation) {
    return std::launder(reinterpret_cast<OVERLAPPED*>(operation.native_.bytes));
  }
  // The scratch space of an accept or a connect as something else.
  template <typename T, std::size_t N>
  static T* ScratchAs(std::byte (&scratch)[N]) {
    static_assert(sizeof(T) <= N);
    static_assert(alignof(T) <= 8);
    return std::launder(reinterpret_cast<T*>(scratch));
  }
  static SOCKET HandleOf(const Socket& socket) { return static_cast<SOCKET>(socket.handle_); }
  // Counts a system call.
  void Count(Call call) { stats().calls.Add(call); }

  const HANDLE completion_port_;
  Platform* const platform_;
  const ClockHook clock_;
  const WsaIoctlFunction wsa_ioctl_;  // null: SystemWsaIoctl
  const Winsock& winsock_;
  SocketBank bank_;
  Instant now_;
  // On a busy port receives wait here, armed and not asked of Windows yet, until the look at the
  // completion port after the next one. By then what they are for has often come, and they end at
  // once, without a packet. Linked by ReadyTag, which armed operations have no other use for.
  IntrusiveList<Operation, ReadyTag> waiting_receives_;
  std::size_t late_receives_ = 0;  // of those, how many have waited for one look
  int packets_of_last_look_ = 0;
  int blind_turns_ = 0;
  DWORD owner_ = 0;  // the thread of the first RunOnce; 0 before it
  bool in_turn_ = false;
};

// The one layout this backend stands on: a dequeued OVERLAPPED* is the address of a NativeBlock.
static_assert(sizeof(OVERLAPPED) == 32);
static_assert(sizeof(OVERLAPPED) == sizeof(NativeBlock::bytes));
static_assert(alignof(OVERLAPPED) <= alignof(NativeBlock));
static_assert(offsetof(NativeBlock, bytes) == 0);
static_assert(offsetof(NativeBlock, self) == sizeof(OVERLAPPED));

}  // namespace sluice::io

#endif  // SLUICE_IO_WINDOWS_IMPL_H_
