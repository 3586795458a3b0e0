// SPDX-License-Identifier: Apache-2.0
//
// EchoWorker: one thread and port of `sluice echo`. Worker 0 also listens and hands accepted
// sockets out in turn, by value through a bounded ring.
#ifndef SLUICE_TOOLS_ECHO_WORKER_H_
#define SLUICE_TOOLS_ECHO_WORKER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/base/intrusive_list.h"
#include "engine/base/mpsc_ring.h"
#include "engine/io/port.h"
#include "tools/sluice/echo_flow.h"
#include "tools/sluice/payload.h"

namespace sluice::tool {

struct EchoOptions {
  Address listen;
  std::uint64_t workers = 1;
  EchoBehaviour behaviour = EchoBehaviour::kEcho;
  std::uint64_t close_after = 0;  // bytes echoed of a connection; 0: never
  Nanos drain = 30 * kSecond;
};

struct EchoStats {
  std::uint64_t accepted = 0;
  std::uint64_t bytes = 0;   // echoed, received by a sink, or sent by a source
  std::uint64_t failed = 0;  // connections that ended otherwise than by the client's FIN
};

class EchoWorker {
 public:
  // `options` and `payload` are borrowed, of all workers.
  static absl::StatusOr<std::unique_ptr<EchoWorker>> Create(const EchoOptions& options,
                                                            const Payload& payload);
  ~EchoWorker();

  // Before Run, of worker 0 only: accepts on `local` for all `workers`. Returns the real address.
  absl::StatusOr<Address> Listen(const Address& local, std::vector<EchoWorker*> workers);
  // The thread's whole life; ends after Stop.
  void Run();
  // First request: accept no more, end when the last flow has. From the second: cut them. Any
  // thread.
  void Stop(int requests);
  // REQUIRES: Run has returned.
  const EchoStats& stats() const { return stats_; }

  // ---- For its flows. ----

  io::Port& port() { return *port_; }
  const EchoOptions& options() const { return options_; }
  const Payload& payload() const { return payload_; }
  void CountBytes(std::uint64_t bytes) { stats_.bytes += bytes; }
  void CountFailed() { ++stats_.failed; }
  void OnEnded(EchoFlow& flow);

 private:
  struct AcceptSlot {
    EchoWorker* worker = nullptr;
    io::AcceptOp operation;
    bool resting = false;  // failed, tried again at `retry_at_`
    void OnAccepted(Outcome outcome) { worker->OnAccepted(*this, outcome); }
  };

  EchoWorker(const EchoOptions& options, const Payload& payload, std::unique_ptr<io::Port> port);
  void OnAccepted(AcceptSlot& slot, Outcome outcome);
  void Give(io::AcceptedSocket accepted);
  void TakeGiven();
  void Begin(io::AcceptedSocket accepted);
  void ObeyStop();
  bool Busy() const;

  const EchoOptions& options_;
  const Payload& payload_;
  io::Message given_message_;  // outlives the port, which may still hold it
  std::unique_ptr<io::Port> port_;
  io::Socket listener_;
  std::vector<std::unique_ptr<AcceptSlot>> slots_;
  Instant retry_at_ = Instant::Never();
  std::vector<EchoWorker*> workers_;
  std::size_t next_worker_ = 0;
  MpscRing<io::AcceptedSocket> given_{4096};
  std::vector<std::unique_ptr<EchoFlow>> flows_;
  IntrusiveList<EchoFlow> free_;
  IntrusiveList<EchoFlow> live_;
  EchoStats stats_;
  std::atomic<int> stop_requests_{0};
  int stop_obeyed_ = 0;
};

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_ECHO_WORKER_H_
