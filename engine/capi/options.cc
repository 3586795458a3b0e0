// SPDX-License-Identifier: Apache-2.0
#include "engine/capi/options.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/capi/border.h"
#include "engine/capi/options_defaults.h"

namespace sluice::capi {
namespace {

static_assert(SLUICE_QUERY_FAILURE_DIRECT == static_cast<int>(OnQueryFailure::kDirect));
static_assert(SLUICE_CARRY_FAILURE_WITHOUT_RECORDS ==
              static_cast<int>(OnCarryFailure::kWithoutRecords));
static_assert(SLUICE_PASS == static_cast<int>(Verdict::kPass));
static_assert(SLUICE_MORE == static_cast<int>(Verdict::kMore));
static_assert(SLUICE_REPLACE == static_cast<int>(Verdict::kReplace));
static_assert(SLUICE_DROP == static_cast<int>(Verdict::kDrop));
static_assert(SLUICE_DETACH == static_cast<int>(Verdict::kDetach));
static_assert(SLUICE_CLOSE == static_cast<int>(Verdict::kClose));
static_assert(SLUICE_RESET == static_cast<int>(Verdict::kReset));
static_assert(SLUICE_PEND == static_cast<int>(Verdict::kPend));

constexpr char kVerdicts[] = "SLUICE_PASS, MORE, REPLACE, DROP, DETACH, CLOSE, RESET, PEND";

std::vector<Address> Addresses(const sluice_address* list, std::size_t count,
                               absl::string_view name, Reader& reader) {
  std::vector<Address> out;
  if (!reader.List(list, count, name)) return out;
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(reader.OneAddress(list[i], absl::StrCat(name, "[", i, "]")));
  }
  return out;
}

void ConvertHooks(const sluice_runtime_options& options, RuntimeOptions* out) {
  out->thread.started = options.thread_started;
  out->thread.stopping = options.thread_stopping;
  out->thread.user = options.thread_user;
  out->memory.allocate = options.memory_allocate;
  out->memory.free = options.memory_free;
  out->memory.user = options.memory_user;
  out->clock.now_ns = options.clock_now;
  out->clock.user = options.clock_user;
}

void ConvertAffinity(const sluice_runtime_options& options, RuntimeOptions* out, Reader& reader) {
  if (!reader.List(options.affinity, options.affinity_count, "affinity")) return;
  for (std::size_t i = 0; i < options.affinity_count; ++i) {
    const sluice_processors& processors = options.affinity[i];
    std::vector<int> numbers;
    if (reader.List(processors.numbers, processors.count, absl::StrCat("affinity[", i, "]"))) {
      numbers.assign(processors.numbers, processors.numbers + processors.count);
    }
    out->affinity.push_back(std::move(numbers));
  }
}

FlowLimits ConvertLimits(const sluice_flow_limits& limits) {
  FlowLimits out;
  out.flows_max = limits.flows_max;
  out.flows_per_source_max = limits.flows_per_source_max;
  out.accepts_per_second = limits.accepts_per_second;
  out.accepts_burst = limits.accepts_burst;
  return out;
}

void ConvertLimits(const sluice_engine_options& options, EngineOptions* out, Reader& reader) {
  sluice_flow_limits limits = LimitsDefaults();
  reader.Also(Read(options.limits, "limits", &limits));
  out->limits = ConvertLimits(limits);
  if (!reader.List(options.listener_limits, options.listener_limits_count, "listener_limits")) {
    return;
  }
  for (std::size_t i = 0; i < options.listener_limits_count; ++i) {
    sluice_flow_limits own{};
    reader.Also(Read(options.listener_limits[i], absl::StrCat("listener_limits[", i, "]"), &own));
    out->listener_limits.push_back(ConvertLimits(own));
  }
}

void ConvertListener(const sluice_listener_options* given, ListenerOptions* out, Reader& outer) {
  sluice_listener_options listener = ListenerDefaults();
  outer.Also(Read(given, "listener", &listener));
  Reader reader("listener.");
  out->backlog = listener.backlog;
  out->accepts = listener.accepts;
  out->reuse_port = reader.Bool(listener.reuse_port, "reuse_port");
  out->dual_stack = reader.Bool(listener.dual_stack, "dual_stack");
  out->retry_first = TimeOf(listener.retry_first);
  out->retry_longest = TimeOf(listener.retry_longest);
  outer.Also(reader.status());
}

void ConvertPolicy(const sluice_flow_policy* given, FlowPolicy* out, Reader& outer) {
  sluice_flow_policy policy = PolicyDefaults();
  outer.Also(Read(given, "policy", &policy));
  Reader reader("policy.");
  out->query_timeout = TimeOf(policy.query_timeout);
  out->connect_timeout = TimeOf(policy.connect_timeout);
  out->idle_timeout = TimeOf(policy.idle_timeout);
  out->half_closed_timeout = TimeOf(policy.half_closed_timeout);
  out->lifetime = TimeOf(policy.lifetime);
  out->reset_check_every = TimeOf(policy.reset_check_every);
  out->linger_timeout = TimeOf(policy.linger_timeout);
  out->quiet_after.reset();
  if (policy.quiet_after != SLUICE_QUIET_BY_SYSTEM) out->quiet_after = TimeOf(policy.quiet_after);
  out->queue_high = policy.queue_high;
  out->splice = reader.Bool(policy.splice, "splice");
  out->on_query_failure = static_cast<OnQueryFailure>(reader.Choice(
      policy.on_query_failure, 1, "on_query_failure", "SLUICE_QUERY_FAILURE_CLOSE and _DIRECT"));
  out->on_carry_failure =
      static_cast<OnCarryFailure>(reader.Choice(policy.on_carry_failure, 1, "on_carry_failure",
                                                "SLUICE_CARRY_FAILURE_CLOSE and _WITHOUT_RECORDS"));
  out->direct_destination = reader.OneAddress(policy.direct_destination, "direct_destination");
  out->keepalive_idle = TimeOf(policy.keepalive_idle);
  out->keepalive_interval = TimeOf(policy.keepalive_interval);
  outer.Also(reader.status());
}

void ConvertInspection(const sluice_inspection_policy* given, InspectionPolicy* out,
                       Reader& outer) {
  sluice_inspection_policy policy = InspectionDefaults();
  outer.Also(Read(given, "inspection", &policy));
  Reader reader("inspection.");
  out->default_verdict = static_cast<Verdict>(
      reader.Choice(policy.default_verdict, SLUICE_PEND, "default_verdict", kVerdicts));
  out->pending_max = policy.pending_max;
  out->pending_timeout = TimeOf(policy.pending_timeout);
  out->more_bytes_max = policy.more_bytes_max;
  out->more_timeout = TimeOf(policy.more_timeout);
  out->slow_after = TimeOf(policy.slow_after);
  out->flow_bytes_per_second = policy.flow_bytes_per_second;
  out->bytes_per_second = policy.bytes_per_second;
  out->opens_per_second = policy.opens_per_second;
  out->opens_exceeded = static_cast<Verdict>(
      reader.Choice(policy.opens_exceeded, SLUICE_PEND, "opens_exceeded", kVerdicts));
  outer.Also(reader.status());
}

// Without a struct there is no such adapter.
template <typename Adapter, typename Given>
std::unique_ptr<Adapter> MakeAdapter(const Given* given, absl::string_view name, Reader& reader) {
  if (given == nullptr) return nullptr;
  auto made = Adapter::Make(given, name);
  reader.Also(made.status());
  return made.ok() ? *std::move(made) : nullptr;
}

Redirect ConvertWfp(const sluice_wfp_options* given, Callbacks* callbacks, Reader& outer) {
  sluice_wfp_options wfp = WfpDefaults();
  outer.Also(Read(given, "wfp", &wfp));
  Reader reader("wfp.");
  WfpRedirectOptions out;
  out.standard_codecs = reader.Bool(wfp.standard_codecs, "standard_codecs");
  if (reader.List(wfp.codecs, wfp.codecs_count, "codecs")) {
    for (std::size_t i = 0; i < wfp.codecs_count; ++i) {
      const std::string name = absl::StrCat("codecs[", i, "]");
      reader.Need(wfp.codecs[i] != nullptr, name, "is NULL");
      out.codecs.push_back(MakeAdapter<CodecAdapter>(wfp.codecs[i], "wfp." + name, reader));
    }
  }
  out.records_first = wfp.records_first;
  out.context_first = wfp.context_first;
  callbacks->without_context =
      MakeAdapter<OwnRedirectAdapter>(wfp.without_context, "wfp.without_context", reader);
  out.without_context = callbacks->without_context.get();
  outer.Also(reader.status());
  return outer.ok() ? Redirect::Wfp(std::move(out)) : Redirect();
}

void ConvertRedirect(const sluice_engine_options& options, EngineOptions* out, Callbacks* callbacks,
                     Reader& reader) {
  reader.Choice(options.redirect, SLUICE_REDIRECT_OWN, "redirect",
                "SLUICE_REDIRECT_NOWHERE, TO, WFP, OWN");
  reader.Need(options.redirect != SLUICE_REDIRECT_NOWHERE, "redirect",
              "is SLUICE_REDIRECT_NOWHERE; SLUICE_REDIRECT_TO, WFP or OWN says where "
              "connections go");
  const Address upstream = reader.OneAddress(options.upstream, "upstream");
  if (options.redirect == SLUICE_REDIRECT_TO) {
    reader.Need(!upstream.empty() && upstream.tcp_port() != 0, "upstream",
                absl::StrCat("is ", upstream.empty() ? "empty" : upstream.ToString(),
                             "; SLUICE_REDIRECT_TO needs an address and a TCP port, e.g. "
                             "127.0.0.1:80"));
    out->redirect = Redirect::To(upstream);
  } else if (options.redirect == SLUICE_REDIRECT_WFP) {
    out->redirect = ConvertWfp(options.wfp, callbacks, reader);
  } else if (options.redirect == SLUICE_REDIRECT_OWN) {
    reader.Need(options.own_redirect != nullptr, "own_redirect",
                "is NULL; SLUICE_REDIRECT_OWN asks it");
    callbacks->own_redirect =
        MakeAdapter<OwnRedirectAdapter>(options.own_redirect, "own_redirect", reader);
    out->redirect = Redirect::Own(callbacks->own_redirect.get());
  }
}

}  // namespace

absl::Status Convert(const sluice_runtime_options* given, RuntimeOptions* out,
                     sluice_process** process) {
  sluice_runtime_options options = RuntimeDefaults();
  Reader reader;
  reader.Also(Read(given, "", &options));
  out->workers = options.workers;
  out->caller_driven = reader.Bool(options.caller_driven, "caller_driven");
  out->thread_name = reader.Text(options.thread_name, "thread_name");
  ConvertAffinity(options, out, reader);
  ConvertHooks(options, out);
  sluice_loop_policy loops = LoopDefaults();
  reader.Also(Read(options.loops, "loops", &loops));
  out->loops.hops_max = loops.hops_max;
  out->loops.growth_max = loops.growth_max;
  out->loops.window = TimeOf(loops.window);
  out->loops.rest = TimeOf(loops.rest);
  sluice_worker_options worker = WorkerDefaults();
  reader.Also(Read(options.worker, "worker", &worker));
  out->worker.chunk_bytes = worker.chunk_bytes;
  out->worker.chunks_max = worker.chunks_max;
  out->worker.handover_max = worker.handover_max;
  out->worker.stall_timeout = TimeOf(worker.stall_timeout);
  out->worker.queue_depth = worker.queue_depth;
  *process = options.process;
  if (options.process != nullptr) out->platform = options.process->platform;
  return reader.status();
}

absl::Status Convert(const sluice_engine_options* given, EngineOptions* out, Callbacks* callbacks,
                     sluice_blocking** blocking) {
  if (given == nullptr) return absl::InvalidArgumentError("options: is NULL");
  sluice_engine_options options = EngineDefaults();
  Reader reader;
  reader.Also(Read(given, "", &options));
  if (!reader.ok()) return reader.status();
  out->name = reader.Text(options.name, "name");
  out->listen = Addresses(options.listen, options.listen_count, "listen", reader);
  ConvertRedirect(options, out, callbacks, reader);
  ConvertListener(options.listener, &out->listener, reader);
  ConvertPolicy(options.policy, &out->policy, reader);
  ConvertLimits(options, out, reader);
  out->sources = Addresses(options.sources, options.sources_count, "sources", reader);
  out->buffered_max = options.buffered_max;
  callbacks->inspector = MakeAdapter<InspectorAdapter>(options.inspector, "inspector", reader);
  out->inspector = callbacks->inspector.get();
  reader.Need(options.inspector == nullptr || options.blocking == nullptr, "blocking",
              "an engine has this or `inspector`, not both");
  *blocking = options.blocking;
  callbacks->tap = MakeAdapter<TapAdapter>(options.tap, "tap", reader);
  out->tap = callbacks->tap.get();
  out->tap_bytes_max = options.tap_bytes_max;
  ConvertInspection(options.inspection, &out->inspection, reader);
  return reader.status();
}

}  // namespace sluice::capi
