// SPDX-License-Identifier: Apache-2.0
//
// LoadWorker: one thread and port of `sluice load`, and its connections: which of them may begin,
// and when. A failed one rests for a moment, so that a dead target does not make the loop spin.
// Worker-only after Create, but for Wake.
//
//   free ---> running ---> ending ---> free, resting or done
//              |   ^
//              v   |
//              kept (exchanges that wait for their next request)
#ifndef SLUICE_TOOLS_LOAD_WORKER_H_
#define SLUICE_TOOLS_LOAD_WORKER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/base/intrusive_list.h"
#include "engine/io/port.h"
#include "tools/sluice/exchange.h"
#include "tools/sluice/load_plan.h"
#include "tools/sluice/load_tally.h"
#include "tools/sluice/pace.h"

namespace sluice::tool {

class LoadWorker {
 public:
  // `connections` of its own; `index` only makes workers differ.
  static absl::StatusOr<std::unique_ptr<LoadWorker>> Create(LoadPlan& plan, std::uint64_t index,
                                                            std::uint64_t connections);
  ~LoadWorker();

  // The thread's whole life: returns when the run is over and everything is joined.
  void Run();
  // Any thread.
  void Wake() { port_->Wake(); }

  // ---- For its connections. ----

  LoadPlan& plan() { return plan_; }
  io::Port& port() { return *port_; }
  LoadTally& tally() { return tally_; }
  // Nothing more will be started.
  bool over() const { return over_; }
  std::uint64_t NextPayload();
  // It got on: time begins anew.
  void Touch(LoadConnection& connection);
  // A kept connection has no request in flight: gives it the next one, keeps it until one is due,
  // or ends it.
  void OnReadyToAsk(Exchange& exchange);
  // It does nothing until asked again.
  void Keep(Exchange& exchange);
  void OnFailed(LoadStage stage);
  // Its end is decided; its operations may still have to join.
  void OnEnding(LoadConnection& connection);
  // It has joined.
  void OnEnded(LoadConnection& connection);

 private:
  LoadWorker(LoadPlan& plan, std::uint64_t index, std::unique_ptr<io::Port> port);
  void Turn();
  void StartSome();
  void AskSome(int* budget);
  // Whether connections begin when their time has come, and not when there is a place.
  bool PacesStarts() const { return pace_.has_value() && options().mode != LoadMode::kRequests; }
  bool MayStart(Instant now);
  void StartOne(LoadConnection& connection, Instant now);
  void WindDown();
  void ReportIfHeld();
  void ExpireOld(Instant now);
  void CutIfAsked();
  void ReportSeconds(Instant now);
  Instant NextDeadline();
  bool Ended() const { return over_ && running_.empty() && ending_.empty() && kept_.empty(); }
  const LoadOptions& options() const { return plan_.options(); }

  LoadPlan& plan_;
  std::unique_ptr<io::Port> port_;
  LoadTally tally_;
  std::optional<Pace> pace_;  // of an open loop
  std::vector<std::unique_ptr<LoadConnection>> connections_;
  IntrusiveList<LoadConnection> free_;
  IntrusiveList<LoadConnection> running_;  // earliest deadline first
  IntrusiveList<LoadConnection> ending_;
  IntrusiveList<LoadConnection> resting_;  // earliest deadline first
  IntrusiveList<LoadConnection> done_;
  IntrusiveList<Exchange> kept_;  // longest waiting first
  const std::uint64_t index_;
  std::uint64_t seconds_reported_ = 0;
  std::uint64_t next_source_;
  std::uint64_t next_target_;
  std::uint64_t next_payload_;
  bool over_ = false;
  bool wound_down_ = false;     // what ran when it was over has been told
  bool abandoned_ = false;      // a hard stop was carried out
  bool held_reported_ = false;  // idle: all connections were opened, or failed
};

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_LOAD_WORKER_H_
