// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/engine_part.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/runtime/engine.h"

namespace sluice::runtime {
namespace {

constexpr int kVerdictsATurn = 256;
constexpr int kTapRecordsATurn = 64;

}  // namespace

EnginePart::EnginePart(Engine& engine, Worker& worker) : engine_(engine), worker_(worker) {
  host_.port = &worker.port();
  host_.timers = &worker.timers();
  host_.slab = &worker.slab();
  host_.buffers = &worker.buffers();
  host_.pools = &worker.pools();
  host_.starved = &worker.starved();
  host_.budget = &budget_;
  host_.pace = &pace_;
  if (engine.options_.buffered_max != 0) {
    // An even share: a count of all workers would be a cache line that each receive fights for.
    budget_.max =
        std::max<std::size_t>(1, engine.options_.buffered_max / engine.runtime_.workers());
  }
  host_.counters = &counters_;
  host_.redirector = engine.options_.redirector.get();
  host_.own_listeners = &engine.own_listeners_;
  host_.inspector = engine.options_.inspector;
  host_.policy = &engine.options_.policy;
  host_.sources = net::SourceList(engine.options_.sources);
  host_.next_flow_id = &engine.runtime_.next_flow_id();
  host_.engine_name = engine.options_.name.c_str();
  host_.owner = this;
  host_.joined = [](void* self, flow::Flow& flow) {
    static_cast<EnginePart*>(self)->OnJoined(flow);
  };
  host_.noticed = [](void* self, const flow::Flow& flow, metrics::Counter counter) {
    static_cast<EnginePart*>(self)->OnNoticed(flow, counter);
  };
  host_.limited = [](void* self, metrics::Counter counter) {
    static_cast<EnginePart*>(self)->OnLimited(counter);
  };
  host_.loop_guard = &engine.runtime_.loop_guard();
  if (engine.options_.inspector != nullptr) OpenDesk();
  LimitInspector();
  if (engine.options_.tap != nullptr) OpenTap();
  // The other candidate starts behind this worker, so that few connections do not all meet at
  // worker 0.
  rotation_ = static_cast<std::size_t>(worker.index());
}

EnginePart::~EnginePart() {
  SLUICE_CHECK(flows_.empty());
  SLUICE_CHECK(listening_ == 0);
}

OsError EnginePart::Listen(const Address& local, const net::ListenerOptions& options,
                           Address* bound) {
  const auto index = static_cast<std::uint32_t>(listeners_.size());
  auto listening = std::make_unique<Listening>(*this, index, options);
  const OsError error = listening->listener.Listen(local);
  if (!error.ok()) return error;
  LimitRates(*listening);
  *bound = listening->listener.local();
  ++listening_;
  listeners_.push_back(std::move(listening));
  return error;
}

EnginePart::Listening::Listening(EnginePart& owner, std::uint32_t number,
                                 const net::ListenerOptions& options)
    : part(owner), index(number), listener(part.worker_.port(), part.worker_.timers(), options) {
  listener.Bind(
      this,
      [](void* self, io::AcceptedSocket accepted) {
        auto* listening = static_cast<Listening*>(self);
        listening->part.OnAccepted(listening->index, accepted);
      },
      [](void* self, OsError error) { static_cast<Listening*>(self)->part.OnAcceptFailed(error); },
      [](void* self) {
        EnginePart& ended = static_cast<Listening*>(self)->part;
        --ended.listening_;
        ended.ReportIfDrained();
      });
}

// The engine's rate and the listener's own.
void EnginePart::LimitRates(Listening& listening) {
  const auto limit = [&](const AdmissionLimits& limits, std::optional<net::TokenBucket>& bucket) {
    if (limits.accepts_per_second == 0) return;
    const std::uint64_t burst =
        limits.accepts_burst != 0 ? limits.accepts_burst : limits.accepts_per_second;
    if (!bucket) bucket.emplace(limits.accepts_per_second, burst, worker_.port().now());
    listening.listener.LimitRate(&*bucket, [](void* self, const net::TokenBucket& empty) {
      static_cast<Listening*>(self)->part.OnRatePaused(empty);
    });
  };
  limit(engine_.admission_.limits(), rate_);
  limit(engine_.listener_admissions_[listening.index]->limits(), listening.rate);
}

void EnginePart::BeginAccepting() {
  for (const auto& listening : listeners_) listening->listener.BeginAccepting();
}

// Gives the connection to the less loaded of two workers: this one, and another in turn. The
// accepted socket belongs to no port yet, so it can still go anywhere.
void EnginePart::OnAccepted(std::uint32_t listener, io::AcceptedSocket accepted) {
  counters_.Add(metrics::Counter::k_accepted);
  if (!Admit(listener, accepted.peer)) {
    return io::Port::Discard(accepted, worker_.port().platform());
  }
  const std::size_t workers = engine_.parts_.size();
  if (workers > 1) {
    rotation_ = (rotation_ + 1) % workers;
    EnginePart& other = *engine_.parts_[rotation_];
    if (&other != this && other.worker_.load() < worker_.load() &&
        other.worker_.GiveConnection(&other, accepted, listener)) {
      counters_.Add(metrics::Counter::k_handed_over);
      return;
    }
  }
  Take(accepted, listener);
}

// Asked here and not when the flow is made: no hand-over for a connection that is refused.
bool EnginePart::Admit(std::uint32_t listener, const Address& client) {
  if (!AdmitTo(engine_.admission_, "", client)) return false;
  if (AdmitTo(*engine_.listener_admissions_[listener], "of its listener ", client)) return true;
  engine_.admission_.Leave(client);
  return false;
}

bool EnginePart::AdmitTo(Admission& admission, const char* whose, const Address& client) {
  const AdmissionLimits& limits = admission.limits();
  switch (admission.Enter(client)) {
    case Admission::Answer::kAdmitted:
      return true;
    case Admission::Answer::kTooManyFlows:
      counters_.Add(metrics::Counter::k_refused_flows);
      Say(metrics::Counter::k_refused_flows, LogLevel::kWarning, [&] {
        return absl::StrCat("limit ", whose, "flows_max=", limits.flows_max, " reached: refusing");
      });
      return false;
    case Admission::Answer::kTooManyOfSource:
      counters_.Add(metrics::Counter::k_refused_source);
      Say(metrics::Counter::k_refused_source, LogLevel::kWarning, [&] {
        const std::string source = client.Canonical().WithPort(0).ToString();
        return absl::StrCat("limit ", whose, "flows_per_source_max=", limits.flows_per_source_max,
                            " reached by ", source.substr(0, source.rfind(':')), ": refusing");
      });
      return false;
  }
  return false;
}

void EnginePart::LeaveAdmission(std::uint32_t listener, const Address& client) {
  engine_.listener_admissions_[listener]->Leave(client);
  engine_.admission_.Leave(client);
}

void EnginePart::OnRatePaused(const net::TokenBucket& empty) {
  counters_.Add(metrics::Counter::k_paused_rate);
  Say(metrics::Counter::k_paused_rate, LogLevel::kWarning, [&] {
    const bool of_engine = rate_.has_value() && &*rate_ == &empty;
    return absl::StrCat("limit ", of_engine ? "" : "of a listener ",
                        "accepts_per_second=", empty.per_second(), " reached: accepting pauses");
  });
}

void EnginePart::OnLimited(metrics::Counter counter) {
  Say(counter, LogLevel::kWarning, [&] { return LimitText(counter); });
}

std::string EnginePart::LimitText(metrics::Counter counter) const {
  switch (counter) {
    case metrics::Counter::k_refused_memory:
      return "no memory for another flow: refusing";
    case metrics::Counter::k_starved:
      return absl::StrCat("limit slab.chunks_max=", host_.slab->chunks_max(),
                          " reached: reading pauses");
    case metrics::Counter::k_paused_buffered:
      return absl::StrCat("limit buffered_max=", engine_.options_.buffered_max,
                          " reached: reading pauses");
    case metrics::Counter::k_records_untapped:
      return absl::StrCat("limit tap_bytes_max=", tap_ring_->capacity(), " reached: tap ",
                          engine_.options_.tap->name(), " misses records");
    default:
      return InspectorText(counter);
  }
}

std::string EnginePart::InspectorText(metrics::Counter counter) const {
  const std::string who = absl::StrCat("inspector ", engine_.options_.inspector->name());
  switch (counter) {
    case metrics::Counter::k_refused_pending:
      if (desk_->waiting() < host_.policy->pending_max) {
        return absl::StrCat(who, " pended without a token: the default verdict holds");
      }
      return absl::StrCat("limit pending_max=", host_.policy->pending_max,
                          " reached: the default verdict holds");
    case metrics::Counter::k_slow_callbacks:
      return absl::StrCat(who, ": a call took ", host_.slow_call / kMillisecond,
                          " ms, and all flows of its worker waited");
    case metrics::Counter::k_refused_opens:
      return absl::StrCat(
          "limit inspector_opens_per_second=", engine_.options_.inspector_opens_per_second,
          " reached: ", who, " is not asked, its verdict is opens_exceeded");
    default:
      return absl::StrCat(who, " threw, or said what is not allowed: the default verdict holds");
  }
}

void EnginePart::OnAcceptFailed(OsError error) {
  counters_.Add(metrics::Counter::k_accept_errors);
  Say(metrics::Counter::k_accept_errors, LogLevel::kWarning,
      [&] { return absl::StrCat("accept failed, will be tried again: ", error.ToString()); });
}

// What failed closed, and what went on although something failed, is worth a line; ordinary ends
// are not.
void EnginePart::OnNoticed(const flow::Flow& flow, metrics::Counter counter) {
  switch (counter) {
    case metrics::Counter::k_closed_finished:
    case metrics::Counter::k_closed_reset:
    case metrics::Counter::k_closed_idle:
    case metrics::Counter::k_closed_half_closed:
    case metrics::Counter::k_closed_lifetime:
    case metrics::Counter::k_closed_drain:
    case metrics::Counter::k_closed_inspector:
      return Say(counter, LogLevel::kDebug, [&] { return Describe(flow); });
    case metrics::Counter::k_direct_without_query:
      return Say(counter, LogLevel::kWarning, [&] {
        return absl::StrCat("redirect query failed, sent on directly by policy: ", Describe(flow));
      });
    case metrics::Counter::k_sent_without_records:
      return Say(counter, LogLevel::kWarning, [&] {
        return absl::StrCat("setting records failed, sent on without them by policy: ",
                            Describe(flow));
      });
    default:
      return Say(counter, LogLevel::kWarning, [&] { return Describe(flow); });
  }
}

std::string EnginePart::Describe(const flow::Flow& flow) const {
  const flow::FlowInfo& info = flow.info();
  std::string text = absl::StrCat("flow ", info.id, " ", info.client.ToString(), " -> ",
                                  info.destination.empty() ? "?" : info.destination.ToString());
  if (flow.stage() == flow::Stage::kJoined) absl::StrAppend(&text, ": ", flow.reason().ToString());
  return text;
}

// At most one line a second for each counter; the next one says how many were left out.
template <typename Line>
void EnginePart::Say(metrics::Counter counter, LogLevel level, Line line) {
  if (!LogEnabled(level)) return;
  Said& said = said_[static_cast<std::size_t>(counter)];
  const Instant now = worker_.port().now();
  if (said.at.ns != 0 && now - said.at < kSecond) {
    ++said.silent;
    return;
  }
  std::string text = absl::StrCat(engine_.options_.name, ": ", line());
  if (said.silent > 0) absl::StrAppend(&text, " (and ", said.silent, " more like it)");
  said = Said{now, 0};
  Log(level, text);
}

void EnginePart::Take(io::AcceptedSocket accepted, std::uint32_t listener) {
  if (draining_) {
    LeaveAdmission(listener, accepted.peer);
    return io::Port::Discard(accepted, worker_.port().platform());
  }
  flow::Flow* flow = worker_.MakeFlow(host_);
  if (flow == nullptr) {
    counters_.Add(metrics::Counter::k_refused_memory);
    OnLimited(metrics::Counter::k_refused_memory);
    LeaveAdmission(listener, accepted.peer);
    return io::Port::Discard(accepted, worker_.port().platform());
  }
  flows_.PushBack(*flow);
  flow->Start(accepted, listener);
}

void EnginePart::OnJoined(flow::Flow& flow) {
  flows_.Remove(flow);
  LeaveAdmission(flow.info().listener, flow.info().client);
  worker_.Retire(flow);
  ReportIfDrained();
}

// An even share for each worker, as of buffered bytes.
void EnginePart::LimitInspector() {
  const EngineOptions& options = engine_.options_;
  const std::uint64_t workers = engine_.runtime_.workers();
  if (options.inspector_bytes_per_second != 0) {
    pace_.bytes_per_second =
        std::max<std::uint64_t>(1, options.inspector_bytes_per_second / workers);
  }
  if (options.inspector_opens_per_second != 0) {
    const std::uint64_t rate =
        std::max<std::uint64_t>(1, options.inspector_opens_per_second / workers);
    // Full at any time. The worker runs already, and its clock is its own.
    host_.opens.emplace(rate, rate, Instant{});
  }
}

void EnginePart::OpenTap() {
  tap_ring_ = &engine_.tap_reader_->AddRing(engine_.options_.tap_bytes_max);
  if (engine_.runtime_.caller_driven()) {
    tap_due_.Bind(this, [](void* self) { static_cast<EnginePart*>(self)->OnTapDue(); });
    tap_ = std::make_unique<inspect::TapWriter>(
        *tap_ring_, this, [](void* self) { static_cast<EnginePart*>(self)->OnTapWritten(); });
  } else {
    tap_ = std::make_unique<inspect::TapWriter>(
        *tap_ring_, engine_.tap_reader_.get(),
        [](void* reader) { static_cast<inspect::TapReader*>(reader)->Wake(); });
  }
  host_.tap = tap_.get();
}

void EnginePart::OnTapWritten() {
  if (!tap_on_way_) tap_on_way_ = worker_.port().Post(tap_due_);
}

void EnginePart::OnTapDue() {
  tap_on_way_ = false;
  if (engine_.tap_reader_->Drain(*tap_ring_, kTapRecordsATurn)) OnTapWritten();
  ReportIfDrained();
}

// Verdicts that come later.
void EnginePart::OpenDesk() {
  const flow::FlowPolicy& policy = engine_.options_.policy;
  inspect::DeskOptions options;
  options.slots = policy.pending_max;
  options.given_up = policy.pending_default;
  options.waiting_total = &worker_.verdicts();
  options.wake_owner = this;
  options.wake = [](void* self) { static_cast<EnginePart*>(self)->PostVerdictsCame(); };
  desk_ = std::make_unique<inspect::VerdictDesk>(options);
  verdicts_came_.Bind(this, [](void* self) { static_cast<EnginePart*>(self)->OnVerdictsCame(); });
  verdict_timer_.Bind<&EnginePart::OnVerdictDeadline>(this);
  host_.desk = desk_.get();
  host_.pended = [](void* self) { static_cast<EnginePart*>(self)->OnPended(); };
}

// Any thread. Counted before it is posted: it may run before Post returns.
void EnginePart::PostVerdictsCame() {
  verdicts_on_way_.fetch_add(1, std::memory_order_acq_rel);
  if (worker_.port().Post(verdicts_came_)) return;
  verdicts_on_way_.fetch_sub(1, std::memory_order_acq_rel);
}

void EnginePart::OnPended() {
  if (!verdict_timer_.running()) worker_.timers().Start(verdict_timer_, desk_->NextDeadline());
}

void EnginePart::OnVerdictsCame() {
  verdicts_on_way_.fetch_sub(1, std::memory_order_acq_rel);
  const int taken = desk_->TakeResolved(kVerdictsATurn, [](void* owner, Answer& answer) {
    auto* look = static_cast<flow::Looking*>(owner);
    look->flow.OnVerdict(*look, answer);
  });
  if (taken == kVerdictsATurn && desk_->HasResolved()) PostVerdictsCame();
  ReportIfDrained();
}

void EnginePart::OnVerdictDeadline() {
  desk_->Expire(worker_.port().now(), kVerdictsATurn, [this](void* owner) {
    counters_.Add(metrics::Counter::k_pending_expired);
    auto* look = static_cast<flow::Looking*>(owner);
    Answer answer;
    answer.verdict = engine_.options_.policy.pending_default;
    look->flow.OnVerdict(*look, answer);
  });
  // What the budget left is due at once.
  if (desk_->waiting() > 0) worker_.timers().Start(verdict_timer_, desk_->NextDeadline());
}

void EnginePart::StopListening() {
  for (const auto& listening : listeners_) listening->listener.Stop();
}

void EnginePart::Drain() {
  // What listeners of other workers gave before they stopped is still this part's, and there may be
  // more of it than one turn takes.
  worker_.TakeAllConnections();
  draining_ = true;
  ReportIfDrained();
}

void EnginePart::TerminateFlows() {
  flows_.ForEach([](flow::Flow& flow) { flow.Terminate(flow::Cause::kDrain); });
}

void EnginePart::ReportIfDrained() {
  if (!draining_ || reported_) return;
  if (listening_ != 0 || !flows_.empty()) return;
  if (desk_ != nullptr) {
    desk_->Close();
    worker_.timers().Stop(verdict_timer_);
    // Closed, so no wake is under way and the count is exact. The message comes back here.
    if (verdicts_on_way_.load(std::memory_order_acquire) != 0) return;
  }
  if (tap_on_way_) return;
  reported_ = true;
  engine_.OnPartDrained();
}

}  // namespace sluice::runtime
