// SPDX-License-Identifier: Apache-2.0
//
// Engine: listeners, a redirect platform and a policy: one proxy. Several engines may share one
// Runtime; they know nothing of each other.
//
// Threads: Start, Stop and the destructor on one control thread, never a worker's; the accessors on
// any thread. Life: Create, Start, Stop (which drains), destroy; its Runtime outlives it.
#ifndef SLUICE_RUNTIME_ENGINE_H_
#define SLUICE_RUNTIME_ENGINE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "engine/flow/flow_host.h"
#include "engine/inspect/tap_reader.h"
#include "engine/metrics/metrics.h"
#include "engine/net/listener.h"
#include "engine/redirect/own_listeners.h"
#include "engine/redirect/redirector.h"
#include "engine/runtime/admission.h"
#include "engine/runtime/engine_part.h"
#include "engine/runtime/runtime.h"
#include "sluice/inspector.h"
#include "sluice/tap.h"

namespace sluice::runtime {

struct EngineOptions {
  std::string name = "sluice";  // in log lines
  std::vector<Address> listen;  // at least one; port 0 means any
  net::ListenerOptions listener;
  flow::FlowPolicy policy;
  std::vector<Address> sources;  // rotated over onward connections; empty: the OS chooses
  AdmissionLimits limits{.flows_max = 100000};
  // For each address of `listen`, beside the engine's own; those left out have none.
  std::vector<AdmissionLimits> listener_limits;
  // Payload bytes in queues, of all flows; each worker has an even share. Past it who holds bytes
  // stops reading; what receives under way bring, and a chunk for whoever holds none, may come on
  // top. 0: none.
  std::size_t buffered_max = 0;
  // Where connections go. Owned by the engine.
  std::unique_ptr<redirect::Redirector> redirector;
  Inspector* inspector = nullptr;  // borrowed; outlives the engine
  Tap* tap = nullptr;              // borrowed; outlives the engine
  // What each worker keeps for the tap until it is told; rounded down to a power of two. At least
  // 4096.
  std::size_t tap_bytes_max = std::size_t{1} << 20;
  // Of all flows that it looks at: past this rate of bytes they wait for each other. 0: no limit.
  std::uint64_t inspector_bytes_per_second = 0;
  // How many connections a second it is asked about; the others get FlowPolicy::opens_exceeded. As
  // many may come at once. 0: all.
  std::uint64_t inspector_opens_per_second = 0;
};

class Engine {
 public:
  // Fails on options that cannot work, naming the one. REQUIRES: the runtime was started.
  static absl::StatusOr<std::unique_ptr<Engine>> Create(Runtime& runtime, EngineOptions options);
  // Stops at once if still running.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Listens on all addresses. On failure nothing listens, and the status names the address.
  absl::Status Start();
  // Stops listening, waits up to `drain` for flows to end, ends the rest, waits until all are
  // joined. Another thread may call HurryStop meanwhile. On a caller-driven runtime it runs the
  // workers' turns itself. Idempotent.
  void Stop(Nanos drain);
  // The parts of Stop, for who must not wait: BeginStop stops listening; once `drained`, or to end
  // what is left call TerminateFlows, Stop returns at once.
  void BeginStop();
  void TerminateFlows();
  bool drained();
  // Any thread: makes a Stop that is draining end its flows now.
  void HurryStop();

  // The real addresses, in the order of the options. Valid after Start.
  const std::vector<Address>& addresses() const { return addresses_; }
  const EngineOptions& options() const { return options_; }
  redirect::Redirector& redirector() { return *options_.redirector; }
  redirect::OwnListeners& own_listeners() { return own_listeners_; }
  std::uint64_t flows() const { return admission_.flows(); }
  metrics::Snapshot Metrics() const;

 private:
  friend class EnginePart;

  Engine(Runtime& runtime, EngineOptions options);
  // From a part, on its worker.
  void OnPartDrained();
  void AwaitDrained(Nanos drain);
  void RunUntilDrained(Nanos drain);
  void OnEachPart(absl::FunctionRef<void(EnginePart&)> work);

  Runtime& runtime_;
  const EngineOptions options_;
  redirect::OwnListeners own_listeners_;
  std::vector<Address> addresses_;
  std::unique_ptr<inspect::TapReader> tap_reader_;  // null: no tap
  std::vector<std::unique_ptr<EnginePart>> parts_;  // one a worker, same order
  Admission admission_;
  std::vector<std::unique_ptr<Admission>> listener_admissions_;  // as options_.listen
  bool started_ = false;
  bool stopping_ = false;
  absl::Mutex mutex_;
  std::size_t parts_left_ ABSL_GUARDED_BY(mutex_) = 0;
  bool hurry_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace sluice::runtime

#endif  // SLUICE_RUNTIME_ENGINE_H_
