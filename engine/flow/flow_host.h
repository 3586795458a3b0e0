// SPDX-License-Identifier: Apache-2.0
//
// FlowHost: what a flow uses of the worker it lives on and of the engine it belongs to. One for each pair
// of worker and engine; worker-only; outlives its flows.
#ifndef SLUICE_FLOW_FLOW_HOST_H_
#define SLUICE_FLOW_FLOW_HOST_H_

#include <atomic>
#include <cstddef>

#include "engine/base/clock.h"
#include "engine/base/intrusive_list.h"
#include "engine/inspect/inspector.h"
#include "engine/io/port.h"
#include "engine/io/timer_wheel.h"
#include "engine/memory/buffer_pool.h"
#include "engine/memory/slab.h"
#include "engine/metrics/metrics.h"
#include "engine/net/connector.h"
#include "engine/redirect/own_listeners.h"
#include "engine/redirect/redirector.h"

namespace sluice::flow {

class Flow;
class Pump;

struct StarvedTag {};
using StarvedList = IntrusiveList<Pump, StarvedTag>;

// Immutable while flows use it. Defaults are those users of such proxies accept (README, "Timeouts").
struct FlowPolicy {
  Nanos query_timeout = 2 * kSecond;
  Nanos connect_timeout = 5 * kSecond;
  Nanos idle_timeout = 3600 * kSecond;
  Nanos half_closed_timeout = 60 * kSecond;
  // How long a reset waits for bytes received before it to be handed on.
  Nanos linger_timeout = 2 * kSecond;
  // A pump that received nothing for this long gives its chunk back and waits without memory.
  Nanos quiet_after = kSecond;
  // Bytes queued in one direction: reading stops at `queue_high` and resumes at half of it.
  std::size_t queue_high = 256 * 1024;
};

struct FlowHost {
  io::Port* port = nullptr;
  io::TimerWheel* timers = nullptr;
  memory::Slab* slab = nullptr;
  memory::BufferPool* buffers = nullptr;
  metrics::Counters* counters = nullptr;
  StarvedList* starved = nullptr;
  redirect::Redirector* redirector = nullptr;
  const redirect::OwnListeners* own_listeners = nullptr;
  inspect::Inspector* inspector = nullptr;  // null: nobody looks
  const FlowPolicy* policy = nullptr;
  net::SourceList sources{{}};
  std::atomic<std::uint64_t>* next_flow_id = nullptr;
  const char* engine_name = "";

  // Called once for each flow, when it is joined. The flow must stay until the end of the worker's turn:
  // its own methods may still be on the stack.
  void* owner = nullptr;
  void (*joined)(void* owner, Flow& flow) = nullptr;
};

}  // namespace sluice::flow

#endif  // SLUICE_FLOW_FLOW_HOST_H_
