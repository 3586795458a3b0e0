// SPDX-License-Identifier: Apache-2.0
//
// What a flow does with its inspector: opening, detaching, ending.
#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/flow/flow.h"
#include "engine/flow/inspection.h"
#include "engine/inspect/guarded_calls.h"
#include "engine/inspect/verdict_desk.h"

namespace sluice::flow {
namespace {

// One call of OnOpen.
class Opened final : public OpenCall {
 public:
  Opened(const OpenInfo& info, const FlowHost& host, Looking& looking)
      : info_(info), later_(host.desk, &looking, host.port->now() + host.policy->pending_timeout) {}

  const OpenInfo& info() const override { return info_; }
  void Look(bool up, bool down) override {
    up_ = up;
    down_ = down;
  }
  void SetDestination(const Address& destination) override { destination_ = destination; }
  Pending TakeLater() override { return later_.Take(); }

  bool up() const { return up_; }
  bool down() const { return down_; }
  const Address& destination() const { return destination_; }
  Ticket ticket() const { return later_.ticket(); }

 private:
  const OpenInfo& info_;
  inspect::Later later_;
  bool up_ = true;
  bool down_ = true;
  Address destination_;
};

}  // namespace

// Counts and says what was wrong with a call.
void Flow::NoteCall(const inspect::Called& called) {
  if (called.took < host_.policy->slow_after) return;
  Count(metrics::Counter::k_slow_callbacks);
  host_.slow_call = called.took;
  host_.limited(host_.owner, metrics::Counter::k_slow_callbacks);
}

void Flow::CountTapped(const inspect::TapCount& count) {
  host_.counters->Add(metrics::Counter::k_bytes_tapped, count.bytes);
  if (count.records_missed == 0) return;
  host_.counters->Add(metrics::Counter::k_bytes_untapped, count.bytes_missed);
  host_.counters->Add(metrics::Counter::k_records_untapped, count.records_missed);
  host_.limited(host_.owner, metrics::Counter::k_records_untapped);
}

// queried: somebody wants to look, to listen, or to limit the rate.
void Flow::BeginInspection() {
  inspection_ = host_.pools->inspections.Make(*this, *host_.slab);
  if (inspection_ == nullptr) {
    return Close(Cause::kNoResources, Side::kEngine, OsError{ErrorCode::kOutOfMemory, 0}, true,
                 true);
  }
  inspection_->timer.Bind<&Flow::OnInspectionTimer>(this);
  InspectedFlow& flow = inspection_->flow;
  flow.id = info_.id;
  flow.listener = info_.listener;
  flow.client = info_.client;
  flow.destination = info_.destination;
  flow.bytes_per_second_up = flow.bytes_per_second_down = host_.policy->bytes_per_second;
  if (host_.inspector == nullptr) return Admit();
  if (host_.opens.has_value()) {
    if (host_.opens->Available(host_.port->now()) < 1) {
      Count(metrics::Counter::k_refused_opens);
      host_.limited(host_.owner, metrics::Counter::k_refused_opens);
      return SettleOpen(host_.policy->opens_exceeded, Address());
    }
    host_.opens->Take();
  }
  AskOpen();
}

void Flow::AskOpen() {
  const redirect::QueryOp& query = opening_->query;
  OpenInfo info;
  info.source = query.origin().source;
  info.pid = query.origin().pid;
  info.process_path = query.origin().process_path;
  info.context = absl::string_view(reinterpret_cast<const char*>(query.context().data()),
                                   query.context().size());
  info.redirected = static_cast<bool>(query.records());
  Opened call(info, host_, inspection_->up);
  Count(metrics::Counter::k_inspected);
  inspection_->opened = true;
  const inspect::Called called = inspect::CallOnOpen(*host_.inspector, inspection_->flow, call);
  NoteCall(called);
  inspection_->up.asked = call.up();
  inspection_->down.asked = call.down();
  Verdict verdict = called.verdict;
  const bool allowed = !called.threw && (verdict == Verdict::kPass || verdict == Verdict::kDetach ||
                                         verdict == Verdict::kClose || verdict == Verdict::kReset ||
                                         verdict == Verdict::kPend);
  if (!allowed) {
    verdict = host_.policy->pending_default;
    Count(metrics::Counter::k_bad_verdict);
    host_.limited(host_.owner, metrics::Counter::k_bad_verdict);
  } else if (verdict == Verdict::kPend && call.ticket().valid()) {
    Count(metrics::Counter::k_pended);
    inspection_->up.ticket = call.ticket();
    if (!call.destination().empty()) info_.destination = call.destination().Canonical();
    // The wait has a deadline of its own.
    host_.timers->Stop(timer_);
    return host_.pended(host_.owner);
  }
  if (call.ticket().valid()) host_.desk->Withdraw(call.ticket());
  if (verdict == Verdict::kPend) {
    Count(metrics::Counter::k_refused_pending);
    host_.limited(host_.owner, metrics::Counter::k_refused_pending);
    verdict = host_.policy->pending_default;
  }
  SettleOpen(verdict, call.destination());
}

void Flow::SettleOpen(Verdict verdict, const Address& destination) {
  if (verdict == Verdict::kClose) {
    return Close(Cause::kInspector, Side::kEngine, OsError{}, false, true);
  }
  if (verdict != Verdict::kPass && verdict != Verdict::kDetach) return OnInspectorReset();
  if (!destination.empty()) info_.destination = destination.Canonical();
  inspection_->flow.destination = info_.destination;
  if (verdict == Verdict::kDetach) {
    Detach();
  } else {
    EndInspectionIfDone();
  }
  Admit();
}

void Flow::OnVerdict(Looking& look, Answer& answer) {
  SLUICE_CHECK(look.pended());
  look.ticket = Ticket{};
  if (stage_ == Stage::kRelaying) return PumpOf(look.direction).OnAnswer(look, answer);
  SLUICE_CHECK(stage_ == Stage::kQueried);
  host_.timers->Start(timer_, host_.port->now() + host_.policy->query_timeout);
  SettleOpen(answer.verdict, answer.destination);
}

void Flow::OnInspectorReset() { Close(Cause::kInspector, Side::kEngine, OsError{}, true, true); }

void Flow::OnNoRoomForAnswer() {
  Close(Cause::kNoResources, Side::kEngine, OsError{ErrorCode::kOutOfMemory, 0}, true, true);
}

// relaying: what is queued still goes out, and both sides have the linger timeout to end theirs.
void Flow::OnInspectorClose() {
  if (flushing()) return Close(reason_.cause, reason_.side, reason_.error, true, true);
  if (ending_) return;
  SetReason(Cause::kInspector, Side::kEngine, OsError{});
  ending_ = true;
  host_.timers->Start(timer_, host_.port->now() + host_.policy->linger_timeout);
  up_pump_.BeginDiscarding();
  down_pump_.BeginDiscarding();
}

void Flow::CloseIfEnded() {
  const bool ended =
      up_pump_.finished() && down_pump_.finished() && up_pump_.end_seen() && down_pump_.end_seen();
  if (ended) Close(reason_.cause, reason_.side, reason_.error, false, false);
}

// By verdict. A direction whose verdict is waited for has it first.
void Flow::Detach() {
  if (inspection_->opened) Count(metrics::Counter::k_detached);
  for (Pump* pump : {&up_pump_, &down_pump_}) {
    inspection_->Of(pump->direction()).asked = false;
    if (!pump->pended()) pump->PassHeld();
  }
  EndInspectionIfDone();
}

void Flow::EndInspectionIfDone() {
  if (inspection_ == nullptr) return;
  for (Looking* look : {&inspection_->up, &inspection_->down}) {
    if (look->asked || look->pended()) return;
  }
  for (Pump* pump : {&up_pump_, &down_pump_}) pump->PassHeld();
  if (!inspection_->limits_rate() && host_.tap == nullptr) {
    EndInspection(InspectionEnd::kDetached);
  } else {
    TellEnd(InspectionEnd::kDetached);
  }
  // Who was paced, or held what waited for more, goes on.
  for (Pump* pump : {&up_pump_, &down_pump_}) pump->GoOn();
}

void Flow::TellEnd(InspectionEnd end) {
  if (!std::exchange(inspection_->opened, false)) return;
  const inspect::Called called = inspect::CallOnEnd(*host_.inspector, inspection_->flow, end);
  NoteCall(called);
  if (called.threw) Count(metrics::Counter::k_bad_verdict);
}

void Flow::EndInspection(InspectionEnd end) {
  if (inspection_ == nullptr) return;
  host_.timers->Stop(inspection_->timer);
  TellEnd(end);
  if (host_.tap != nullptr) CountTapped(host_.tap->End(inspection_->tapped, inspection_->flow));
  host_.pools->inspections.Free(std::exchange(inspection_, nullptr));
}

void Flow::StartInspectionTimer() {
  Instant next = Instant::Never();
  for (const Looking* look : {&inspection_->up, &inspection_->down}) {
    if (look->waits_for_more()) next = std::min(next, look->more_until);
    if (look->paced) next = std::min(next, look->receive_at);
  }
  if (next == Instant::Never()) return host_.timers->Stop(inspection_->timer);
  host_.timers->Start(inspection_->timer, next);
}

void Flow::OnInspectionTimer() {
  for (Pump* pump : {&up_pump_, &down_pump_}) {
    if (!may_send() || inspection_ == nullptr) return;
    pump->OnInspectionTimer(host_.port->now());
  }
  if (may_send() && inspection_ != nullptr) StartInspectionTimer();
}

}  // namespace sluice::flow
