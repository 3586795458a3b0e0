// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/runtime.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace sluice::runtime {

absl::StatusOr<std::unique_ptr<Runtime>> Runtime::Create(const RuntimeOptions& options) {
  if (options.workers < 1 || options.workers > 1024) {
    return absl::InvalidArgumentError(
        absl::StrCat("workers: ", options.workers, " is not between 1 and 1024"));
  }
  const std::size_t handover = options.worker.handover_max;
  if (handover < 2 || (handover & (handover - 1)) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("worker.handover_max: ", handover, " is not a power of two from 2 on"));
  }
  if (options.loops.growth_max < 1 || options.loops.hops_max < 1) {
    return absl::InvalidArgumentError("loops: hops_max and growth_max must be at least 1");
  }
  std::unique_ptr<Runtime> runtime(new Runtime(options.loops, options.caller_driven));
  for (int i = 0; i < options.workers; ++i) {
    WorkerOptions of_worker = options.worker;
    of_worker.thread_name = absl::StrCat(options.thread_name, "/", i);
    if (!options.affinity.empty()) {
      of_worker.processors =
          options.affinity[static_cast<std::size_t>(i) % options.affinity.size()];
    }
    absl::StatusOr<std::unique_ptr<Worker>> worker = Worker::Create(i, of_worker);
    if (!worker.ok()) return worker.status();
    runtime->workers_.push_back(*std::move(worker));
  }
  runtime->running_ = true;
  if (options.caller_driven) return runtime;
  for (std::size_t i = 0; i < runtime->workers_.size(); ++i) {
    const OsError error = runtime->workers_[i]->Start();
    if (error.ok()) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("affinity[", i % options.affinity.size(),
                     "]: the worker cannot run on these processors: ", error.ToString()));
  }
  return runtime;
}

Runtime::~Runtime() { Stop(); }

void Runtime::Stop() {
  if (!running_) return;
  running_ = false;
  for (const std::unique_ptr<Worker>& worker : workers_) worker->Stop();
}

void Runtime::OnEachWorker(absl::FunctionRef<void(Worker&)> work) {
  for (const std::unique_ptr<Worker>& worker : workers_) {
    if (running_) {
      worker->Call([&] { work(*worker); });
    } else {
      work(*worker);
    }
  }
}

LiveCounts Runtime::Live() {
  LiveCounts live;
  OnEachWorker([&](Worker& worker) { live += worker.Live(); });
  return live;
}

io::PortStats Runtime::PortTotals() {
  io::PortStats totals;
  OnEachWorker([&](Worker& worker) {
    const io::PortStats stats = worker.port_stats();
    totals.armed += stats.armed;
    totals.sockets += stats.sockets;
    totals.turns += stats.turns;
    totals.waits += stats.waits;
    totals.wakes += stats.wakes;
    totals.handlers += stats.handlers;
    totals.calls += stats.calls;
  });
  return totals;
}

}  // namespace sluice::runtime
