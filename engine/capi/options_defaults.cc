// SPDX-License-Identifier: Apache-2.0
#include "engine/capi/options_defaults.h"

#include "engine/capi/border.h"
#include "engine/capi/table.h"
#include "sluice/engine.h"
#include "sluice/redirect.h"
#include "sluice/runtime.h"

namespace sluice::capi {

sluice_worker_options WorkerDefaults() {
  const WorkerOptions from;
  sluice_worker_options out{};
  out.size = sizeof out;
  out.chunk_bytes = from.chunk_bytes;
  out.chunks_max = from.chunks_max;
  out.queue_depth = from.queue_depth;
  out.handover_max = from.handover_max;
  out.stall_timeout = NanosOf(from.stall_timeout);
  return out;
}

sluice_loop_policy LoopDefaults() {
  const LoopPolicy from;
  sluice_loop_policy out{};
  out.size = sizeof out;
  out.hops_max = from.hops_max;
  out.growth_max = from.growth_max;
  out.window = NanosOf(from.window);
  out.rest = NanosOf(from.rest);
  return out;
}

sluice_runtime_options RuntimeDefaults() {
  sluice_runtime_options out{};
  out.size = sizeof out;
  out.workers = RuntimeOptions().workers;
  out.thread_name = ToView("sluice");
  return out;
}

sluice_listener_options ListenerDefaults() {
  const ListenerOptions from;
  sluice_listener_options out{};
  out.size = sizeof out;
  out.backlog = from.backlog;
  out.accepts = from.accepts;
  out.reuse_port = from.reuse_port ? 1 : 0;
  out.dual_stack = from.dual_stack ? 1 : 0;
  out.retry_first = NanosOf(from.retry_first);
  out.retry_longest = NanosOf(from.retry_longest);
  return out;
}

sluice_flow_policy PolicyDefaults() {
  const FlowPolicy from;
  sluice_flow_policy out{};
  out.size = sizeof out;
  out.splice = from.splice ? 1 : 0;
  out.query_timeout = NanosOf(from.query_timeout);
  out.connect_timeout = NanosOf(from.connect_timeout);
  out.idle_timeout = NanosOf(from.idle_timeout);
  out.half_closed_timeout = NanosOf(from.half_closed_timeout);
  out.lifetime = NanosOf(from.lifetime);
  out.reset_check_every = NanosOf(from.reset_check_every);
  out.linger_timeout = NanosOf(from.linger_timeout);
  out.quiet_after =
      from.quiet_after.has_value() ? NanosOf(*from.quiet_after) : SLUICE_QUIET_BY_SYSTEM;
  out.queue_high = from.queue_high;
  out.on_query_failure = static_cast<std::int32_t>(from.on_query_failure);
  out.on_carry_failure = static_cast<std::int32_t>(from.on_carry_failure);
  out.keepalive_idle = NanosOf(from.keepalive_idle);
  out.keepalive_interval = NanosOf(from.keepalive_interval);
  return out;
}

sluice_flow_limits LimitsDefaults() {
  const FlowLimits from = EngineOptions().limits;
  sluice_flow_limits out{};
  out.size = sizeof out;
  out.flows_max = from.flows_max;
  out.flows_per_source_max = from.flows_per_source_max;
  out.accepts_per_second = from.accepts_per_second;
  out.accepts_burst = from.accepts_burst;
  return out;
}

sluice_inspection_policy InspectionDefaults() {
  const InspectionPolicy from;
  sluice_inspection_policy out{};
  out.size = sizeof out;
  out.default_verdict = static_cast<std::int32_t>(from.default_verdict);
  out.pending_max = from.pending_max;
  out.opens_exceeded = static_cast<std::int32_t>(from.opens_exceeded);
  out.pending_timeout = NanosOf(from.pending_timeout);
  out.more_bytes_max = from.more_bytes_max;
  out.more_timeout = NanosOf(from.more_timeout);
  out.slow_after = NanosOf(from.slow_after);
  out.flow_bytes_per_second = from.flow_bytes_per_second;
  out.bytes_per_second = from.bytes_per_second;
  out.opens_per_second = from.opens_per_second;
  return out;
}

sluice_wfp_options WfpDefaults() {
  const WfpRedirectOptions from;
  sluice_wfp_options out{};
  out.size = sizeof out;
  out.standard_codecs = from.standard_codecs ? 1 : 0;
  out.records_first = from.records_first;
  out.context_first = from.context_first;
  return out;
}

sluice_engine_options EngineDefaults() {
  sluice_engine_options out{};
  out.size = sizeof out;
  out.name = ToView("sluice");
  out.buffered_max = EngineOptions().buffered_max;
  out.tap_bytes_max = EngineOptions().tap_bytes_max;
  return out;
}

namespace {

template <typename T, T (*kDefaults)()>
void InitBy(T* out, std::size_t size) {
  Init(out, size, kDefaults());
}

}  // namespace

void AddOptions(sluice_api& table) {
  table.worker_options_init = &InitBy<sluice_worker_options, &WorkerDefaults>;
  table.loop_policy_init = &InitBy<sluice_loop_policy, &LoopDefaults>;
  table.runtime_options_init = &InitBy<sluice_runtime_options, &RuntimeDefaults>;
  table.listener_options_init = &InitBy<sluice_listener_options, &ListenerDefaults>;
  table.flow_policy_init = &InitBy<sluice_flow_policy, &PolicyDefaults>;
  table.flow_limits_init = &InitBy<sluice_flow_limits, &LimitsDefaults>;
  table.inspection_policy_init = &InitBy<sluice_inspection_policy, &InspectionDefaults>;
  table.wfp_options_init = &InitBy<sluice_wfp_options, &WfpDefaults>;
  table.engine_options_init = &InitBy<sluice_engine_options, &EngineDefaults>;
}

}  // namespace sluice::capi
