// SPDX-License-Identifier: Apache-2.0
#include "engine/api/options.h"

#include <cstddef>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/base/clock.h"

namespace sluice::api {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);
constexpr absl::Duration kKeepaliveLongest = absl::Nanoseconds(flow::FlowPolicy::kKeepaliveLongest);

static_assert(static_cast<int>(OnQueryFailure::kClose) ==
              static_cast<int>(flow::OnQueryFailure::kClose));
static_assert(static_cast<int>(OnQueryFailure::kDirect) ==
              static_cast<int>(flow::OnQueryFailure::kDirect));
static_assert(static_cast<int>(OnCarryFailure::kClose) ==
              static_cast<int>(flow::OnCarryFailure::kClose));
static_assert(static_cast<int>(OnCarryFailure::kWithoutRecords) ==
              static_cast<int>(flow::OnCarryFailure::kWithoutRecords));

// The first thing that is wrong; everything after it is not looked at.
class Checker {
 public:
  void Need(bool holds, absl::string_view field, absl::string_view right) {
    if (holds || !status_.ok()) return;
    status_ = absl::InvalidArgumentError(absl::StrCat(field, ": ", right));
  }
  void NeedRange(std::uint64_t value, std::uint64_t low, std::uint64_t high,
                 absl::string_view field) {
    if (value >= low && value <= high) return;
    Need(false, field, absl::StrCat(value, " is not between ", low, " and ", high));
  }
  // Infinite is right as well, unless it is past `longest`.
  void NeedTime(absl::Duration value, absl::string_view field, bool zero_is_right = false,
                absl::Duration longest = absl::InfiniteDuration()) {
    const bool long_enough = zero_is_right ? value >= absl::ZeroDuration() : value >= kShortest;
    if (long_enough && value <= longest) return;
    std::string right = absl::StrCat(absl::FormatDuration(value), " is not ",
                                     zero_is_right ? "0 or more" : "more than 0");
    if (longest != absl::InfiniteDuration()) {
      absl::StrAppend(&right, " and at most ", absl::FormatDuration(longest));
    }
    Need(false, field, right);
  }
  absl::Status status() const { return status_; }

 private:
  // What clocks inside count in.
  static constexpr absl::Duration kShortest = absl::Nanoseconds(1);
  absl::Status status_;
};

// Infinite is the largest number there is, which clocks inside take for never.
Nanos InNanos(absl::Duration duration) { return absl::ToInt64Nanoseconds(duration); }

void CheckAffinity(const RuntimeOptions& options, Checker& checker) {
  for (std::size_t i = 0; i < options.affinity.size(); ++i) {
    const std::string field = absl::StrCat("affinity[", i, "]");
    checker.Need(!options.affinity[i].empty(), field,
                 "no processor given; leave `affinity` empty for any");
    for (const int processor : options.affinity[i]) {
      checker.Need(processor >= 0 && processor < 65536, field,
                   absl::StrCat(processor, " is not the number of a processor"));
    }
  }
}

void CheckPolicy(const FlowPolicy& policy, Checker& checker) {
  checker.NeedTime(policy.query_timeout, "policy.query_timeout");
  checker.NeedTime(policy.connect_timeout, "policy.connect_timeout");
  checker.NeedTime(policy.idle_timeout, "policy.idle_timeout");
  checker.NeedTime(policy.half_closed_timeout, "policy.half_closed_timeout");
  checker.NeedTime(policy.lifetime, "policy.lifetime", true);
  checker.NeedTime(policy.reset_check_every, "policy.reset_check_every");
  checker.NeedTime(policy.linger_timeout, "policy.linger_timeout");
  checker.NeedTime(policy.keepalive_idle, "policy.keepalive_idle", true, kKeepaliveLongest);
  checker.Need(
      policy.keepalive_idle == absl::ZeroDuration() || policy.keepalive_idle >= absl::Seconds(1),
      "policy.keepalive_idle", "less than 1 s, but not 0");
  checker.NeedTime(policy.keepalive_interval, "policy.keepalive_interval", false,
                   kKeepaliveLongest);
  checker.Need(policy.keepalive_interval >= absl::Seconds(1), "policy.keepalive_interval",
               "less than 1 s");
  if (policy.quiet_after.has_value()) {
    checker.NeedTime(*policy.quiet_after, "policy.quiet_after", true, kDay);
  }
  checker.Need(policy.direct_destination.empty() || policy.direct_destination.tcp_port() != 0,
               "policy.direct_destination", "has no TCP port");
}

runtime::AdmissionLimits Inside(const FlowLimits& limits) {
  runtime::AdmissionLimits inside;
  inside.flows_max = limits.flows_max;
  inside.flows_per_source_max = limits.flows_per_source_max;
  inside.accepts_per_second = limits.accepts_per_second;
  inside.accepts_burst = limits.accepts_burst;
  return inside;
}

net::ListenerOptions Inside(const ListenerOptions& listener) {
  net::ListenerOptions inside;
  inside.listen.backlog = listener.backlog;
  inside.listen.reuse_port = listener.reuse_port;
  inside.listen.dual_stack = listener.dual_stack;
  inside.accepts = listener.accepts;
  inside.retry_first = InNanos(listener.retry_first);
  inside.retry_longest = InNanos(listener.retry_longest);
  return inside;
}

flow::FlowPolicy Inside(const FlowPolicy& policy) {
  flow::FlowPolicy inside;
  inside.query_timeout = InNanos(policy.query_timeout);
  inside.connect_timeout = InNanos(policy.connect_timeout);
  inside.idle_timeout = InNanos(policy.idle_timeout);
  inside.half_closed_timeout = InNanos(policy.half_closed_timeout);
  inside.lifetime = InNanos(policy.lifetime);
  inside.reset_check_every = InNanos(policy.reset_check_every);
  inside.linger_timeout = InNanos(policy.linger_timeout);
  inside.keepalive_idle = InNanos(policy.keepalive_idle);
  inside.keepalive_interval = InNanos(policy.keepalive_interval);
  if (policy.quiet_after.has_value()) inside.quiet_after = InNanos(*policy.quiet_after);
  inside.queue_high = policy.queue_high;
  inside.splice = policy.splice;
  inside.on_query_failure = static_cast<flow::OnQueryFailure>(policy.on_query_failure);
  inside.on_carry_failure = static_cast<flow::OnCarryFailure>(policy.on_carry_failure);
  inside.direct_destination = policy.direct_destination;
  return inside;
}

void SetInspection(const InspectionPolicy& inspection, runtime::EngineOptions* inside) {
  flow::FlowPolicy& policy = inside->policy;
  policy.pending_default = inspection.default_verdict;
  policy.pending_max = inspection.pending_max;
  policy.pending_timeout = InNanos(inspection.pending_timeout);
  policy.more_bytes_max = inspection.more_bytes_max;
  policy.more_timeout = InNanos(inspection.more_timeout);
  policy.slow_after = InNanos(inspection.slow_after);
  policy.bytes_per_second = inspection.flow_bytes_per_second;
  policy.opens_exceeded = inspection.opens_exceeded;
  inside->inspector_bytes_per_second = inspection.bytes_per_second;
  inside->inspector_opens_per_second = inspection.opens_per_second;
}

void CheckInspection(const InspectionPolicy& inspection, Checker& checker) {
  const auto ends = [](Verdict verdict) {
    return verdict == Verdict::kDetach || verdict == Verdict::kClose || verdict == Verdict::kReset;
  };
  const Verdict by_default = inspection.default_verdict;
  checker.Need(ends(by_default) || by_default == Verdict::kPass || by_default == Verdict::kDrop,
               "inspection.default_verdict", "must be kPass, kDrop, kDetach, kClose or kReset");
  checker.NeedRange(inspection.pending_max, 0, 1u << 24, "inspection.pending_max");
  checker.NeedTime(inspection.pending_timeout, "inspection.pending_timeout");
  checker.NeedRange(inspection.more_bytes_max, 1, std::uint64_t{1} << 40,
                    "inspection.more_bytes_max");
  checker.NeedTime(inspection.more_timeout, "inspection.more_timeout");
  checker.NeedTime(inspection.slow_after, "inspection.slow_after", true);
  checker.NeedRange(inspection.opens_per_second, 0, 1000000000, "inspection.opens_per_second");
  checker.Need(ends(inspection.opens_exceeded), "inspection.opens_exceeded",
               "must be kDetach, kClose or kReset");
}

}  // namespace

absl::Status Check(const RuntimeOptions& options) {
  Checker checker;
  if (options.caller_driven) {
    checker.Need(options.workers == 1, "workers", "a caller-driven runtime has exactly 1");
    checker.Need(options.affinity.empty(), "affinity",
                 "the threads of a caller-driven runtime are the caller's");
    checker.Need(options.thread.started == nullptr && options.thread.stopping == nullptr, "thread",
                 "the threads of a caller-driven runtime are the caller's");
  }
  CheckAffinity(options, checker);
  checker.Need((options.memory.allocate == nullptr) == (options.memory.free == nullptr), "memory",
               "`allocate` and `free` belong together: set both or none");
  checker.NeedTime(options.loops.window, "loops.window", false, kDay);
  checker.NeedTime(options.loops.rest, "loops.rest", true, kDay);
  checker.NeedRange(options.worker.chunk_bytes, 512, std::uint64_t{1} << 30, "worker.chunk_bytes");
  checker.NeedRange(options.worker.chunks_max, 1, std::uint64_t{1} << 28, "worker.chunks_max");
  checker.NeedRange(options.worker.handover_max, 2, std::uint64_t{1} << 24, "worker.handover_max");
  checker.NeedRange(options.worker.queue_depth, 1, 32768, "worker.queue_depth");
  checker.NeedTime(options.worker.stall_timeout, "worker.stall_timeout", false, kDay);
  return checker.status();
}

absl::Status Check(const EngineOptions& options) {
  Checker checker;
  for (std::size_t i = 0; i < options.listen.size(); ++i) {
    checker.Need(!options.listen[i].empty(), absl::StrCat("listen[", i, "]"),
                 "is the empty address; 127.0.0.1:0 or [::]:8080 would do");
  }
  checker.NeedRange(static_cast<std::uint64_t>(options.listener.backlog), 1, 65535,
                    "listener.backlog");
  checker.NeedRange(static_cast<std::uint64_t>(options.listener.accepts), 1, 65536,
                    "listener.accepts");
  checker.NeedTime(options.listener.retry_first, "listener.retry_first", false, kDay);
  checker.NeedTime(options.listener.retry_longest, "listener.retry_longest", false, kDay);
  CheckPolicy(options.policy, checker);
  CheckInspection(options.inspection, checker);
  checker.NeedRange(options.tap_bytes_max, 4096, std::uint64_t{1} << 40, "tap_bytes_max");
  for (std::size_t i = 0; i < options.sources.size(); ++i) {
    checker.Need(!options.sources[i].empty(), absl::StrCat("sources[", i, "]"),
                 "is the empty address; leave `sources` empty for the OS's choice");
  }
  return checker.status();
}

runtime::RuntimeOptions Inside(const RuntimeOptions& options) {
  runtime::RuntimeOptions inside;
  inside.workers = options.workers;
  inside.caller_driven = options.caller_driven;
  inside.thread_name = options.thread_name;
  inside.affinity = options.affinity;
  inside.loops.hops_max = options.loops.hops_max;
  inside.loops.growth_max = options.loops.growth_max;
  inside.loops.window = InNanos(options.loops.window);
  inside.loops.rest = InNanos(options.loops.rest);
  inside.worker.thread_hook = options.thread;
  inside.worker.port.queue_depth = options.worker.queue_depth;
  inside.worker.port.platform = options.platform;
  inside.worker.port.clock = options.clock;
  inside.worker.slab.chunk_bytes = options.worker.chunk_bytes;
  inside.worker.slab.chunks_max = options.worker.chunks_max;
  inside.worker.slab.memory = options.memory;
  inside.worker.handover_max = options.worker.handover_max;
  inside.worker.stall_timeout = InNanos(options.worker.stall_timeout);
  return inside;
}

runtime::EngineOptions Inside(const EngineOptions& options) {
  runtime::EngineOptions inside;
  inside.name = options.name;
  inside.listen = options.listen;
  inside.listener = Inside(options.listener);
  inside.policy = Inside(options.policy);
  inside.sources = options.sources;
  inside.limits = Inside(options.limits);
  for (const FlowLimits& limits : options.listener_limits) {
    inside.listener_limits.push_back(Inside(limits));
  }
  inside.buffered_max = options.buffered_max;
  inside.inspector = options.inspector;
  SetInspection(options.inspection, &inside);
  inside.tap = options.tap;
  inside.tap_bytes_max = options.tap_bytes_max;
  return inside;
}

}  // namespace sluice::api
