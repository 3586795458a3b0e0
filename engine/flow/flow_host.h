// SPDX-License-Identifier: Apache-2.0
//
// FlowHost: what a flow uses of the worker it lives on and of the engine it belongs to. One for
// each pair of worker and engine; worker-only; outlives its flows.
#ifndef SLUICE_FLOW_FLOW_HOST_H_
#define SLUICE_FLOW_FLOW_HOST_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <limits>
#include <optional>

#include "engine/base/clock.h"
#include "engine/base/intrusive_list.h"
#include "engine/flow/inspection.h"
#include "engine/inspect/verdict_desk.h"
#include "engine/io/port.h"
#include "engine/io/timer_wheel.h"
#include "engine/memory/buffer_pool.h"
#include "engine/memory/slab.h"
#include "engine/metrics/metrics.h"
#include "engine/net/connector.h"
#include "engine/net/token_bucket.h"
#include "engine/redirect/loop_guard.h"
#include "engine/redirect/own_listeners.h"
#include "engine/redirect/redirector.h"
#include "sluice/inspector.h"

namespace sluice::flow {

class Flow;
class Pump;
struct FlowPools;

struct StarvedTag {};
using StarvedList = IntrusiveList<Pump, StarvedTag>;

// What to do when the redirect query of a connection gives no origin (absent, denied, failed,
// late).
enum class OnQueryFailure : std::uint8_t {
  kClose,   // fail closed: reset
  kDirect,  // go to where the context says, or else to `direct_destination`; reset when neither is
            // known
};

// What to do when the records could not be set on the onward socket.
enum class OnCarryFailure : std::uint8_t {
  kClose,           // fail closed: reset
  kWithoutRecords,  // connect on a fresh socket that carries none: other vendors see a new
                    // connection
};

// Immutable while flows use it. Defaults are those users of such proxies accept (README,
// "Timeouts").
struct FlowPolicy {
  Nanos query_timeout = 2 * kSecond;
  Nanos connect_timeout = 5 * kSecond;
  Nanos idle_timeout = 3600 * kSecond;
  Nanos half_closed_timeout = 60 * kSecond;
  // From accept on, however busy it is; 0: none. Looked at while relaying: what comes before has
  // deadlines of its own.
  Nanos lifetime = 0;
  // How often a leg whose stream has ended is asked whether it was reset since.
  Nanos reset_check_every = 250 * kMillisecond;
  // How long a reset waits for bytes received before it to be handed on.
  Nanos linger_timeout = 2 * kSecond;
  // A connection that lasts has its peers asked, by the kernel, whether they are there: when
  // nothing was heard of one for so long, and again every so often. In whole seconds;
  // `keepalive_idle` 0: never.
  static constexpr Nanos kKeepaliveLongest = 9 * 3600 * kSecond;  // Linux takes 32767 s
  Nanos keepalive_idle = 300 * kSecond;
  Nanos keepalive_interval = 75 * kSecond;
  // A pump that received nothing for this long gives its chunk back and waits without memory. 0: it
  // takes a chunk only for bytes that are there.
  Nanos quiet_after = io::Port::WaitsCheaply() ? 0 : 100 * kMillisecond;
  // Bytes queued in one direction: reading stops at `queue_high` and resumes at half of it. So a
  // flow buffers at most twice that, and what one receive in each direction brings.
  std::size_t queue_high = 256 * 1024;
  // Bytes of a flow that moves much and that nobody inspects may stay in the kernel, where it can
  // move them from socket to socket (Linux: splice).
  bool splice = true;
  // Verdicts that come later: how many may be waited for on each worker, how long, and what holds
  // when none comes in time, when its token is given up, and when too many are waited for already.
  std::uint32_t pending_max = 1024;
  Nanos pending_timeout = 5 * kSecond;
  Verdict pending_default = Verdict::kReset;
  // How much an inspector may keep of a direction to see more of it (kMore, Keep), and how long.
  // Past either it is asked for the last time.
  std::size_t more_bytes_max = 64 * 1024;
  Nanos more_timeout = 5 * kSecond;
  // Calls of an inspector that take this long are counted and said in the log.
  Nanos slow_after = 10 * kMillisecond;
  // Of each flow in each direction, until its inspector says otherwise; 0: no limit.
  std::uint64_t bytes_per_second = 0;
  // What an inspector says of a connection that it is not asked about, because it was asked about
  // too many.
  Verdict opens_exceeded = Verdict::kReset;
  OnQueryFailure on_query_failure = OnQueryFailure::kClose;
  OnCarryFailure on_carry_failure = OnCarryFailure::kClose;
  Address direct_destination;  // for kDirect; empty: none
};

// What the flows of one worker and engine hold in queues. Once `max` is reached, whoever holds
// bytes reads no more until it has sent them. Who holds none goes on, a chunk at a time: those who
// hold bytes may wait, by way of their peers, for the very ones it would move.
struct BufferBudget {
  std::size_t max = 0;  // 0: none
  std::size_t bytes = 0;

  bool spent() const { return left() == 0; }
  std::size_t left() const {
    if (max == 0) return std::numeric_limits<std::size_t>::max();
    return max - std::min(bytes, max);
  }
};

struct FlowHost {
  io::Port* port = nullptr;
  io::TimerWheel* timers = nullptr;
  memory::Slab* slab = nullptr;
  memory::BufferPool* buffers = nullptr;
  FlowPools* pools = nullptr;
  metrics::Counters* counters = nullptr;
  StarvedList* starved = nullptr;
  BufferBudget* budget = nullptr;
  redirect::Redirector* redirector = nullptr;
  const redirect::OwnListeners* own_listeners = nullptr;
  redirect::LoopGuard* loop_guard = nullptr;
  Inspector* inspector = nullptr;        // null: nobody looks
  inspect::VerdictDesk* desk = nullptr;  // null: no inspector
  inspect::TapWriter* tap = nullptr;     // null: nobody listens
  Pace* pace = nullptr;                  // of all inspected flows here together
  // Connections that the inspector is asked about; none: all.
  std::optional<net::TokenBucket> opens;
  Nanos slow_call = 0;  // how long the last slow call took, for the log
  const FlowPolicy* policy = nullptr;
  net::SourceList sources{{}};
  std::atomic<std::uint64_t>* next_flow_id = nullptr;
  const char* engine_name = "";

  // Called when a flow ends or goes on in a way that somebody should know of; says it in the log,
  // once in a while for each cause. Null: nobody listens.
  void (*noticed)(void* owner, const Flow& flow, metrics::Counter counter) = nullptr;

  // Called when a limit held something up, for the log.
  void (*limited)(void* owner, metrics::Counter counter) = nullptr;
  // Called when a pump began to wait at `desk`.
  void (*pended)(void* owner) = nullptr;

  // Called once for each flow, when it is joined. The flow must stay until the end of the worker's
  // turn: its own methods may still be on the stack.
  void* owner = nullptr;
  void (*joined)(void* owner, Flow& flow) = nullptr;
};

}  // namespace sluice::flow

#endif  // SLUICE_FLOW_FLOW_HOST_H_
