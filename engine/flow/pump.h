// SPDX-License-Identifier: Apache-2.0
//
// Pump: one direction of a flow. Receives from one leg, queues, sends to the other.
//
//   from.socket --Recv--> landing chunks --inspector--> queue --gather Send--> to.socket
//
// Bytes stay in the chunk they landed in. If nobody inspects them and there are many, they stay in
// the kernel: they go through a pipe instead, as long as receives bring much, and the queue is
// empty meanwhile.
//
// At most one receive (or one wait for readability) and one send are armed; a pump that moves
// nothing holds neither (flow_pools.h). Reading stops while the queue holds `queue_high` bytes,
// or more than is left in the slab, and resumes at half of it, or when a chunk came back. The
// peer's FIN is passed on after the last byte.
//
// What an inspector wants to think about, or to see more of, is held by the flow's Inspection,
// behind the queue; a FIN waits behind it. pump_inspection.cc has this pump's side of it.
//
// Worker-only. All entry points are no-ops once the flow is closing, except that they report to it.
#ifndef SLUICE_FLOW_PUMP_H_
#define SLUICE_FLOW_PUMP_H_

#include <cstdint>

#include "engine/base/intrusive_list.h"
#include "engine/flow/flow_host.h"
#include "engine/flow/leg.h"
#include "engine/memory/chain.h"
#include "sluice/inspector.h"

namespace sluice::flow {

class Flow;
struct Looking;

class Pump : public ListNode<StarvedTag> {
 public:
  Pump(Flow& flow, memory::Slab& slab, Direction direction);

  // Begins receiving. REQUIRES: both legs connected.
  void Start();
  // Nothing came for a while: gives the landing chunk back and waits without memory.
  void BecomeQuiet();
  // The slab has chunks again.
  void ResumeStarved();
  // The peer of `from` reset: what is queued may still go out, nothing more comes in.
  void StopReceiving();
  // The inspector's answer to what is held, or the default in its stead.
  void OnAnswer(Looking& look, Answer& answer);
  // The flow ends: the verdict that is waited for no longer matters.
  void Withdraw();
  // What is held waiting for more gets none: asks for the last time.
  void DecideNow();
  // Nobody is asked any more: what is held goes on.
  void PassHeld();
  // Sends and receives what was stopped for a reason that is gone.
  void GoOn();
  // Bytes of somebody's own, behind what is queued. False when they cannot go out, or not now.
  bool Inject(absl::string_view bytes);
  // The flow is being closed: what is queued still goes out, then a FIN; what comes is forgotten.
  void BeginDiscarding();
  void OnInspectionTimer(Instant now);
  // Drops what is queued and held. Operations in flight keep what they use until their outcome.
  void DropQueue();

  Direction direction() const { return direction_; }
  // The FIN was passed on (or need not be, because the flow closes anyway): this direction is done.
  bool finished() const { return finished_; }
  bool has_unsent() const { return holds_chunks() || pipe_holds(); }
  // Of these, in the slab's memory.
  bool holds_chunks() const { return !queue_.empty() || held() != 0; }
  bool has_received() const { return has_received_; }
  // Waits for a verdict.
  bool pended() const;
  // Nothing more will be received.
  bool end_seen() const { return end_seen_; }

  // The outcome of from().readable, bound by the flow.
  void OnReadable(Outcome outcome);

 private:
  // Kept by the flow alone: each pointer here would be two for each connection.
  const FlowHost& host() const;
  Leg& from() const;
  Leg& to() const;

  bool pipe_holds() const { return pipe_ != nullptr && pipe_->size() > 0; }
  void OnReceived(Outcome outcome);
  void OnSent(Outcome outcome);
  // `readable`: bytes, or the end, are known to be waiting.
  void Receive(bool readable);
  bool WaitsFirst() const;
  std::size_t QueueMax() const;
  bool ReceiveIntoPipe();
  void GivePipeBack();
  bool FindRoom();
  std::size_t FillLanding(Landing& landing);
  void EndReceive(std::size_t received, memory::Chain& fresh);
  void AcceptBytes(memory::Chain& fresh);
  void AwaitReadable();
  // After each change of queue_, what is held, or pipe_.
  void Account();
  bool StoppedByBudget();
  void Send();
  void PassFin();

  class Asking;
  // Null when nobody looks and no rate is set.
  Looking* looking() const;
  std::size_t held() const;
  void TapReceived(const memory::Chain& fresh);
  void Look(Looking& look, memory::Chain& fresh);
  void Ask(bool nothing_follows);
  void Settle(Looking& look, Verdict verdict, std::size_t keep, memory::Chain& replacement,
              bool nothing_follows);
  std::size_t KeepMax(bool nothing_follows) const;
  void GoOnAsking();
  bool InjectLate(absl::string_view bytes);
  void PassBut(Looking& look, std::size_t keep);
  void TakePace(Looking& look, std::size_t bytes);
  bool StoppedByPace();
  std::size_t ReceiveMax() const;

  Flow& flow_;
  memory::Chain queue_;
  memory::Slice room_;               // left in a chunk by the last receive, for the next one
  io::Pipe* pipe_ = nullptr;         // holds bytes, or a receive into it is armed
  std::size_t accounted_ = 0;        // of queue_, what is held, and pipe_, in the budget
  std::uint8_t landing_wanted_ = 1;  // chunks to offer: grows while receives fill them
  const Direction direction_;
  bool end_seen_ = false;  // the peer's FIN arrived, or StopReceiving: no further receive
  bool finished_ = false;
  bool has_received_ = false;  // bytes, whatever became of them
  bool over_budget_ = false;   // stopped by the budget, until it receives again
  bool bulk_ = false;          // the last receives brought much: by pipe, if there is one
  bool quieting_ = false;      // the armed receive was cancelled to become quiet
  bool discarding_ = false;    // the inspector closes the flow
};

}  // namespace sluice::flow

#endif  // SLUICE_FLOW_PUMP_H_
