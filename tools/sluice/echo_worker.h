// SPDX-License-Identifier: Apache-2.0
//
// EchoWorker: one thread and port of `sluice echo`. Worker 0 also listens and hands accepted sockets out in
// turn, by value through a bounded ring. Each EchoFlow alternates between one receive and one send, so its
// operations never overlap; when the client has ended its half, everything was sent back, and it closes.
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

namespace sluice::tool {

class EchoWorker;

// Reused: a closed flow waits, with its buffer, for the next connection.
class EchoFlow : public ListNode<> {
 public:
  explicit EchoFlow(EchoWorker& worker);
  void Begin(io::AcceptedSocket accepted);
  void Cut();

 private:
  static constexpr std::size_t kBufferSize = 64 * 1024;

  void OnReceived(Outcome outcome);
  void OnSent(Outcome outcome);
  void Receive();
  void SendRest();
  void End(bool abort);

  EchoWorker& worker_;
  io::Socket socket_;
  io::RecvOp receive_;
  io::SendOp send_;
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t filled_ = 0;
  std::size_t sent_ = 0;
  bool ending_ = false;
};

struct EchoStats {
  std::uint64_t accepted = 0;
  std::uint64_t bytes = 0;   // echoed
  std::uint64_t failed = 0;  // connections that ended otherwise than by the client's FIN
};

class EchoWorker {
 public:
  static absl::StatusOr<std::unique_ptr<EchoWorker>> Create();
  ~EchoWorker();

  // Before Run, of worker 0 only: accepts on `local` for all `workers`. Returns the real address.
  absl::StatusOr<Address> Listen(const Address& local, std::vector<EchoWorker*> workers);
  // The thread's whole life; ends after Stop.
  void Run();
  // First request: accept no more, end when the last flow has. From the second: cut them. Any thread.
  void Stop(int requests);
  // REQUIRES: Run has returned.
  const EchoStats& stats() const { return stats_; }

 private:
  friend class EchoFlow;
  struct AcceptSlot {
    EchoWorker* worker = nullptr;
    io::AcceptOp operation;
    bool resting = false;  // failed, tried again at `retry_at_`
    void OnAccepted(Outcome outcome) { worker->OnAccepted(*this, outcome); }
  };

  explicit EchoWorker(std::unique_ptr<io::Port> port);
  void OnAccepted(AcceptSlot& slot, Outcome outcome);
  void Give(io::AcceptedSocket accepted);
  void TakeGiven();
  void Begin(io::AcceptedSocket accepted);
  void OnEnded(EchoFlow& flow);
  void ObeyStop();
  bool Busy() const;

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
