// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/engine_part.h"

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/runtime/engine.h"

namespace sluice::runtime {
namespace {

constexpr int kVerdictsATurn = 256;

}  // namespace

EnginePart::EnginePart(Engine& engine, Worker& worker) : engine_(engine), worker_(worker) {
  host_.port = &worker.port();
  host_.timers = &worker.timers();
  host_.slab = &worker.slab();
  host_.buffers = &worker.buffers();
  host_.starved = &worker.starved();
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
  host_.loop_guard = &engine.runtime_.loop_guard();
  if (engine.options_.inspector != nullptr) OpenDesk();
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
  auto listener = std::make_unique<net::Listener>(worker_.port(), worker_.timers(), options);
  listener->Bind(
      this,
      [](void* self, io::AcceptedSocket accepted) {
        static_cast<EnginePart*>(self)->OnAccepted(accepted);
      },
      [](void* self, OsError error) { static_cast<EnginePart*>(self)->OnAcceptFailed(error); },
      [](void* self) {
        EnginePart* part = static_cast<EnginePart*>(self);
        --part->listening_;
        part->ReportIfDrained();
      });
  const OsError error = listener->Listen(local);
  if (!error.ok()) return error;
  *bound = listener->local();
  ++listening_;
  listeners_.push_back(std::move(listener));
  return error;
}

void EnginePart::BeginAccepting() {
  for (const std::unique_ptr<net::Listener>& listener : listeners_) listener->BeginAccepting();
}

// Gives the connection to the less loaded of two workers: this one, and another in turn. The
// accepted socket belongs to no port yet, so it can still go anywhere.
void EnginePart::OnAccepted(io::AcceptedSocket accepted) {
  counters_.Add(metrics::Counter::k_accepted);
  const std::size_t workers = engine_.parts_.size();
  if (workers > 1) {
    rotation_ = (rotation_ + 1) % workers;
    EnginePart& other = *engine_.parts_[rotation_];
    if (&other != this && other.worker_.load() < worker_.load() &&
        other.worker_.GiveConnection(&other, accepted)) {
      counters_.Add(metrics::Counter::k_handed_over);
      return;
    }
  }
  Take(accepted);
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
  const inspect::FlowInfo& info = flow.info();
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

void EnginePart::Take(io::AcceptedSocket accepted) {
  if (draining_) return io::Port::Discard(accepted, worker_.port().platform());
  if (engine_.flows_.fetch_add(1, std::memory_order_relaxed) >= engine_.options_.flows_max) {
    engine_.flows_.fetch_sub(1, std::memory_order_relaxed);
    counters_.Add(metrics::Counter::k_refused_limit);
    return io::Port::Discard(accepted, worker_.port().platform());
  }
  flow::Flow* flow = worker_.MakeFlow(host_);
  flows_.PushBack(*flow);
  flow->Start(accepted);
}

void EnginePart::OnJoined(flow::Flow& flow) {
  flows_.Remove(flow);
  engine_.flows_.fetch_sub(1, std::memory_order_relaxed);
  worker_.Retire(flow);
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
  const int taken = desk_->TakeResolved(kVerdictsATurn, [](void* pump, inspect::Verdict verdict) {
    static_cast<flow::Pump*>(pump)->OnVerdict(verdict);
  });
  if (taken == kVerdictsATurn && desk_->HasResolved()) PostVerdictsCame();
  ReportIfDrained();
}

void EnginePart::OnVerdictDeadline() {
  desk_->Expire(worker_.port().now(), kVerdictsATurn, [this](void* pump) {
    counters_.Add(metrics::Counter::k_pending_expired);
    static_cast<flow::Pump*>(pump)->OnVerdict(engine_.options_.policy.pending_default);
  });
  // What the budget left is due at once.
  if (desk_->waiting() > 0) worker_.timers().Start(verdict_timer_, desk_->NextDeadline());
}

void EnginePart::StopListening() {
  for (const std::unique_ptr<net::Listener>& listener : listeners_) listener->Stop();
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
  reported_ = true;
  engine_.OnPartDrained();
}

}  // namespace sluice::runtime
