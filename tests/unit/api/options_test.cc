// SPDX-License-Identifier: Apache-2.0
//
// Public options: their defaults are the inner ones, what is set arrives, and what cannot work is
// refused with the name of the field.
#include "engine/api/options.h"

#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "engine/redirect/wfp/wfp_redirector.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sluice/engine.h"

namespace sluice::api {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

void ExpectSame(const flow::FlowPolicy& a, const flow::FlowPolicy& b) {
  EXPECT_EQ(a.query_timeout, b.query_timeout);
  EXPECT_EQ(a.connect_timeout, b.connect_timeout);
  EXPECT_EQ(a.idle_timeout, b.idle_timeout);
  EXPECT_EQ(a.half_closed_timeout, b.half_closed_timeout);
  EXPECT_EQ(a.lifetime, b.lifetime);
  EXPECT_EQ(a.reset_check_every, b.reset_check_every);
  EXPECT_EQ(a.linger_timeout, b.linger_timeout);
  EXPECT_EQ(a.keepalive_idle, b.keepalive_idle);
  EXPECT_EQ(a.keepalive_interval, b.keepalive_interval);
  EXPECT_EQ(a.quiet_after, b.quiet_after);
  EXPECT_EQ(a.queue_high, b.queue_high);
  EXPECT_EQ(a.splice, b.splice);
  EXPECT_EQ(a.on_query_failure, b.on_query_failure);
  EXPECT_EQ(a.on_carry_failure, b.on_carry_failure);
  EXPECT_EQ(a.direct_destination, b.direct_destination);
  EXPECT_EQ(a.pending_default, b.pending_default);
  EXPECT_EQ(a.pending_max, b.pending_max);
  EXPECT_EQ(a.pending_timeout, b.pending_timeout);
  EXPECT_EQ(a.more_bytes_max, b.more_bytes_max);
  EXPECT_EQ(a.more_timeout, b.more_timeout);
  EXPECT_EQ(a.slow_after, b.slow_after);
  EXPECT_EQ(a.bytes_per_second, b.bytes_per_second);
  EXPECT_EQ(a.opens_exceeded, b.opens_exceeded);
}

void ExpectSame(const runtime::AdmissionLimits& a, const runtime::AdmissionLimits& b) {
  EXPECT_EQ(a.flows_max, b.flows_max);
  EXPECT_EQ(a.flows_per_source_max, b.flows_per_source_max);
  EXPECT_EQ(a.accepts_per_second, b.accepts_per_second);
  EXPECT_EQ(a.accepts_burst, b.accepts_burst);
}

void ExpectSame(const net::ListenerOptions& a, const net::ListenerOptions& b) {
  EXPECT_EQ(a.listen.backlog, b.listen.backlog);
  EXPECT_EQ(a.listen.reuse_port, b.listen.reuse_port);
  EXPECT_EQ(a.listen.dual_stack, b.listen.dual_stack);
  EXPECT_EQ(a.accepts, b.accepts);
  EXPECT_EQ(a.retry_first, b.retry_first);
  EXPECT_EQ(a.retry_longest, b.retry_longest);
}

void ExpectSame(const runtime::EngineOptions& a, const runtime::EngineOptions& b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.listen, b.listen);
  EXPECT_EQ(a.sources, b.sources);
  EXPECT_EQ(a.buffered_max, b.buffered_max);
  EXPECT_EQ(a.inspector, b.inspector);
  EXPECT_EQ(a.tap, b.tap);
  EXPECT_EQ(a.tap_bytes_max, b.tap_bytes_max);
  EXPECT_EQ(a.inspector_bytes_per_second, b.inspector_bytes_per_second);
  EXPECT_EQ(a.inspector_opens_per_second, b.inspector_opens_per_second);
  ExpectSame(a.policy, b.policy);
  ExpectSame(a.listener, b.listener);
  ExpectSame(a.limits, b.limits);
  ASSERT_EQ(a.listener_limits.size(), b.listener_limits.size());
  for (std::size_t i = 0; i < a.listener_limits.size(); ++i) {
    ExpectSame(a.listener_limits[i], b.listener_limits[i]);
  }
}

void ExpectSame(const runtime::RuntimeOptions& a, const runtime::RuntimeOptions& b) {
  EXPECT_EQ(a.workers, b.workers);
  EXPECT_EQ(a.caller_driven, b.caller_driven);
  EXPECT_EQ(a.thread_name, b.thread_name);
  EXPECT_EQ(a.affinity, b.affinity);
  EXPECT_EQ(a.loops.hops_max, b.loops.hops_max);
  EXPECT_EQ(a.loops.growth_max, b.loops.growth_max);
  EXPECT_EQ(a.loops.window, b.loops.window);
  EXPECT_EQ(a.loops.rest, b.loops.rest);
  EXPECT_EQ(a.worker.port.queue_depth, b.worker.port.queue_depth);
  EXPECT_EQ(a.worker.port.platform, b.worker.port.platform);
  EXPECT_EQ(a.worker.port.clock.now_ns, b.worker.port.clock.now_ns);
  EXPECT_EQ(a.worker.port.clock.user, b.worker.port.clock.user);
  EXPECT_EQ(a.worker.slab.chunk_bytes, b.worker.slab.chunk_bytes);
  EXPECT_EQ(a.worker.slab.chunks_max, b.worker.slab.chunks_max);
  EXPECT_EQ(a.worker.slab.memory.allocate, b.worker.slab.memory.allocate);
  EXPECT_EQ(a.worker.slab.memory.free, b.worker.slab.memory.free);
  EXPECT_EQ(a.worker.slab.memory.user, b.worker.slab.memory.user);
  EXPECT_EQ(a.worker.handover_max, b.worker.handover_max);
  EXPECT_EQ(a.worker.stall_timeout, b.worker.stall_timeout);
  EXPECT_EQ(a.worker.thread_hook.started, b.worker.thread_hook.started);
  EXPECT_EQ(a.worker.thread_hook.stopping, b.worker.thread_hook.stopping);
  EXPECT_EQ(a.worker.thread_hook.user, b.worker.thread_hook.user);
}

TEST(OptionsTest, DefaultsAreTheInnerOnes) {
  ExpectSame(Inside(EngineOptions()), runtime::EngineOptions());
  ExpectSame(Inside(RuntimeOptions()), runtime::RuntimeOptions());
  EXPECT_EQ(WfpRedirectOptions().records_first, redirect::WfpOptions().records_first);
  EXPECT_EQ(WfpRedirectOptions().context_first, redirect::WfpOptions().context_first);
}

// Each number is another one, so that no two fields can be mistaken for each other.
EngineOptions Numbered(void* hooked) {
  EngineOptions options;
  options.name = "acme";
  options.listen = {Address::Loopback(Family::kV4, 1), Address::Loopback(Family::kV6, 2)};
  options.listener = {11, true, true, 12, absl::Nanoseconds(13), absl::Nanoseconds(14)};
  options.policy.query_timeout = absl::Nanoseconds(21);
  options.policy.connect_timeout = absl::Nanoseconds(22);
  options.policy.idle_timeout = absl::InfiniteDuration();
  options.policy.half_closed_timeout = absl::Nanoseconds(24);
  options.policy.lifetime = absl::Nanoseconds(25);
  options.policy.reset_check_every = absl::Nanoseconds(26);
  options.policy.linger_timeout = absl::Nanoseconds(27);
  options.policy.keepalive_idle = absl::Seconds(280);
  options.policy.keepalive_interval = absl::Seconds(281);
  options.policy.quiet_after = absl::Nanoseconds(28);
  options.policy.queue_high = 2900;
  options.policy.splice = false;
  options.policy.on_query_failure = OnQueryFailure::kDirect;
  options.policy.on_carry_failure = OnCarryFailure::kWithoutRecords;
  options.policy.direct_destination = Address::Loopback(Family::kV4, 30);
  options.limits = {31, 32, 33, 34};
  options.listener_limits = {{41, 42, 43, 44}, {51, 52, 53, 54}};
  options.sources = {Address::Loopback(Family::kV4, 0)};
  options.buffered_max = 61;
  options.inspector = static_cast<Inspector*>(hooked);
  options.tap = static_cast<Tap*>(hooked);
  options.tap_bytes_max = 8192;
  options.inspection = {Verdict::kDrop,
                        71,
                        absl::Nanoseconds(72),
                        73,
                        absl::Nanoseconds(74),
                        absl::Nanoseconds(75),
                        76,
                        77,
                        78,
                        Verdict::kClose};
  return options;
}

TEST(OptionsTest, EveryFieldOfAnEngineArrives) {
  int hooked = 0;
  const EngineOptions options = Numbered(&hooked);
  runtime::EngineOptions right;
  right.name = "acme";
  right.listen = options.listen;
  right.listener.listen = {11, true, true};
  right.listener.accepts = 12;
  right.listener.retry_first = 13;
  right.listener.retry_longest = 14;
  right.policy.query_timeout = 21;
  right.policy.connect_timeout = 22;
  right.policy.idle_timeout = std::numeric_limits<Nanos>::max();
  right.policy.half_closed_timeout = 24;
  right.policy.lifetime = 25;
  right.policy.reset_check_every = 26;
  right.policy.linger_timeout = 27;
  right.policy.keepalive_idle = 280 * kSecond;
  right.policy.keepalive_interval = 281 * kSecond;
  right.policy.quiet_after = 28;
  right.policy.queue_high = 2900;
  right.policy.splice = false;
  right.policy.on_query_failure = flow::OnQueryFailure::kDirect;
  right.policy.on_carry_failure = flow::OnCarryFailure::kWithoutRecords;
  right.policy.direct_destination = Address::Loopback(Family::kV4, 30);
  right.limits = {31, 32, 33, 34};
  right.listener_limits = {{41, 42, 43, 44}, {51, 52, 53, 54}};
  right.sources = options.sources;
  right.buffered_max = 61;
  right.inspector = options.inspector;
  right.tap = options.tap;
  right.tap_bytes_max = 8192;
  right.policy.pending_default = Verdict::kDrop;
  right.policy.pending_max = 71;
  right.policy.pending_timeout = 72;
  right.policy.more_bytes_max = 73;
  right.policy.more_timeout = 74;
  right.policy.slow_after = 75;
  right.policy.bytes_per_second = 76;
  right.inspector_bytes_per_second = 77;
  right.inspector_opens_per_second = 78;
  right.policy.opens_exceeded = Verdict::kClose;
  EXPECT_TRUE(Check(options).ok()) << Check(options);
  ExpectSame(Inside(options), right);
}

TEST(OptionsTest, EveryFieldOfARuntimeArrives) {
  int user[3] = {};
  RuntimeOptions options;
  options.workers = 3;
  options.thread_name = "acme";
  options.affinity = {{0}, {1, 2}};
  options.thread = {[](void*, int) {}, [](void*, int) {}, &user[0]};
  options.memory = {[](void*, std::size_t) -> void* { return nullptr; },
                    [](void*, void*, std::size_t) {}, &user[1]};
  options.clock = {[](void*) -> std::int64_t { return 1; }, &user[2]};
  options.loops = {11, 12, absl::Nanoseconds(13), absl::Nanoseconds(14)};
  options.worker = {2100, 22, 32, absl::Nanoseconds(24), 25};
  options.platform = reinterpret_cast<io::Platform*>(&user);

  runtime::RuntimeOptions right;
  right.workers = 3;
  right.thread_name = "acme";
  right.affinity = options.affinity;
  right.loops = {11, 12, 13, 14};
  right.worker.port.queue_depth = 25;
  right.worker.port.platform = options.platform;
  right.worker.port.clock = options.clock;
  right.worker.slab = {2100, 22, options.memory};
  right.worker.handover_max = 32;
  right.worker.stall_timeout = 24;
  right.worker.thread_hook = options.thread;
  EXPECT_TRUE(Check(options).ok()) << Check(options);
  ExpectSame(Inside(options), right);
  options.caller_driven = true;
  EXPECT_TRUE(Inside(options).caller_driven);
}

// The whole way, through Create. `wrong` makes one thing wrong.
template <typename Wrong>
std::string RuntimeRefusal(Wrong wrong) {
  RuntimeOptions options;
  wrong(options);
  const absl::StatusOr<std::unique_ptr<Runtime>> runtime = Runtime::Create(options);
  EXPECT_EQ(runtime.status().code(), absl::StatusCode::kInvalidArgument) << runtime.status();
  return std::string(runtime.status().message());
}

TEST(OptionsTest, RuntimesThatCannotWorkAreRefusedByName) {
  using O = RuntimeOptions;
  EXPECT_EQ(RuntimeRefusal([](O& o) { o.workers = 0; }), "workers: 0 is not between 1 and 1024");
  EXPECT_EQ(RuntimeRefusal([](O& o) { o.workers = 1025; }),
            "workers: 1025 is not between 1 and 1024");
  EXPECT_EQ(RuntimeRefusal([](O& o) {
              o.caller_driven = true;
              o.workers = 2;
            }),
            "workers: a caller-driven runtime has exactly 1");
  EXPECT_EQ(RuntimeRefusal([](O& o) {
              o.caller_driven = true;
              o.affinity = {{0}};
            }),
            "affinity: the threads of a caller-driven runtime are the caller's");
  EXPECT_EQ(RuntimeRefusal([](O& o) {
              o.caller_driven = true;
              o.thread.stopping = [](void*, int) {};
            }),
            "thread: the threads of a caller-driven runtime are the caller's");
  EXPECT_THAT(RuntimeRefusal([](O& o) {
                o.affinity = {{0}, {}};
              }),
              StartsWith("affinity[1]: no processor given"));
  EXPECT_EQ(RuntimeRefusal([](O& o) { o.affinity = {{-1}}; }),
            "affinity[0]: -1 is not the number of a processor");
  EXPECT_THAT(RuntimeRefusal([](O& o) { o.affinity = {{60000}}; }),
              StartsWith("affinity[0]: the worker cannot run on these processors: "));
  EXPECT_THAT(RuntimeRefusal([](O& o) { o.memory.free = [](void*, void*, std::size_t) {}; }),
              StartsWith("memory: `allocate` and `free` belong together"));
  EXPECT_THAT(RuntimeRefusal([](O& o) { o.loops.hops_max = 0; }), StartsWith("loops: hops_max"));
  EXPECT_EQ(RuntimeRefusal([](O& o) { o.loops.window = absl::ZeroDuration(); }),
            "loops.window: 0 is not more than 0 and at most 24h");
  EXPECT_EQ(RuntimeRefusal([](O& o) { o.loops.rest = absl::Seconds(-1); }),
            "loops.rest: -1s is not 0 or more and at most 24h");
  EXPECT_EQ(RuntimeRefusal([](O& o) { o.worker.chunk_bytes = 511; }),
            "worker.chunk_bytes: 511 is not between 512 and 1073741824");
  EXPECT_EQ(RuntimeRefusal([](O& o) { o.worker.chunks_max = 0; }),
            "worker.chunks_max: 0 is not between 1 and 268435456");
  EXPECT_EQ(RuntimeRefusal([](O& o) { o.worker.handover_max = 48; }),
            "worker.handover_max: 48 is not a power of two from 2 on");
  EXPECT_EQ(RuntimeRefusal([](O& o) { o.worker.queue_depth = 0; }),
            "worker.queue_depth: 0 is not between 1 and 32768");
  EXPECT_EQ(RuntimeRefusal([](O& o) { o.worker.stall_timeout = absl::InfiniteDuration(); }),
            "worker.stall_timeout: inf is not more than 0 and at most 24h");
}

template <typename Wrong>
std::string EngineRefusal(Wrong wrong) {
  EngineOptions options;
  options.listen = {Address::Loopback(Family::kV4, 0)};
  options.redirect = Redirect::To(Address::Loopback(Family::kV4, 9));
  wrong(options);
  const absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Create(std::move(options));
  EXPECT_EQ(engine.status().code(), absl::StatusCode::kInvalidArgument) << engine.status();
  return std::string(engine.status().message());
}

TEST(OptionsTest, EnginesThatCannotWorkAreRefusedByName) {
  using O = EngineOptions;
  EXPECT_THAT(EngineRefusal([](O& o) { o.listen.clear(); }), StartsWith("listen: no address"));
  EXPECT_THAT(EngineRefusal([](O& o) { o.listen.emplace_back(); }),
              StartsWith("listen[1]: is the empty address"));
  EXPECT_EQ(EngineRefusal([](O& o) { o.listener.backlog = 0; }),
            "listener.backlog: 0 is not between 1 and 65535");
  EXPECT_EQ(EngineRefusal([](O& o) { o.listener.accepts = 65537; }),
            "listener.accepts: 65537 is not between 1 and 65536");
  EXPECT_THAT(EngineRefusal([](O& o) { o.listener.retry_first = absl::ZeroDuration(); }),
              StartsWith("listener.retry_first: 0 is not more than 0"));
  EXPECT_THAT(EngineRefusal([](O& o) { o.listener.retry_longest = absl::Seconds(-1); }),
              StartsWith("listener.retry_longest: -1s is not more than 0"));
  EXPECT_THAT(EngineRefusal([](O& o) { o.limits.flows_max = 0; }), StartsWith("limits.flows_max"));
  EXPECT_THAT(EngineRefusal([](O& o) { o.limits.accepts_per_second = 2000000000; }),
              StartsWith("limits.accepts_per_second"));
  EXPECT_THAT(EngineRefusal([](O& o) { o.listener_limits.resize(2); }),
              StartsWith("listener_limits"));
  EXPECT_THAT(EngineRefusal([](O& o) { o.sources.emplace_back(); }), StartsWith("sources[0]"));
  EXPECT_THAT(EngineRefusal([](O& o) { o.policy.queue_high = 1023; }),
              StartsWith("policy.queue_high"));
  EXPECT_EQ(EngineRefusal([](O& o) { o.policy.lifetime = absl::Nanoseconds(-1); }),
            "policy.lifetime: -1ns is not 0 or more");
  EXPECT_THAT(EngineRefusal([](O& o) { o.policy.quiet_after = absl::Hours(25); }),
              StartsWith("policy.quiet_after: 25h is not 0 or more and at most 24h"));
  EXPECT_EQ(
      EngineRefusal([](O& o) { o.policy.direct_destination = Address::Loopback(Family::kV4, 0); }),
      "policy.direct_destination: has no TCP port");
}

TEST(OptionsTest, InspectionThatCannotWorkIsRefusedByName) {
  using O = EngineOptions;
  EXPECT_THAT(EngineRefusal([](O& o) { o.inspection.default_verdict = Verdict::kMore; }),
              StartsWith("inspection.default_verdict: must be kPass"));
  EXPECT_THAT(EngineRefusal([](O& o) { o.inspection.pending_max = (1u << 24) + 1; }),
              StartsWith("inspection.pending_max"));
  EXPECT_THAT(EngineRefusal([](O& o) { o.inspection.pending_timeout = absl::ZeroDuration(); }),
              StartsWith("inspection.pending_timeout: 0 is not more than 0"));
  EXPECT_THAT(EngineRefusal([](O& o) { o.inspection.more_bytes_max = 0; }),
              StartsWith("inspection.more_bytes_max"));
  EXPECT_THAT(EngineRefusal([](O& o) { o.inspection.more_timeout = absl::Seconds(-1); }),
              StartsWith("inspection.more_timeout"));
  EXPECT_THAT(EngineRefusal([](O& o) { o.inspection.slow_after = absl::Seconds(-1); }),
              StartsWith("inspection.slow_after"));
  EXPECT_THAT(EngineRefusal([](O& o) { o.inspection.opens_per_second = 1000000001; }),
              StartsWith("inspection.opens_per_second"));
  EXPECT_THAT(EngineRefusal([](O& o) { o.tap_bytes_max = 4095; }), StartsWith("tap_bytes_max"));
  EXPECT_THAT(EngineRefusal([](O& o) { o.inspection.opens_exceeded = Verdict::kPass; }),
              StartsWith("inspection.opens_exceeded"));
}

TEST(OptionsTest, TimeoutsOfNothingAreRefusedByName) {
  constexpr std::pair<const char*, absl::Duration FlowPolicy::*> kTimeouts[] = {
      {"query_timeout", &FlowPolicy::query_timeout},
      {"connect_timeout", &FlowPolicy::connect_timeout},
      {"idle_timeout", &FlowPolicy::idle_timeout},
      {"half_closed_timeout", &FlowPolicy::half_closed_timeout},
      {"reset_check_every", &FlowPolicy::reset_check_every},
      {"linger_timeout", &FlowPolicy::linger_timeout}};
  for (const auto& [name, member] : kTimeouts) {
    const auto field = member;
    EXPECT_EQ(EngineRefusal([field](EngineOptions& o) { o.policy.*field = absl::ZeroDuration(); }),
              std::string("policy.") + name + ": 0 is not more than 0");
  }
}

TEST(OptionsTest, KeepalivesThatNoKernelKnowsAreRefusedByName) {
  using O = EngineOptions;
  EXPECT_EQ(EngineRefusal([](O& o) { o.policy.keepalive_idle = absl::Milliseconds(999); }),
            "policy.keepalive_idle: less than 1 s, but not 0");
  EXPECT_EQ(EngineRefusal([](O& o) { o.policy.keepalive_idle = absl::InfiniteDuration(); }),
            "policy.keepalive_idle: inf is not 0 or more and at most 9h");
  EXPECT_EQ(EngineRefusal([](O& o) { o.policy.keepalive_interval = absl::Milliseconds(999); }),
            "policy.keepalive_interval: less than 1 s");
  EXPECT_EQ(EngineRefusal([](O& o) { o.policy.keepalive_interval = absl::Hours(10); }),
            "policy.keepalive_interval: 10h is not more than 0 and at most 9h");
  EngineOptions never;
  never.listen = {Address::Loopback(Family::kV4, 0)};
  never.redirect = Redirect::To(Address::Loopback(Family::kV4, 1));
  never.policy.keepalive_idle = absl::ZeroDuration();
  EXPECT_TRUE(Check(never).ok()) << Check(never);
}

TEST(OptionsTest, RedirectsThatCannotWorkAreRefusedByName) {
  using O = EngineOptions;
  EXPECT_THAT(EngineRefusal([](O& o) { o.redirect = Redirect(); }),
              StartsWith("redirect: connections go nowhere"));
  EXPECT_THAT(EngineRefusal([](O& o) { o.redirect = Redirect::To(Address()); }),
              StartsWith("redirect: To: "));
  EXPECT_THAT(
      EngineRefusal([](O& o) { o.redirect = Redirect::To(Address::Loopback(Family::kV4, 0)); }),
      HasSubstr("127.0.0.1:0"));
  EXPECT_THAT(EngineRefusal([](O& o) { o.redirect = Redirect::Own(nullptr); }),
              StartsWith("redirect: Own: "));
  EXPECT_EQ(EngineRefusal([](O& o) {
              WfpRedirectOptions wfp;
              wfp.context_first = 65537;
              o.redirect = Redirect::Wfp(std::move(wfp));
            }),
            "redirect: records_first and context_first: 65537 is not between 1 and 65536");
  EXPECT_EQ(EngineRefusal([](O& o) {
              WfpRedirectOptions wfp;
              wfp.codecs.emplace_back();
              o.redirect = Redirect::Wfp(std::move(wfp));
            }),
            "redirect: codecs: one is null");
  EXPECT_THAT(EngineRefusal([](O& o) {
                WfpRedirectOptions wfp;
                wfp.standard_codecs = false;
                o.redirect = Redirect::Wfp(std::move(wfp));
              }),
              StartsWith("redirect: codecs: none given"));
}

}  // namespace
}  // namespace sluice::api
