// SPDX-License-Identifier: Apache-2.0
//
// Port::Impl of Linux: PortCore, one Ring, and the backlog.
//
// An armed operation is in exactly one of three places: in the ring (its entry was taken, the
// kernel has it or will have it with the next submit), in the backlog with kStartWaits (no entry
// yet: before the first turn, or while the kernel takes nothing), or, a Control, with the platform.
#ifndef SLUICE_IO_LINUX_IMPL_H_
#define SLUICE_IO_LINUX_IMPL_H_

#include <sys/types.h>

#include <cstdint>
#include <mutex>
#include <thread>

#include "engine/base/clock.h"
#include "engine/base/intrusive_list.h"
#include "engine/io/linux/ring.h"
#include "engine/io/port.h"
#include "engine/io/port_core.h"

namespace sluice::io {

struct Port::Impl : PortCore {
  explicit Impl(const PortOptions& options);
  // REQUIRES: on the owner thread if anything is armed. Cancels, joins, runs no handler.
  ~Impl();

  // ---- port.cc: the turn ----
  void BecomeOwner();
  bool OnOwner() const { return !running_ || owner_ == std::this_thread::get_id(); }
  int Turn(Instant deadline, Budget budget);
  // Submits; sleeps until `deadline` if there is neither a completion nor a message.
  void Enter(Instant deadline);
  void Reap();
  void Join();

  // ---- operations.cc: from armed to done ----
  // REQUIRES: armed. Hands the operation to the ring, or to the backlog.
  void Queue(Operation& operation);
  void Prepare(Operation& operation, io_uring_sqe* sqe);
  void PrepareRecv(RecvOp& operation, io_uring_sqe* sqe);
  void PrepareSend(SendOp& operation, io_uring_sqe* sqe);
  void RecvNow(RecvOp& operation);
  ssize_t ReceiveMessage(RecvOp& operation);
  void SendNow(SendOp& operation);
  ssize_t SendMessage(SendOp& operation);
  void TryAgain(Operation& operation, int result);
  void QueueCancel(Operation& operation);
  void PrepareCancel(Operation& operation, io_uring_sqe* sqe);
  void RetryBacklog();
  void RetryCancels();
  // The visitor of Cancel, Close and Abort.
  void CancelArmed(Operation& operation);
  // `drained`: the kernel said of a receive or an accept that it left nothing behind.
  void Complete(Operation& operation, int result, bool drained);
  void CompleteAccept(AcceptOp& operation, int result, bool drained);
  void CompleteRecv(RecvOp& operation, int result);
  void CompleteSend(SendOp& operation, int result);

  // ---- connect.cc ----
  void PrepareConnect(ConnectOp& operation, io_uring_sqe* sqe);
  void StartSyn(ConnectOp& operation);
  void CompleteConnect(ConnectOp& operation, int result);

  // ---- pipes.cc ----
  void DoNotBlock(Socket& socket);
  ssize_t SpliceIn(RecvOp& operation);
  ssize_t SpliceOut(SendOp& operation);

  // ---- sockets.cc ----
  void Count(Call call, std::uint64_t count = 1) { stats().calls.Add(call, count); }
  // The CloseHandle of PortCore.
  static void GiveBack(void* backend, Socket& socket);
  // Makes a stream socket without Nagle. On failure *handle is kNoHandle.
  OsError MakeSocket(Family family, NativeHandle* handle);
  OsError SetOption(NativeHandle handle, int level, int name, int value = 1);
  void CloseHandleNow(NativeHandle handle);
  Address LocalOf(NativeHandle handle);

  // ---- control.cc ----
  void StartControl(ControlOp& operation);
  void FinishControl(ControlOp& operation, ControlReply reply, bool at_once);
  // ControlRequest::complete.
  static void OnReply(void* ticket, ControlReply reply);
  void TakeReplies();

  // Bits of Operation::backend_.
  static constexpr std::uint8_t kStartWaits = 1;   // in the backlog, without an entry
  static constexpr std::uint8_t kCancelWaits = 2;  // in the ring; in the backlog is its cancel
  static constexpr std::uint8_t kSynTold = 4;      // a connect: the platform awaits OnConnected
  static constexpr std::uint8_t kWaitedFirst = 8;  // an accept: kAcceptPollFirst was asked for
  static constexpr std::uint8_t kCancelSent = 16;  // in the ring and in cancelling_
  static constexpr std::uint8_t kPolls = 32;  // what the ring has of it is a poll; then tried again
  static constexpr std::uint8_t kPiped = 64;  // into or out of the pipe in its scratch

  Platform* const platform_;
  const ClockHook clock_;
  Ring ring_;
  // That link is free while an operation is armed.
  IntrusiveList<Operation, ReadyTag> backlog_;
  IntrusiveList<Operation, ReadyTag> cancelling_;  // in the ring, and so is or was their cancel
  Instant now_;
  std::thread::id owner_;
  bool running_ = false;  // true from the first turn on: the ring is enabled, owner_ is known
  bool in_turn_ = false;
  bool wake_armed_ = false;
  bool cancel_missed_ = false;         // the kernel did not find an operation that it was to cancel
  bool accept_may_wait_first_ = true;  // until the kernel says that it does not know it
  std::size_t pended_ = 0;             // controls that the platform holds

  // Replies of pended controls, oldest first, linked through their scratch. The lock is held over
  // the kick too: when the owner has taken a reply, the replying thread is done with the port,
  // so a port that has joined its controls may go.
  std::mutex replies_lock_;
  ControlOp* replies_first_ = nullptr;
  ControlOp* replies_last_ = nullptr;
};

}  // namespace sluice::io

#endif  // SLUICE_IO_LINUX_IMPL_H_
