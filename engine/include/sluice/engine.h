// SPDX-License-Identifier: Apache-2.0
//
// Engine: one proxy: where it listens, where connections go, and by which rules. Engines are
// independent of each other, also on one runtime.
//
//   sluice::EngineOptions options;
//   options.listen = {*sluice::Address::Parse("127.0.0.1:8080")};
//   options.redirect = sluice::Redirect::To(*sluice::Address::Parse("127.0.0.1:80"));
//   auto engine = sluice::Engine::Create(std::move(options));
//   if (engine.ok() && (*engine)->Start().ok()) ...
//
// Life: Create, Start, Stop (which drains), destroy. It begins and ends on one control thread,
// which is never a worker's: nothing here may be called from an inspector, a codec or a hook unless
// it says "any thread". Nothing throws.
#ifndef SLUICE_ENGINE_H_
#define SLUICE_ENGINE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "sluice/address.h"
#include "sluice/inspector.h"
#include "sluice/metrics.h"
#include "sluice/redirect.h"
#include "sluice/runtime.h"
#include "sluice/tap.h"

namespace sluice {

// How many flows at once, and how fast. 0: no limit.
struct FlowLimits {
  std::uint64_t flows_max = 0;             // past it connections are refused with RST
  std::uint64_t flows_per_source_max = 0;  // the same, for one client address
  // Past it accepting pauses: clients wait in the backlog. At most 1,000,000,000.
  std::uint64_t accepts_per_second = 0;
  std::uint64_t accepts_burst = 0;  // at once, after a quiet time; 0: one second's worth
};

struct ListenerOptions {
  int backlog = 1024;       // 1 or more
  bool reuse_port = false;  // Linux only: several listeners share the address
  bool dual_stack = false;  // a v6 wildcard listener also takes v4
  int accepts = 64;         // kept outstanding; 1..65536
  // A failed accept is tried again after this long, then twice as long each time, up to the
  // longest.
  absl::Duration retry_first = absl::Milliseconds(10);
  absl::Duration retry_longest = absl::Seconds(1);
};

// What to do when the redirect query of a connection gives no origin (absent, denied, failed,
// late).
enum class OnQueryFailure : std::uint8_t {
  kClose = 0,   // fail closed: reset
  kDirect = 1,  // go to where the context says, or else to `direct_destination`; reset when neither
                // is known
};

// What to do when the records could not be set on the onward socket.
enum class OnCarryFailure : std::uint8_t {
  kClose = 0,           // fail closed: reset
  kWithoutRecords = 1,  // connect on a fresh socket that carries none: other vendors see a new
                        // connection
};

// Timeouts may be infinite unless it says otherwise, and are more than 0 unless 0 is explained.
struct FlowPolicy {
  absl::Duration query_timeout = absl::Seconds(2);  // of the query and of setting the records
  absl::Duration connect_timeout = absl::Seconds(5);
  absl::Duration idle_timeout = absl::Hours(1);
  absl::Duration half_closed_timeout = absl::Seconds(60);
  absl::Duration lifetime = absl::ZeroDuration();  // from accept on, however busy; 0: no limit
  // How often a leg whose stream has ended is asked whether it was reset since.
  absl::Duration reset_check_every = absl::Milliseconds(250);
  // How long a reset waits for bytes received before it to be handed on.
  absl::Duration linger_timeout = absl::Seconds(2);
  // A connection that lasts (a second) has its peers asked by the kernel whether they are there:
  // when nothing was heard of one for so long, and again every so often. One that misses as many of
  // these as the system allows is gone, which is like a reset by it. Whole seconds, 1 s to 9 h;
  // idle 0: nobody is asked.
  absl::Duration keepalive_idle = absl::Minutes(5);
  absl::Duration keepalive_interval = absl::Seconds(75);
  // A direction that received nothing for this long gives its chunk back. At most a day. 0: it
  // takes a chunk only for bytes that are there. Nothing: what costs least on this OS.
  std::optional<absl::Duration> quiet_after;
  // Bytes queued in one direction of a flow: past it reading stops, and resumes at half of it. 1024
  // or more.
  std::size_t queue_high = 256 * 1024;
  // Linux: bytes of a flow that moves much and that nobody inspects may stay in the kernel.
  bool splice = true;
  OnQueryFailure on_query_failure = OnQueryFailure::kClose;
  OnCarryFailure on_carry_failure = OnCarryFailure::kClose;
  Address direct_destination;  // for kDirect; empty: none
};

// Bounds of an engine's inspector. What it is told at a bound is in sluice/inspector.h.
struct InspectionPolicy {
  // What holds when an inspector does not say: its answer is late, its token is given up, too many
  // are waited for, it threw, or it said what is not allowed there. kPass, kDrop, kDetach, kClose
  // or kReset; of a connection that is being opened kDrop means kReset.
  Verdict default_verdict = Verdict::kReset;
  // Answers that are waited for: how many on each worker (at most 16777216), and how long.
  std::uint32_t pending_max = 1024;
  absl::Duration pending_timeout = absl::Seconds(5);
  // What may be kept of a direction to see more of it (kMore, Keep): bytes, 1 or more, and how
  // long.
  std::size_t more_bytes_max = 64 * 1024;
  absl::Duration more_timeout = absl::Seconds(5);
  // A call that takes this long is counted (`slow_callbacks`) and said in the log. 0 or more.
  absl::Duration slow_after = absl::Milliseconds(10);
  // Of each flow in each direction, also without an inspector; it may set others
  // (InspectedFlow::bytes_per_second_up). 0: no limit.
  std::uint64_t flow_bytes_per_second = 0;
  // Of all flows that the inspector looks at; each worker has an even share. 0: no limit.
  std::uint64_t bytes_per_second = 0;
  // How many connections a second it is asked about, at most 1,000,000,000; as many may come at
  // once; each worker has an even share. The others get `opens_exceeded`: kDetach (they go unseen),
  // kClose or kReset. 0: all.
  std::uint64_t opens_per_second = 0;
  Verdict opens_exceeded = Verdict::kReset;
};

struct EngineOptions {
  std::string name = "sluice";  // in log lines
  std::vector<Address> listen;  // at least one; TCP port 0: any
  ListenerOptions listener;     // of each
  Redirect redirect;            // where connections go
  FlowPolicy policy;
  FlowLimits limits{.flows_max = 100000};  // flows_max: 1 or more
  // For each address of `listen`, beside the engine's own; those left out have none.
  std::vector<FlowLimits> listener_limits;
  std::vector<Address> sources;  // local addresses of onward connections, in turn; empty: the OS's
                                 // choice
  // Payload bytes in queues, of all flows; past it who holds bytes stops reading. 0: no limit but
  // the workers' memory.
  std::size_t buffered_max = 0;
  Inspector* inspector = nullptr;  // borrowed; outlives the engine. Null: nobody looks
  InspectionPolicy inspection;
  Tap* tap = nullptr;  // borrowed; outlives the engine. Null: nobody listens in
  // What each worker keeps for the tap until it is told: bytes, 4096 or more, rounded down to a
  // power of two. Past it records are missed.
  std::size_t tap_bytes_max = std::size_t{1} << 20;
};

class Engine {
 public:
  // With workers of its own.
  static absl::StatusOr<std::unique_ptr<Engine>> Create(
      EngineOptions options, const RuntimeOptions& runtime = RuntimeOptions());
  // On those of `runtime`, which outlives it. Both fail on options that cannot work, naming the
  // one.
  static absl::StatusOr<std::unique_ptr<Engine>> Create(Runtime& runtime, EngineOptions options);
  // Stops at once if still running, and waits for a stop that was begun. Not in a `stopped`.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Listens on all addresses and accepts. On failure nothing listens, and the status names the
  // address; the engine is then good for nothing more. REQUIRES: called once.
  absl::Status Start();
  // The real addresses, in the order of the options. Valid after Start.
  const std::vector<Address>& addresses() const;

  // Stops listening, waits up to `drain` for flows to end, ends the rest with RST, waits until all
  // is given back. Caller-driven, it runs the turns that this takes. Idempotent.
  void Stop(absl::Duration drain = absl::Seconds(30));
  // The same without waiting. `stopped` runs once, when all is over: the last word of this engine.
  // It runs on a thread of its own, or caller-driven in a Turn, and may do anything but destroy the
  // engine. REQUIRES: started; not begun before.
  void BeginStop(absl::Duration drain, std::function<void()> stopped);
  // Any thread: makes a stop that is draining end its flows now.
  void HurryStop();

  // Its workers.
  Runtime& runtime();
  // Any thread.
  std::uint64_t flows() const;
  Metrics metrics() const;

 private:
  struct Impl;
  friend class Runtime;
  explicit Engine(std::unique_ptr<Impl> impl);
  static absl::StatusOr<std::unique_ptr<Engine>> CreateOn(Runtime& runtime, EngineOptions options,
                                                          std::unique_ptr<Runtime> own);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice

#endif  // SLUICE_ENGINE_H_
