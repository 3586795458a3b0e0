// SPDX-License-Identifier: Apache-2.0
//
// Flow: one proxied connection, from accept to join. Lives and dies on one worker.
//
//   accepted -> queried -> admitted -> carried -> connected -> relaying -> closing -> joined
//
// One function for each arrow, in that order in flow.cc; the stages and what each guarantees are in
// close_reason.h. Any stage may go to closing; nothing goes back.
//
// Ending (law 4, terminate, join, close): Close marks the flow closing, cancels what is in flight
// and closes both sockets through the port, which gives the handles back when the last outcome is
// in. Each outcome then calls OnOperationEnded; when nothing is left the flow is joined and its
// host hears of it. A reset from one side is passed on as a reset, after the bytes received before
// it were handed on.
#ifndef SLUICE_FLOW_FLOW_H_
#define SLUICE_FLOW_FLOW_H_

#include <cstdint>

#include "engine/base/intrusive_list.h"
#include "engine/flow/close_reason.h"
#include "engine/flow/flow_host.h"
#include "engine/flow/flow_pools.h"
#include "engine/flow/leg.h"
#include "engine/flow/pump.h"
#include "engine/io/timer_wheel.h"
#include "sluice/inspector.h"

namespace sluice::inspect {
struct Called;
struct TapCount;
}  // namespace sluice::inspect

namespace sluice::flow {

struct Inspection;
struct Looking;

struct FlowInfo {
  std::uint64_t id = 0;        // unique in its runtime
  std::uint32_t listener = 0;  // which one of its engine took it
  Address client;
  Address destination;
};

struct LiveTag {};
struct WorkerTag {};

class Flow : public ListNode<LiveTag>, public ListNode<WorkerTag> {
 public:
  explicit Flow(FlowHost& host);
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;
  // REQUIRES: joined, or never started.
  ~Flow();

  // The first arrow. The flow owns the connection from here on.
  void Start(io::AcceptedSocket accepted, std::uint32_t listener);
  // Ends the flow now; both sides see RST unless everything was already said. Idempotent.
  void Terminate(Cause cause);

  Stage stage() const { return stage_; }
  const CloseReason& reason() const { return reason_; }
  const FlowInfo& info() const { return info_; }
  bool relaying() const { return stage_ == Stage::kRelaying && !flushing(); }
  // Relaying, or handing on what came before a reset.
  bool may_send() const { return stage_ == Stage::kRelaying; }

  // When a byte last moved. Meaningful while relaying.
  Instant last_activity() const { return last_activity_; }
  // Holds memory of the slab, with bytes that a peer does not take.
  bool holds_chunks() const { return up_pump_.holds_chunks() || down_pump_.holds_chunks(); }

  // For the pumps.
  const FlowHost& host() const { return host_; }
  Leg& LegFrom(Direction direction) { return direction == Direction::kUp ? down_ : up_; }
  Leg& LegTo(Direction direction) { return direction == Direction::kUp ? up_ : down_; }
  void OnActivity() { last_activity_ = host_.port->now(); }
  void OnLegError(Leg& leg, OsError error);
  void OnPumpFinished(Pump& pump);
  void OnOperationEnded();
  Pump& PumpOf(Direction direction) { return direction == Direction::kUp ? up_pump_ : down_pump_; }

  // What an inspector said, for the pumps and the desk; flow_inspection.cc has all of it.
  Inspection* inspection() const { return inspection_; }
  void OnVerdict(Looking& look, Answer& answer);
  void OnInspectorReset();
  void OnInspectorClose();
  void OnNoRoomForAnswer();
  void Detach();
  // Nobody is asked any more and no verdict waited for: as if nobody had ever looked.
  void EndInspectionIfDone();
  void StartInspectionTimer();
  void NoteCall(const inspect::Called& called);
  void CountTapped(const inspect::TapCount& count);
  // While the inspector closes the flow: both sides may have ended theirs.
  void CloseIfEnded();

 private:
  // The arrows.
  bool BeginOpening();
  void EndOpening();
  void OnQueried();
  void OnQueryFailed();
  void Examine();
  void BeginInspection();
  void AskOpen();
  void SettleOpen(Verdict verdict, const Address& destination);
  void Admit();
  void Carry();
  void OnCarried();
  void GoWithoutRecords();
  void Connect();
  void OnConnected(OsError error);
  void Relay();
  void Close(Cause cause, Side side, OsError error, bool reset_down, bool reset_up);
  void JoinIfIdle();

  // `timer_` at `when`, or when the flow's lifetime is over.
  void StartTimer(Instant when);
  void OnTimer();
  void OnInspectionTimer();
  void TellEnd(InspectionEnd end);
  void EndInspection(InspectionEnd end);
  void CheckRelaying(Instant now);
  void ReleaseAck();
  void KeepAlive();
  bool EndedByLateReset();
  Pump& PumpFrom(const Leg& leg) { return &leg == &down_ ? up_pump_ : down_pump_; }
  Pump& PumpTo(const Leg& leg) { return &leg == &down_ ? down_pump_ : up_pump_; }
  void Count(metrics::Counter counter) { host_.counters->Add(counter); }
  void Notice(metrics::Counter counter);
  // A reset came: what came before it is still sent, then both legs close.
  bool flushing() const { return reset_side_ != Side::kNone; }
  bool HopBudgetSpent();
  void RegisterOutbound(const Address& reached);
  void ForgetOutbound();
  void LeaveLoopGuard();
  void SetReason(Cause cause, Side side, OsError error);

  FlowHost& host_;
  Stage stage_ = Stage::kAccepted;
  bool started_ = false;
  bool ending_ = false;            // the inspector closes: sending what is queued, then FINs
  Side reset_side_ = Side::kNone;  // not kNone: that leg broke; sending what it had said
  bool reason_set_ = false;
  bool ack_held_ = false;         // relaying, and the origin may not have heard of the connection
  bool kept_alive_ = false;       // the kernel was told to ask our peers whether they are there
  bool entered_ = false;          // the loop guard counts this flow toward info_.destination
  std::uint32_t hops_ = 0;        // hops of this process behind the client
  std::uint32_t registered_ = 0;  // not 0: by this the loop guard knows the onward connection
  Instant last_activity_;
  Instant lifetime_end_ = Instant::Never();
  FlowInfo info_;
  CloseReason reason_;
  Leg down_;
  Leg up_;
  Pump up_pump_;                      // down_ to up_
  Pump down_pump_;                    // up_ to down_
  Opening* opening_ = nullptr;        // from accept on until connected
  Inspection* inspection_ = nullptr;  // from when it is admitted until nobody looks any more
  io::Timer timer_;
};

}  // namespace sluice::flow

#endif  // SLUICE_FLOW_FLOW_H_
