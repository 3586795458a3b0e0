// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/checks.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace sluice::sim {
namespace {

using metrics::Counter;

// An RST is passed on within this time when nothing stands in its way.
constexpr Nanos kResetLatency = 30 * kSecond;
// Between a deadline and what the far ends see of it.
constexpr Nanos kSlack = kSecond;

// One direction: what `to` saw is what `from` said.
void CheckDirection(const std::string& name, const Story& from, const Story& to,
                    const StreamModel* model, Complaints* complaints) {
  const auto complain = [&](const char* text) {
    complaints->push_back(absl::StrCat(name, ": ", text));
  };
  if (to.garbled) complain("bytes differ or changed order");
  const std::size_t total = model != nullptr ? model->Total(from.sent) : from.sent;
  if (to.received > total) complain("received more than was sent");
  if (!to.saw_fin || (model != nullptr && model->closed)) return;
  if (!from.fin_sent) complain("FIN that nobody sent");
  if (to.received != total) complain("FIN before the last byte");
}

// `from` ended with RST: `to` must learn of it, in time. Behind a FIN that matters only to an end
// that goes on for ever.
void CheckReset(const std::string& name, const Story& from, const Story& to,
                const Script& to_script, bool prompt, Complaints* complaints) {
  if (!from.aborted) return;
  if (from.fin_sent && to_script.finish != Script::Finish::kNever) return;
  if (!to.connected || to.aborted) return;
  if (!to.saw_reset) {
    complaints->push_back(absl::StrCat(name, ": RST was not passed on as RST"));
  } else if (prompt && to.done_at - from.aborted_at > kResetLatency) {
    complaints->push_back(absl::StrCat(name, ": RST was passed on ",
                                       (to.done_at - from.aborted_at) / kMillisecond, " ms late"));
  }
}

// One direction is finished and the other silent: the engine ends such a flow, and in time.
void CheckHalfClosed(const std::string& name, const Story& client, const Story& server,
                     const flow::FlowPolicy& policy, Complaints* complaints) {
  if (client.saw_fin == server.saw_fin || client.aborted || server.aborted) return;
  const Instant silent_from = std::max(client.active_at, server.active_at);
  const Instant end = std::min(client.done_at, server.done_at);
  if (end - silent_from <= policy.half_closed_timeout + kSlack) return;
  complaints->push_back(absl::StrCat(name, ": half-closed and silent for ",
                                     (end - silent_from) / kMillisecond, " ms"));
}

// The engine may have cut this connection short, by a deadline or a limit that the seed made small.
bool Excused(const Surroundings& around) {
  const metrics::Snapshot& metrics = *around.metrics;
  const flow::FlowPolicy usual;
  return around.disturbed || around.policy->idle_timeout < usual.idle_timeout ||
         around.policy->half_closed_timeout < usual.half_closed_timeout ||
         metrics[Counter::k_pending_expired] + metrics[Counter::k_refused_pending] +
                 metrics[Counter::k_refused_flows] + metrics[Counter::k_closed_lifetime] +
                 metrics[Counter::k_closed_stalled] + metrics[Counter::k_refused_opens] +
                 metrics[Counter::k_bad_verdict] !=
             0;
}

bool SaysFinByItself(const Script& script) {
  return script.finish == Script::Finish::kWhenSent ||
         script.finish == Script::Finish::kFinThenAbort;
}

bool CanAbort(const Script& script, const Script& other) {
  return script.finish == Script::Finish::kAbort &&
         (other.bytes >= script.abort_received || SaysFinByItself(other));
}

// What both ends want leads to an end without anybody's deadline.
bool EndsByItself(const Plan& plan) {
  if (CanAbort(plan.client, plan.server) || CanAbort(plan.server, plan.client)) return true;
  for (const Script* script : {&plan.client, &plan.server}) {
    if (script->finish == Script::Finish::kNever || script->finish == Script::Finish::kAbort) {
      return false;
    }
  }
  return SaysFinByItself(plan.client) || SaysFinByItself(plan.server);
}

}  // namespace

void CheckConnection(std::size_t index, const Plan& plan, const Story& client, const Story& server,
                     const Surroundings& around, Complaints* complaints) {
  const std::string up = absl::StrCat("connection ", index, " up");
  const std::string down = absl::StrCat("connection ", index, " down");
  CheckDirection(up, client, server, around.up, complaints);
  CheckDirection(down, server, client, around.down, complaints);
  // Whoever it ended has nothing more to learn of the other.
  if (around.up != nullptr && around.up->closed) return;
  // A far end that stalls makes its own silence.
  if (!around.disturbed && plan.client.stall == 0 && plan.server.stall == 0) {
    CheckHalfClosed(up, client, server, *around.policy, complaints);
  }
  const bool undisturbed = !Excused(around);
  const bool prompt = undisturbed && plan.client.stall == 0 && plan.server.stall == 0;
  if (server.connected) {
    CheckReset(up, client, server, plan.server, prompt, complaints);
    CheckReset(down, server, client, plan.client, prompt, complaints);
  }
  if (!undisturbed) return;
  if (plan.refused) {
    if (client.connected && !client.saw_reset && !client.aborted) {
      complaints->push_back(absl::StrCat(up, ": refused, but the client saw no RST"));
    }
    return;
  }
  if (client.aborted || server.aborted || !EndsByItself(plan)) return;
  if (!client.fin_sent || !server.fin_sent || !client.saw_fin || !server.saw_fin) {
    complaints->push_back(absl::StrCat(up, ": nobody disturbed it, but it did not finish"));
  }
}

void CheckUndisturbed(const metrics::Snapshot& metrics, Complaints* complaints) {
  for (const Counter counter : {Counter::k_closed_query_timeout, Counter::k_closed_query_failed,
                                Counter::k_closed_not_redirected, Counter::k_closed_bad_context,
                                Counter::k_closed_carry_failed, Counter::k_closed_no_resources,
                                Counter::k_closed_connect_timeout, Counter::k_closed_storm,
                                Counter::k_closed_hop_budget, Counter::k_closed_loop_guard}) {
    if (metrics[counter] == 0) continue;
    complaints->push_back(
        absl::StrCat(metrics::CounterName(counter), "=", metrics[counter], " without a fault"));
  }
}

void CheckCounters(const runtime::Engine& engine, bool altered, Complaints* complaints) {
  const metrics::Snapshot metrics = engine.Metrics();
  std::uint64_t closed = 0;
  for (std::size_t i = 0; i < metrics::kCounterCount; ++i) {
    const auto counter = static_cast<Counter>(i);
    if (metrics::CounterName(counter).substr(0, 7) == "closed_") closed += metrics[counter];
  }
  if (closed != metrics[Counter::k_joined]) {
    complaints->push_back(absl::StrCat("joined=", metrics[Counter::k_joined], " but ", closed,
                                       " flows have a reason"));
  }
  if (engine.flows() != 0) complaints->push_back("flows are left");
  if (metrics[Counter::k_bytes_copied] != 0 && !altered) complaints->push_back("bytes were copied");
}

void CheckNothingIsLeft(const runtime::LiveCounts& live, Complaints* complaints) {
  if (live.AllZero()) return;
  complaints->push_back(absl::StrCat("left: flows ", live.flows, ", sockets ", live.sockets,
                                     ", operations ", live.operations, ", chunks ", live.chunks,
                                     ", buffers ", live.buffers, ", pooled ", live.pooled,
                                     ", timers ", live.timers, ", verdicts ", live.verdicts));
}

}  // namespace sluice::sim
