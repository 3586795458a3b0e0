// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/flow.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/flow/inspection.h"

namespace sluice::flow {
namespace {

// How long an origin may wait to hear of a connection whose client has not spoken yet.
constexpr Nanos kHoldAck = kMillisecond;
// Whoever is over by then is spared the calls that only a connection that lasts needs.
constexpr Nanos kLasts = kSecond;

}  // namespace

Flow::Flow(FlowHost& host)
    : host_(host),
      up_pump_(*this, *host.slab, Direction::kUp),
      down_pump_(*this, *host.slab, Direction::kDown) {
  down_.readable.Bind<&Pump::OnReadable>(&up_pump_);
  up_.readable.Bind<&Pump::OnReadable>(&down_pump_);
  timer_.Bind<&Flow::OnTimer>(this);
}

Flow::~Flow() {
  SLUICE_CHECK(!started_ || stage_ == Stage::kJoined);
  SLUICE_CHECK(opening_ == nullptr);
}

// False when there is no memory.
bool Flow::BeginOpening() {
  opening_ = host_.pools->openings.Make();
  if (opening_ == nullptr) return false;
  opening_->query.Bind(this, [](void* self) { static_cast<Flow*>(self)->OnQueried(); });
  opening_->carry.Bind(this, [](void* self) { static_cast<Flow*>(self)->OnCarried(); });
  opening_->connector.Bind(
      this, [](void* self, OsError error) { static_cast<Flow*>(self)->OnConnected(error); });
  return true;
}

// An operation may be freed by its handler.
void Flow::EndOpening() {
  if (opening_ != nullptr) host_.pools->openings.Free(std::exchange(opening_, nullptr));
}

// -> accepted
void Flow::Start(io::AcceptedSocket accepted, std::uint32_t listener) {
  SLUICE_CHECK(!started_);
  started_ = true;
  info_.id = host_.next_flow_id->fetch_add(1, std::memory_order_relaxed);
  info_.listener = listener;
  info_.client = accepted.peer;
  if (host_.policy->lifetime > 0) lifetime_end_ = host_.port->now() + host_.policy->lifetime;
  const OsError error = host_.port->Adopt(down_.socket, accepted);
  if (!error.ok()) return Close(Cause::kNoResources, Side::kDownstream, error, true, true);
  stage_ = Stage::kAccepted;
  if (!BeginOpening()) {
    return Close(Cause::kNoResources, Side::kEngine, OsError{ErrorCode::kOutOfMemory, 0}, true,
                 true);
  }
  host_.timers->Start(timer_, host_.port->now() + host_.policy->query_timeout);
  const redirect::WorkerView worker{host_.port, host_.buffers};
  host_.redirector->Query(opening_->query, worker, down_.socket);
}

// accepted -> queried
void Flow::OnQueried() {
  if (stage_ == Stage::kClosing) return JoinIfIdle();
  SLUICE_CHECK(stage_ == Stage::kAccepted);
  const redirect::QueryOp& query = opening_->query;
  if (query.verdict() == redirect::Verdict::kGone) {
    return Close(Cause::kReset, Side::kDownstream, query.error(), true, true);
  }
  if (query.verdict() != redirect::Verdict::kOk) return OnQueryFailed();
  stage_ = Stage::kQueried;
  // A v4-mapped destination goes out over IPv4, so that both ends of a chain name it alike.
  info_.destination = query.origin().destination.Canonical();
  Examine();
}

// The failure policy of the listener decides. Either way it is counted and said.
void Flow::OnQueryFailed() {
  const redirect::QueryOp& query = opening_->query;
  const Address& known = query.origin().destination.empty() ? host_.policy->direct_destination
                                                            : query.origin().destination;
  if (host_.policy->on_query_failure == OnQueryFailure::kDirect && !known.empty()) {
    Notice(metrics::Counter::k_direct_without_query);
    stage_ = Stage::kQueried;
    info_.destination = known.Canonical();
    return Examine();
  }
  switch (query.verdict()) {
    case redirect::Verdict::kAbsent:
      return Close(Cause::kNotRedirected, Side::kDownstream, query.error(), true, true);
    case redirect::Verdict::kBadContext:
      return Close(Cause::kBadContext, Side::kDownstream, query.error(), true, true);
    default:
      return Close(Cause::kQueryFailed, Side::kEngine, query.error(), true, true);
  }
}

// queried -> admitted, by way of who looks at it.
void Flow::Examine() {
  if (HopBudgetSpent()) return Close(Cause::kHopBudget, Side::kDownstream, OsError{}, true, true);
  const bool looked_at = host_.inspector != nullptr || host_.tap != nullptr;
  if (looked_at || host_.policy->bytes_per_second != 0) return BeginInspection();
  Admit();
}

void Flow::Admit() {
  if (host_.tap != nullptr) CountTapped(host_.tap->Open(inspection_->tapped, inspection_->flow));
  if (host_.own_listeners->IsOurs(info_.destination)) {
    return Close(Cause::kLoopGuard, Side::kEngine, OsError{}, true, true);
  }
  if (!host_.loop_guard->Enter(info_.destination, host_.port->now())) {
    return Close(Cause::kStorm, Side::kEngine, OsError{}, true, true);
  }
  entered_ = true;
  const OsError error = host_.port->Open(up_.socket, info_.destination.family());
  if (!error.ok()) return Close(Cause::kNoResources, Side::kUpstream, error, true, true);
  stage_ = Stage::kAdmitted;
  Carry();
}

void Flow::Carry() {
  const redirect::WorkerView worker{host_.port, host_.buffers};
  host_.redirector->Carry(opening_->carry, worker, up_.socket, opening_->query);
}

// admitted -> carried
void Flow::OnCarried() {
  if (stage_ == Stage::kClosing) return JoinIfIdle();
  SLUICE_CHECK(stage_ == Stage::kAdmitted);
  const redirect::CarryOp& carry = opening_->carry;
  if (carry.verdict() != redirect::Verdict::kOk) {
    if (carry.verdict() == redirect::Verdict::kGone ||
        host_.policy->on_carry_failure == OnCarryFailure::kClose) {
      return Close(Cause::kCarryFailed, Side::kUpstream, carry.error(), true, true);
    }
    return GoWithoutRecords();
  }
  host_.timers->Stop(timer_);
  stage_ = Stage::kCarried;
  // The blob has done its work; the accepted socket was kept open until here on purpose.
  opening_->query.Reset();
  Connect();
}

// The socket whose SET failed is in an unknown state, so a fresh one is used.
void Flow::GoWithoutRecords() {
  Notice(metrics::Counter::k_sent_without_records);
  host_.port->Close(up_.socket);
  SLUICE_CHECK(up_.socket.is_joined());
  const OsError error = host_.port->Open(up_.socket, info_.destination.family());
  if (!error.ok()) return Close(Cause::kNoResources, Side::kUpstream, error, true, true);
  host_.timers->Stop(timer_);
  stage_ = Stage::kCarried;
  opening_->query.Reset();
  Connect();
}

void Flow::Connect() {
  const Address source = host_.sources.Next(info_.destination.family());
  if (!source.empty()) {
    const OsError error = host_.port->Bind(up_.socket, source);
    if (!error.ok()) return Close(Cause::kNoResources, Side::kUpstream, error, true, true);
  }
  host_.port->HoldAck(up_.socket);
  opening_->connector.Start(*host_.port, *host_.timers, up_.socket, info_.destination,
                            host_.port->now() + host_.policy->connect_timeout);
}

// carried -> connected
void Flow::OnConnected(OsError error) {
  if (stage_ == Stage::kClosing) return JoinIfIdle();
  SLUICE_CHECK(stage_ == Stage::kCarried);
  const Address reached = opening_->connector.reached();
  EndOpening();
  if (!error.ok()) {
    Count(metrics::Counter::k_connect_errors);
    // The client's own connect succeeded long ago; a reset is the only way left to say no.
    const Cause cause =
        error.code == ErrorCode::kTimedOut ? Cause::kConnectTimeout : Cause::kConnectFailed;
    return Close(cause, Side::kUpstream, error, true, true);
  }
  Count(metrics::Counter::k_connected);
  stage_ = Stage::kConnected;
  if (HopBudgetSpent()) return Close(Cause::kHopBudget, Side::kDownstream, OsError{}, true, true);
  RegisterOutbound(reached);
  Relay();
}

// The accept of a connection may be seen before its own connect is: then whoever made it registers
// it a moment later. So this is asked twice, the second time when an onward connect has taken its
// time as well.
bool Flow::HopBudgetSpent() {
  const redirect::LoopGuard& guard = *host_.loop_guard;
  if (hops_ == 0) hops_ = guard.HopsOf(info_.client, down_.socket.local());
  // Whoever connects through a driver in the kernel knows only where it was going to.
  if (hops_ == 0 && host_.redirector->redirects() && host_.port->platform() == nullptr) {
    hops_ = guard.HopsOf(info_.client, info_.destination);
  }
  return hops_ > guard.policy().hops_max;
}

// Only a connection that stays on this machine can come back to us by itself; and if nobody
// redirects it, only one to a listener of ours. The others are spared the call that asks for the
// address.
void Flow::RegisterOutbound(const Address& reached) {
  if (!host_.own_listeners->IsLocal(info_.destination)) return;
  const bool may_return =
      host_.redirector->redirects() || host_.loop_guard->MayReachListener(info_.destination);
  if (!may_return || up_.socket.local().empty()) return;
  registered_ = host_.loop_guard->AddOutbound(up_.socket.local(), reached, hops_ + 1);
}

// Before the socket goes: its address may belong to somebody else right after.
void Flow::ForgetOutbound() {
  if (registered_ == 0) return;
  host_.loop_guard->RemoveOutbound(up_.socket.local(), std::exchange(registered_, 0));
}

void Flow::LeaveLoopGuard() {
  ForgetOutbound();
  if (std::exchange(entered_, false)) host_.loop_guard->Leave(info_.destination);
}

void Flow::Notice(metrics::Counter counter) {
  Count(counter);
  if (host_.noticed != nullptr) host_.noticed(host_.owner, *this, counter);
}

// connected -> relaying
void Flow::Relay() {
  stage_ = Stage::kRelaying;
  last_activity_ = host_.port->now();
  ack_held_ = true;
  StartTimer(last_activity_ + kHoldAck);
  up_pump_.Start();
  down_pump_.Start();
}

// A client that is to speak first has done so by now, or the origin hears of us without it.
void Flow::ReleaseAck() {
  if (!std::exchange(ack_held_, false)) return;
  const bool carried = up_pump_.has_received() && !up_pump_.has_unsent();
  if (!carried && up_.socket.is_open()) host_.port->AckNow(up_.socket);
}

// A hint: refused, it changes nothing but how soon a peer that went without a word is noticed.
void Flow::KeepAlive() {
  const FlowPolicy& policy = *host_.policy;
  if (std::exchange(kept_alive_, true) || policy.keepalive_idle == 0) return;
  for (Leg* leg : {&down_, &up_}) {
    host_.port->KeepAlive(leg->socket, policy.keepalive_idle, policy.keepalive_interval);
  }
}

// relaying -> closing, when both directions are done.
void Flow::OnPumpFinished(Pump& pump) {
  if (flushing()) {
    // Everything that came before the reset has been handed on.
    return Close(reason_.cause, reason_.side, reason_.error, true, true);
  }
  if (ending_) {
    Leg& to = LegTo(pump.direction());
    const OsError error = host_.port->ShutdownSend(to.socket);
    return error.ok() ? CloseIfEnded() : OnLegError(to, error);
  }
  const Pump& other = &pump == &up_pump_ ? down_pump_ : up_pump_;
  if (other.finished()) {
    // close() itself sends the last FIN.
    return Close(Cause::kFinished, Side::kNone, OsError{}, false, false);
  }
  Leg& to = &pump == &up_pump_ ? up_ : down_;
  const OsError error = host_.port->ShutdownSend(to.socket);
  if (!error.ok()) return OnLegError(to, error);
  last_activity_ = host_.port->now();
  StartTimer(last_activity_ +
             std::min(host_.policy->reset_check_every, host_.policy->half_closed_timeout));
}

// relaying -> closing, because one side broke.
void Flow::OnLegError(Leg& leg, OsError error) {
  if (stage_ != Stage::kRelaying) return OnOperationEnded();
  const Side side = &leg == &down_ ? Side::kDownstream : Side::kUpstream;
  if (side == reset_side_) return PumpTo(leg).DropQueue();
  Pump& pump_from = PumpFrom(leg);
  // Bytes that wait for more of them get none.
  pump_from.DecideNow();
  if (stage_ != Stage::kRelaying) return OnOperationEnded();
  // A failed send tells of a reset too, but what the peer said before it may still be on its way to
  // us.
  if (flushing() || pump_from.finished() || !pump_from.has_unsent()) {
    return Close(Cause::kReset, side, error, true, true);
  }
  SetReason(Cause::kReset, side, error);
  reset_side_ = side;
  pump_from.StopReceiving();
  PumpTo(leg).StopReceiving();
  if (&leg == &up_) ForgetOutbound();
  host_.port->Abort(leg.socket);
  host_.timers->Start(timer_, host_.port->now() + host_.policy->linger_timeout);
  // What was decided just now is not on its way yet.
  pump_from.GoOn();
}

void Flow::Terminate(Cause cause) {
  if (!started_ || stage_ >= Stage::kClosing) return;
  Close(cause, Side::kEngine, OsError{}, true, true);
}

void Flow::SetReason(Cause cause, Side side, OsError error) {
  if (reason_set_) return;
  reason_set_ = true;
  reason_ = CloseReason{cause, side, stage_, error};
}

void Flow::Close(Cause cause, Side side, OsError error, bool reset_down, bool reset_up) {
  if (stage_ >= Stage::kClosing) return;
  SetReason(cause, side, error);
  stage_ = Stage::kClosing;
  host_.timers->Stop(timer_);
  LeaveLoopGuard();
  if (opening_ != nullptr) {
    opening_->query.Cancel();
    opening_->carry.Cancel();
    opening_->connector.Cancel();
  }
  up_pump_.Withdraw();
  down_pump_.Withdraw();
  if (inspection_ != nullptr) host_.timers->Stop(inspection_->timer);
  up_pump_.StopReceiving();
  down_pump_.StopReceiving();
  if (reset_down) {
    host_.port->Abort(down_.socket);
  } else {
    host_.port->Close(down_.socket);
  }
  // An origin that has not heard of the connection would not hear of its reset either.
  ReleaseAck();
  if (reset_up) {
    host_.port->Abort(up_.socket);
  } else {
    host_.port->Close(up_.socket);
  }
  JoinIfIdle();
}

void Flow::OnOperationEnded() {
  if (stage_ == Stage::kClosing) JoinIfIdle();
}

// closing -> joined
void Flow::JoinIfIdle() {
  if (stage_ != Stage::kClosing) return;
  if (!down_.joined() || !up_.joined()) return;
  if (opening_ != nullptr && !opening_->idle()) return;
  EndOpening();
  stage_ = Stage::kJoined;
  up_pump_.DropQueue();
  down_pump_.DropQueue();
  EndInspection(InspectionEnd::kEnded);
  Count(metrics::Counter::k_joined);
  Notice(CounterOf(reason_.cause));
  host_.joined(host_.owner, *this);
}

void Flow::OnTimer() {
  switch (stage_) {
    case Stage::kAccepted:
    case Stage::kQueried:
    case Stage::kAdmitted:
      return Close(Cause::kQueryTimeout, Side::kEngine, OsError{}, true, true);
    case Stage::kRelaying:
      return CheckRelaying(host_.port->now());
    default:
      return;
  }
}

void Flow::StartTimer(Instant when) { host_.timers->Start(timer_, std::min(when, lifetime_end_)); }

// One timer serves the lifetime, the idle, the half-closed and the linger deadline and the quiet
// period: activity only notes the time, and the timer looks at it when it fires.
void Flow::CheckRelaying(Instant now) {
  const FlowPolicy& policy = *host_.policy;
  if (flushing()) return Close(reason_.cause, reason_.side, reason_.error, true, true);
  if (ending_) return Close(reason_.cause, reason_.side, reason_.error, false, false);
  const bool first_look = ack_held_;
  ReleaseAck();
  if (now >= lifetime_end_) {
    return Close(Cause::kLifetime, Side::kEngine, OsError{}, true, true);
  }
  const bool half_closed = up_pump_.finished() || down_pump_.finished();
  const Instant end =
      last_activity_ + (half_closed ? policy.half_closed_timeout : policy.idle_timeout);
  if (now >= end) {
    return Close(half_closed ? Cause::kHalfClosed : Cause::kIdle, Side::kEngine, OsError{}, true,
                 true);
  }
  if (half_closed && EndedByLateReset()) return;
  Instant next = end;
  if (policy.quiet_after > 0) next = last_activity_ + policy.quiet_after;
  if (now >= next) {
    up_pump_.BecomeQuiet();
    down_pump_.BecomeQuiet();
    // From here on a look now and then is enough to notice that it woke and fell quiet again.
    next = now + 16 * policy.quiet_after;
  }
  if (half_closed) next = std::min(next, now + policy.reset_check_every);
  if (first_look) {
    next = std::min(next, now + kLasts);
  } else {
    KeepAlive();
  }
  StartTimer(std::min(end, next));
}

// A leg whose stream has ended has no receive armed that would tell of a reset behind the FIN;
// until the next send only a question does.
bool Flow::EndedByLateReset() {
  for (Leg* leg : {&down_, &up_}) {
    if (!PumpFrom(*leg).finished() || !host_.port->WasReset(leg->socket)) continue;
    OnLegError(*leg, OsError{ErrorCode::kReset, 0});
    return true;
  }
  return false;
}

}  // namespace sluice::flow
