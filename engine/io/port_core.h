// SPDX-License-Identifier: Apache-2.0
//
// PortCore: what is equal on all backends. Each backend's Port::Impl derives from it.
//
// Life of an operation here: Arm (idle -> armed, linked in `armed_`), Finish (armed -> done, moved
// to `ready_`), Dispatch (done -> idle, handler runs). Invariants: an operation is in `armed_`
// exactly while armed and in `ready_` exactly while done; it is in its socket's list while in
// either, so closing a socket looks at no operation of others.
#ifndef SLUICE_IO_PORT_CORE_H_
#define SLUICE_IO_PORT_CORE_H_

#include <atomic>
#include <cstdint>

#include "engine/base/intrusive_list.h"
#include "engine/io/message.h"
#include "engine/io/operation.h"
#include "engine/io/platform.h"
#include "engine/io/port.h"

namespace sluice::io {

class PortCore {
 public:
  // How a backend gives a socket's handle back to the OS, once nothing is armed on it.
  using CloseHandle = void (*)(void* backend, Socket& socket);

  PortCore(void* backend, CloseHandle close_handle)
      : backend_(backend), close_handle_(close_handle) {}

  // idle -> armed. `socket` is null for operations on none. Call before the system call (law 3).
  void Arm(Operation& operation, Verb verb, Socket* socket);
  // armed -> done. The handler will run in a later Dispatch.
  void Finish(Operation& operation, Outcome outcome);
  // Marks an armed operation as being cancelled; false if it is not armed or already marked.
  bool MarkCancelled(Operation& operation);

  // What a control's reply looks like where no Windows kernel translates it: the numbers are those
  // that one would give, at once or by packet.
  static Outcome ControlOutcome(ControlReply reply, bool at_once);

  bool HasReady() const { return !ready_.empty(); }
  // Runs up to `limit` handlers of operations that were done when the call began, then messages.
  int Dispatch(int limit);

  // Registers a handle in `socket`; counts it.
  void Attach(Socket& socket, NativeHandle handle, Family family);
  // Close / Abort: calls `cancel(operation)` for each armed operation of the socket, then gives the
  // handle back as soon as none is left.
  template <typename Cancel>
  void Close(Socket& socket, bool abort, Cancel cancel) {
    if (socket.handle_ == kNoHandle) return;
    socket.abort_on_close_ = socket.abort_on_close_ || abort;
    if (socket.closing_) return;
    socket.closing_ = true;
    socket.operations_.ForEach([&](Operation& operation) {
      if (operation.state_ == Operation::State::kArmed) cancel(operation);
    });
    CloseIfJoined(socket);
  }

  template <typename Visit>
  void ForEachArmed(Visit visit) {
    armed_.ForEach(visit);
  }
  // For the destructor: what is done but not delivered may own something, as an accept owns its
  // socket.
  template <typename Visit>
  void ForEachReady(Visit visit) {
    ready_.ForEach(visit);
  }
  std::size_t armed_count() const { return armed_.size(); }
  // For the destructor: everything done becomes idle, no handler runs.
  void DropReady();

  // Sleep protocol. The owner calls PrepareSleep before it waits in the kernel: false means that a
  // wake came in between, so do not sleep. Others call NeedsKick after they published something:
  // true means the owner sleeps and the caller must wake it through the kernel.
  bool PrepareSleep();
  void EndSleep() { sleep_.store(kAwake, std::memory_order_release); }
  bool NeedsKick();

  MessageQueue& messages() { return messages_; }
  PortStats& stats() { return stats_; }
  PortStats Snapshot() const;

 private:
  enum SleepState : int { kAwake, kAsleep, kNotified };

  void CloseIfJoined(Socket& socket);
  void Release(Operation& operation);
  void Deliver(Operation& operation);

  void* const backend_;
  const CloseHandle close_handle_;
  IntrusiveList<Operation, ArmedTag> armed_;
  IntrusiveList<Operation, ReadyTag> ready_;
  MessageQueue messages_;
  bool message_turn_ = false;  // alternates, see Dispatch
  PortStats stats_;
  std::atomic<std::uint64_t> kicks_{0};
  std::atomic<int> sleep_{kAwake};
};

}  // namespace sluice::io

#endif  // SLUICE_IO_PORT_CORE_H_
