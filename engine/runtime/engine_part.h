// SPDX-License-Identifier: Apache-2.0
//
// EnginePart: what an engine has on one worker: its flows there, its counters, and on the listening
// worker its listeners. Worker-only.
//
// Ending: StopListening, then Drain; `drained` runs once when Drain was asked for, nothing listens
// and no flow is left.
#ifndef SLUICE_RUNTIME_ENGINE_PART_H_
#define SLUICE_RUNTIME_ENGINE_PART_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/log.h"
#include "engine/flow/flow.h"
#include "engine/inspect/tap_ring.h"
#include "engine/inspect/tap_writer.h"
#include "engine/inspect/verdict_desk.h"
#include "engine/io/message.h"
#include "engine/io/timer_wheel.h"
#include "engine/metrics/metrics.h"
#include "engine/net/listener.h"
#include "engine/net/token_bucket.h"
#include "engine/runtime/admission.h"
#include "engine/runtime/worker.h"

namespace sluice::runtime {

class Engine;

class EnginePart {
 public:
  EnginePart(Engine& engine, Worker& worker);
  EnginePart(const EnginePart&) = delete;
  EnginePart& operator=(const EnginePart&) = delete;
  ~EnginePart();

  // Listens on this worker; the real address goes to *bound. Connections wait until BeginAccepting.
  OsError Listen(const Address& local, const net::ListenerOptions& options, Address* bound);
  void BeginAccepting();
  // An admitted connection for this worker: becomes a flow.
  void Take(io::AcceptedSocket accepted, std::uint32_t listener);

  void StopListening();
  // No new flow from here on; `drained` of the engine is called once this part is empty.
  void Drain();
  // Ends every flow now.
  void TerminateFlows();

  Worker& worker() { return worker_; }
  // Any thread.
  const metrics::Counters& counters() const { return counters_; }

 private:
  // A listener, and what belongs to it alone.
  struct Listening {
    Listening(EnginePart& owner, std::uint32_t number, const net::ListenerOptions& options);
    EnginePart& part;
    const std::uint32_t index;  // in the engine's options
    net::Listener listener;
    std::optional<net::TokenBucket> rate;
  };

  void LimitRates(Listening& listening);
  void OnAccepted(std::uint32_t listener, io::AcceptedSocket accepted);
  bool Admit(std::uint32_t listener, const Address& client);
  bool AdmitTo(Admission& admission, const char* whose, const Address& client);
  void LeaveAdmission(std::uint32_t listener, const Address& client);
  void OnRatePaused(const net::TokenBucket& empty);
  void OnLimited(metrics::Counter counter);
  std::string LimitText(metrics::Counter counter) const;
  std::string InspectorText(metrics::Counter counter) const;
  void OnAcceptFailed(OsError error);
  void OnJoined(flow::Flow& flow);
  void OnNoticed(const flow::Flow& flow, metrics::Counter counter);
  void LimitInspector();
  void OpenTap();
  void OnTapWritten();
  void OnTapDue();
  void OpenDesk();
  void PostVerdictsCame();
  void OnPended();
  void OnVerdictsCame();
  void OnVerdictDeadline();
  void ReportIfDrained();
  std::string Describe(const flow::Flow& flow) const;
  template <typename Line>
  void Say(metrics::Counter counter, LogLevel level, Line line);

  Engine& engine_;
  Worker& worker_;
  metrics::Counters counters_;
  // Null when nobody inspects. Its answers come by `verdicts_came_`, its deadlines by one timer.
  std::unique_ptr<inspect::VerdictDesk> desk_;
  io::Message verdicts_came_;
  std::atomic<int> verdicts_on_way_{0};  // messages posted and not yet run
  io::Timer verdict_timer_;
  // Null when nobody taps. On a caller-driven runtime `tap_due_` takes its records out.
  std::unique_ptr<inspect::TapWriter> tap_;
  inspect::TapRing* tap_ring_ = nullptr;
  io::Message tap_due_;
  bool tap_on_way_ = false;  // tap_due_ was posted and has not run
  flow::BufferBudget budget_;
  flow::Pace pace_;
  flow::FlowHost host_;
  IntrusiveList<flow::Flow, flow::LiveTag> flows_;
  std::optional<net::TokenBucket> rate_;  // of the engine, on its listening worker
  std::vector<std::unique_ptr<Listening>> listeners_;
  std::size_t listening_ = 0;
  std::size_t rotation_ = 0;  // the other candidate for the next connection
  // When each counter was last said in the log, and how often it was counted silently since.
  struct Said {
    Instant at;
    std::uint64_t silent = 0;
  };
  std::array<Said, metrics::kCounterCount> said_{};
  bool draining_ = false;
  bool reported_ = false;
};

}  // namespace sluice::runtime

#endif  // SLUICE_RUNTIME_ENGINE_PART_H_
