// SPDX-License-Identifier: Apache-2.0
//
// What a pump does while somebody looks: asks about what came, and does what is said.
#include <algorithm>
#include <limits>
#include <utility>

#include "engine/base/check.h"
#include "engine/flow/flow.h"
#include "engine/flow/inspection.h"
#include "engine/flow/pump.h"
#include "engine/inspect/guarded_calls.h"
#include "engine/inspect/verdict_desk.h"

namespace sluice::flow {

// One call of OnData.
class Pump::Asking final : public DataCall {
 public:
  Asking(Pump& pump, Looking& looking, bool ended, bool nothing_follows)
      : pump_(pump),
        looking_(looking),
        ended_(ended),
        nothing_follows_(nothing_follows),
        replacement_(*pump.host().slab),
        replacement_bytes_(replacement_, &room_),
        later_(pump.host().desk, &looking,
               pump.host().port->now() + pump.host().policy->pending_timeout) {}

  bool ended() const override { return ended_; }
  bool must_decide() const override {
    return nothing_follows_ || looking_.held.size() >= pump_.host().policy->more_bytes_max;
  }
  std::size_t keep_max() const override { return pump_.KeepMax(nothing_follows_); }
  void Keep(std::size_t count) override { keep_ = count; }
  Bytes& replacement() override { return replacement_bytes_; }
  bool Inject(Direction direction, absl::string_view bytes) override {
    return pump_.flow_.PumpOf(direction).Inject(bytes);
  }
  Pending TakeLater() override { return later_.Take(); }

  std::size_t keep() const { return keep_; }
  memory::Slice* room() { return &room_; }
  memory::Chain& replacement_chain() { return replacement_; }
  Ticket ticket() const { return later_.ticket(); }

 private:
  Pump& pump_;
  const Looking& looking_;
  const bool ended_;
  const bool nothing_follows_;
  std::size_t keep_ = 0;
  memory::Slice room_;
  memory::Chain replacement_;
  Bytes replacement_bytes_;
  inspect::Later later_;
};

// Of what is held; less than kMore may wait for, so that it is bounded as well.
std::size_t Pump::KeepMax(bool nothing_follows) const {
  return nothing_follows ? 0 : host().policy->more_bytes_max - 1;
}

Looking* Pump::looking() const {
  Inspection* inspection = flow_.inspection();
  return inspection == nullptr ? nullptr : &inspection->Of(direction_);
}

bool Pump::pended() const {
  const Looking* look = looking();
  return look != nullptr && look->pended();
}

std::size_t Pump::held() const {
  const Looking* look = looking();
  return look == nullptr ? 0 : look->held.size() + look->behind.size();
}

// Notes what was received; what is too fast waits for the inspection's timer before it receives
// again.
void Pump::TakePace(Looking& look, std::size_t bytes) {
  const Instant now = host().port->now();
  const std::uint64_t rate = flow_.inspection()->RateOf(direction_);
  if (rate != 0) look.receive_at = std::max(look.receive_at, now) + Pace::Takes(bytes, rate);
  Pace& pace = *host().pace;
  if (pace.bytes_per_second == 0 || !look.asked) return;
  pace.free_at = std::max(pace.free_at, now) + Pace::Takes(bytes, pace.bytes_per_second);
  look.receive_at = std::max(look.receive_at, pace.free_at);
}

bool Pump::StoppedByPace() {
  Looking* look = looking();
  if (look == nullptr) return false;
  const bool early = look->receive_at > host().port->now();
  if (early && !look->paced) host().counters->Add(metrics::Counter::k_paused_pace);
  look->paced = early;
  if (early) flow_.StartInspectionTimer();
  return early;
}

// A slow rate takes small bites, or one receive would be long waits for the next.
std::size_t Pump::ReceiveMax() const {
  const Inspection* inspection = flow_.inspection();
  const std::uint64_t rate = inspection == nullptr ? 0 : inspection->RateOf(direction_);
  if (rate == 0) return std::numeric_limits<std::size_t>::max();
  constexpr std::uint64_t kReceivesASecond = 16;
  return static_cast<std::size_t>(std::max<std::uint64_t>(1, rate / kReceivesASecond));
}

void Pump::TapReceived(const memory::Chain& fresh) {
  Inspection& inspection = *flow_.inspection();
  flow_.CountTapped(host().tap->Data(inspection.tapped, inspection.flow, direction_, fresh));
}

// Received bytes, on their way into the queue.
void Pump::Look(Looking& look, memory::Chain& fresh) {
  TakePace(look, fresh.size());
  // What was kept has been asked about for the last time while this was on its way.
  if (look.pended()) return look.behind.Append(fresh);
  if (!look.asked) return queue_.Append(fresh);
  look.held.Append(fresh);
  Ask(false);
}

void Pump::DecideNow() {
  const Looking* look = looking();
  if (look != nullptr && look->waits_for_more()) Ask(true);
}

// REQUIRES: bytes are held, no verdict is waited for.
void Pump::Ask(bool nothing_follows) {
  Looking& look = *looking();
  Asking call(*this, look, end_seen_, nothing_follows);
  Bytes data(look.held, call.room());
  const std::uint64_t copied = host().slab->copied_bytes;
  const inspect::Called called =
      inspect::CallOnData(*host().inspector, flow_.inspection()->flow, direction_, data, call);
  host().counters->Add(metrics::Counter::k_bytes_copied, host().slab->copied_bytes - copied);
  flow_.NoteCall(called);
  Verdict verdict = called.verdict;
  if (called.threw || verdict > Verdict::kPend) {
    verdict = host().policy->pending_default;
    host().counters->Add(metrics::Counter::k_bad_verdict);
    host().limited(host().owner, metrics::Counter::k_bad_verdict);
  } else if (verdict == Verdict::kPend && call.ticket().valid()) {
    host().counters->Add(metrics::Counter::k_pended);
    look.ticket = call.ticket();
    look.last_time = nothing_follows;
    look.more_until = Instant::Never();
    return host().pended(host().owner);
  }
  // Taken, but not waited for.
  if (call.ticket().valid()) host().desk->Withdraw(call.ticket());
  if (verdict == Verdict::kPend) {
    host().counters->Add(metrics::Counter::k_refused_pending);
    host().limited(host().owner, metrics::Counter::k_refused_pending);
    verdict = host().policy->pending_default;
  }
  const std::size_t keep = std::min(call.keep(), look.held.size());
  Settle(look, verdict, keep, call.replacement_chain(), nothing_follows);
}

// What a verdict does. Last of all it may end the inspection or the flow, so `look` is not touched
// by callers afterwards.
void Pump::Settle(Looking& look, Verdict verdict, std::size_t keep, memory::Chain& replacement,
                  bool nothing_follows) {
  const std::size_t held = look.held.size();
  const bool must_decide = nothing_follows || held >= host().policy->more_bytes_max;
  const bool may_keep = keep <= KeepMax(nothing_follows);
  switch (verdict) {
    case Verdict::kReset:
      look.held.Clear();
      return flow_.OnInspectorReset();
    case Verdict::kClose:
      look.held.Clear();
      return flow_.OnInspectorClose();
    case Verdict::kDetach:
      queue_.Append(look.held);
      return flow_.Detach();
    case Verdict::kReplace:
      queue_.Append(replacement);
      look.held.RemovePrefix(held - keep);
      break;
    case Verdict::kDrop:
      look.held.RemovePrefix(held - keep);
      break;
    case Verdict::kMore:
      keep = held;
      break;
    default:
      PassBut(look, may_keep ? keep : 0);
      break;
  }
  if (!may_keep && verdict != Verdict::kMore) queue_.Append(look.held);
  if (look.held.empty()) {
    look.more_until = Instant::Never();
    return;
  }
  if (verdict == Verdict::kMore && must_decide) {
    host().counters->Add(metrics::Counter::k_opaque);
    look.asked = false;
    queue_.Append(look.held);
    look.more_until = Instant::Never();
    return flow_.EndInspectionIfDone();
  }
  // Bytes that stay have their time from when they began to.
  if (keep < held || look.more_until == Instant::Never()) {
    look.more_until = host().port->now() + host().policy->more_timeout;
  }
  flow_.StartInspectionTimer();
}

// Sends all of what is held but its last `keep` bytes.
void Pump::PassBut(Looking& look, std::size_t keep) {
  if (keep == 0) return queue_.Append(look.held);
  memory::Chain front(*host().slab);
  // The slab keeps a link for the cut of what was just received. For what came a while ago there
  // may be none: then all of it stays and comes again.
  if (look.held.SplitPrefix(look.held.size() - keep, front)) queue_.Append(front);
}

bool Pump::Inject(absl::string_view bytes) {
  if (bytes.empty()) return true;
  if (!flow_.relaying() || finished_ || discarding_) return false;
  if (queue_.size() >= host().policy->queue_high || pipe_ != nullptr) return false;
  if (!queue_.AppendCopy(bytes.data(), bytes.size())) return false;
  host().counters->Add(metrics::Counter::k_bytes_injected, bytes.size());
  Account();
  Send();
  return true;
}

// Of an answer that comes later: there is nobody to tell that it cannot be, so only a want of
// memory is a failure. To an end that is no longer there it is as good as sent.
bool Pump::InjectLate(absl::string_view bytes) {
  if (bytes.empty() || finished_ || discarding_ || !to().socket.is_open()) return true;
  if (!queue_.AppendCopy(bytes.data(), bytes.size())) return false;
  host().counters->Add(metrics::Counter::k_bytes_injected, bytes.size());
  Account();
  Send();
  return true;
}

// The answer to what is held, or the default in its stead.
void Pump::OnAnswer(Looking& look, Answer& answer) {
  // Withdrawn when the flow began to close, so it is not closing.
  SLUICE_CHECK(flow_.may_send());
  const std::uint64_t copied = host().slab->copied_bytes;
  memory::Chain replacement(*host().slab);
  const bool fits = flow_.PumpOf(Direction::kUp).InjectLate(answer.inject_up) &&
                    flow_.PumpOf(Direction::kDown).InjectLate(answer.inject_down) &&
                    replacement.AppendCopy(answer.replacement.data(), answer.replacement.size());
  host().counters->Add(metrics::Counter::k_bytes_copied, host().slab->copied_bytes - copied);
  if (!fits) {
    replacement.Clear();
    return flow_.OnNoRoomForAnswer();
  }
  Settle(look, answer.verdict, 0, replacement, look.last_time);
  if (flow_.may_send()) GoOnAsking();
  Account();
  if (!flow_.may_send()) return;
  Send();
  Receive(false);
}

// After an answer: what happened while it was waited for is next.
void Pump::GoOnAsking() {
  Looking* look = looking();
  if (look == nullptr) return;
  if (!look->asked) {
    // The inspector lost interest. In front of what is received from here on.
    PassHeld();
    return flow_.EndInspectionIfDone();
  }
  if (!look->behind.empty()) {
    look->held.Append(look->behind);
    Ask(false);
  }
  if (end_seen_ && flow_.may_send()) DecideNow();
}

void Pump::Withdraw() {
  Looking* look = looking();
  if (look == nullptr || !look->pended()) return;
  host().desk->Withdraw(std::exchange(look->ticket, Ticket{}));
}

// Nobody is asked about this direction any more.
void Pump::PassHeld() {
  Looking& look = *looking();
  queue_.Append(look.held);
  queue_.Append(look.behind);
  look.more_until = Instant::Never();
  Account();
}

void Pump::OnInspectionTimer(Instant now) {
  Looking& look = *looking();
  // Whatever else may keep it from receiving, the timer need not come back for this.
  if (look.receive_at <= now) look.paced = false;
  if (look.waits_for_more() && look.more_until <= now) {
    Ask(true);
    Account();
    Send();
  }
  Receive(false);
}

// What is queued still goes out, then a FIN; what comes is forgotten.
void Pump::BeginDiscarding() {
  Withdraw();
  if (Looking* look = looking()) {
    look->Forget();
    look->asked = false;
    look->more_until = Instant::Never();
  }
  discarding_ = true;
  Account();
  Send();
  Receive(false);
}

}  // namespace sluice::flow
