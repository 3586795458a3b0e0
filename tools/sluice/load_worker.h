// SPDX-License-Identifier: Apache-2.0
//
// LoadWorker: one thread and port of `sluice load`, and its Exchanges. An Exchange is one place of the closed
// loop: connect, send, receive and verify, close, and begin again. Worker-only after Create, but for Wake.
//
//   idle ---Start---> running ---success, failure---> ending (operations join) ---> running, resting or idle
//
// A failed exchange rests for a moment, so that a dead target does not make the loop spin.
#ifndef SLUICE_TOOLS_LOAD_WORKER_H_
#define SLUICE_TOOLS_LOAD_WORKER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/base/intrusive_list.h"
#include "engine/io/port.h"
#include "tools/sluice/load_plan.h"

namespace sluice::tool {

class LoadWorker;

class Exchange : public ListNode<> {
 public:
  explicit Exchange(LoadWorker& worker);

  void Start(Instant now, const Address& source);
  // Ends it without counting anything; for a hard stop.
  void Abandon();
  void Expire();

  // Running: when it has taken too long. Resting: when it may begin again.
  Instant due() const { return due_; }
  void set_due(Instant due) { due_ = due; }
  bool failed() const { return failed_; }

 private:
  void OnConnected(Outcome outcome);
  void OnSent(Outcome outcome);
  void OnReceived(Outcome outcome);
  void SendMore();
  void ReceiveMore();
  void Succeed();
  void Fail(LoadError kind, OsError error);
  void End(bool abort);
  void Settle();

  LoadWorker& worker_;
  io::Socket socket_;
  io::ConnectOp connect_;
  io::SendOp send_;
  io::RecvOp receive_;
  std::vector<unsigned char> buffer_;
  Instant begun_;
  Instant due_;
  std::uint64_t payload_begin_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
  LoadStage stage_ = LoadStage::kConnecting;
  bool ending_ = false;
  bool failed_ = false;
};

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

 private:
  friend class Exchange;

  LoadWorker(LoadPlan& plan, std::uint64_t index, std::unique_ptr<io::Port> port);
  void Turn();
  void StartSome(Instant now);
  bool StartOne(Exchange& exchange, Instant now);
  void ExpireOld(Instant now);
  void ReportSeconds(Instant now);
  Instant NextDeadline();
  // An exchange has been decided; its operations may still have to join.
  void OnEnding(Exchange& exchange);
  // An exchange has joined.
  void OnEnded(Exchange& exchange);

  LoadPlan& plan_;
  std::unique_ptr<io::Port> port_;
  std::vector<std::unique_ptr<Exchange>> exchanges_;
  IntrusiveList<Exchange> idle_;
  IntrusiveList<Exchange> running_;  // oldest first
  IntrusiveList<Exchange> ending_;
  IntrusiveList<Exchange> resting_;  // oldest first
  LoadStats second_;                         // since the last report, warm-up too
  LoadStats total_;
  std::uint64_t seconds_reported_ = 0;
  std::uint64_t next_source_;
  std::uint64_t next_payload_;
  bool over_ = false;       // nothing more will be started
  bool abandoned_ = false;  // a hard stop was carried out
};

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_LOAD_WORKER_H_
