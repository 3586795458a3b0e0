// SPDX-License-Identifier: Apache-2.0
//
// Port::Impl of the simulator: PortCore on a World. What a kernel would do by itself, complete what
// it holds, is done at the begin of a turn (Poll), in an order and at a time drawn from the world's
// chance; sometimes it is done inside the start call.
//
// A turn never waits. When it found nothing to do it leaves the port asleep, with the deadline it
// was given; the world's driver calls again when the port is Runnable.
#ifndef SLUICE_IO_SIM_IMPL_H_
#define SLUICE_IO_SIM_IMPL_H_

#include <atomic>
#include <vector>

#include "engine/base/clock.h"
#include "engine/io/port.h"
#include "engine/io/port_core.h"
#include "engine/io/sim/world.h"

namespace sluice::io {

struct Port::Impl final : PortCore, sim::Stepped {
  Impl(sim::World& world, Platform* platform);
  ~Impl() override;

  // ---- port.cc ----
  int Turn(Instant deadline, Budget budget);
  void Poll();
  void Kick() { woken_ = true; }
  bool Runnable() override;
  Instant WakesAt() override;

  // ---- operations.cc: from armed to done ----
  // After Arm: may complete it at once.
  void Begin(Operation& operation);
  void CancelArmed(Operation& operation);
  // Something would come of trying now.
  bool CanComplete(Operation& operation);
  void Complete(Operation& operation);
  void CompleteAccept(AcceptOp& operation);
  void CompleteConnect(ConnectOp& operation);
  void CompleteRecv(RecvOp& operation);
  void CompleteSend(SendOp& operation);
  void CompleteAwait(Operation& operation);
  void FinishCancelled(Operation& operation);
  std::size_t WriteSome(SendOp& operation, OsError* error);
  void StartConnect(ConnectOp& operation);
  void FinishConnect(ConnectOp& operation, OsError error);
  std::size_t Part(std::size_t size);

  // ---- pipes.cc: what an outcome did to the pipe, if there is one ----
  void PipeTook(RecvOp& operation, std::size_t count);
  void PipeGave(SendOp& operation, std::size_t count);

  // ---- control.cc ----
  void StartControl(ControlOp& operation);
  void CompleteControl(ControlOp& operation);
  static void OnReply(void* ticket, ControlReply reply);

  // ---- sockets.cc ----
  static void GiveBack(void* backend, Socket& socket);

  // Bits of Operation::backend_.
  static constexpr std::uint8_t kSynTold = 1;   // a connect: the platform awaits OnConnected
  static constexpr std::uint8_t kPended = 2;    // a control: with the platform
  static constexpr std::uint8_t kAnswered = 4;  // a control: its reply is known
  static constexpr std::uint8_t kLost = 8;      // completes only when cancelled
  static constexpr std::uint8_t kDoomed = 16;   // an accept that will fail
  static constexpr std::uint8_t kPiped = 32;    // into or out of the pipe in its scratch

  // Counts as inside a start call while it lives: no handler may run, and so no other start call.
  class StartScope {
   public:
    explicit StartScope(Impl& impl);
    ~StartScope() { impl_.in_start_ = false; }

   private:
    Impl& impl_;
  };

  sim::World& world_;
  Platform* const platform_;
  Instant now_;
  Instant deadline_;
  std::vector<Operation*> polled_;
  bool asleep_ = false;
  std::atomic<bool> woken_{false};  // wakes may come from any thread
  bool in_turn_ = false;
  bool in_start_ = false;
};

}  // namespace sluice::io

#endif  // SLUICE_IO_SIM_IMPL_H_
