// SPDX-License-Identifier: Apache-2.0
//
// Runtime: the workers that engines share. Control thread only, but for the accessors.
// Life: Create (makes the ports, so it fails where completion ports are not to be had), engines
// come and go, Stop or destroy.
#ifndef SLUICE_RUNTIME_RUNTIME_H_
#define SLUICE_RUNTIME_RUNTIME_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/io/port.h"
#include "engine/redirect/loop_guard.h"
#include "engine/runtime/worker.h"

namespace sluice::runtime {

struct RuntimeOptions {
  int workers = 1;
  // True: no thread is made; the caller runs `worker(i).Turn()` for each worker in turn, on the
  // thread that made the runtime, from its own loop.
  bool caller_driven = false;
  redirect::LoopPolicy loops;
  // Each worker's thread is called `<thread_name>/<index>`, and worker i keeps to the processors in
  // affinity[i % affinity.size()]; empty: any.
  std::string thread_name = "sluice";
  std::vector<std::vector<int>> affinity;
  WorkerOptions worker;  // but for thread_name and processors
};

class Runtime {
 public:
  // Makes the workers, and starts them unless they are caller-driven.
  static absl::StatusOr<std::unique_ptr<Runtime>> Create(const RuntimeOptions& options);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // Ends the workers. REQUIRES: every engine is gone or stopped. Idempotent.
  void Stop();

  std::size_t workers() const { return workers_.size(); }
  Worker& worker(std::size_t index) { return *workers_[index]; }
  // Shared by all engines: a ring of proxies runs through several.
  redirect::LoopGuard& loop_guard() { return loop_guard_; }
  bool caller_driven() const { return caller_driven_; }
  std::atomic<std::uint64_t>& next_flow_id() { return next_flow_id_; }
  // The worker for the next listener, in turn.
  std::size_t NextListeningWorker() { return next_listener_++ % workers_.size(); }

  // What is held now, over all workers. Exact once Stop has returned.
  LiveCounts Live();
  io::PortStats PortTotals();

 private:
  Runtime(const redirect::LoopPolicy& loops, bool caller_driven)
      : loop_guard_(loops), caller_driven_(caller_driven) {}
  void OnEachWorker(absl::FunctionRef<void(Worker&)> work);

  redirect::LoopGuard loop_guard_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::atomic<std::uint64_t> next_flow_id_{1};
  std::size_t next_listener_ = 0;
  const bool caller_driven_;
  bool running_ = false;
};

}  // namespace sluice::runtime

#endif  // SLUICE_RUNTIME_RUNTIME_H_
