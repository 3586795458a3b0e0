// SPDX-License-Identifier: Apache-2.0
//
// What all workers of one `sluice load` run share: what was asked for, when it is measured, how
// much is left, and the board on which they report. Made by the main thread before any worker runs.
#ifndef SLUICE_TOOLS_LOAD_PLAN_H_
#define SLUICE_TOOLS_LOAD_PLAN_H_

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <utility>

#include "engine/base/clock.h"
#include "tools/sluice/load_options.h"
#include "tools/sluice/load_stats.h"
#include "tools/sluice/payload.h"

namespace sluice::tool {

// LoadBoard: once a second each worker reports what happened since; the main thread takes the sum.
// Any thread.
class LoadBoard {
 public:
  struct Second {
    LoadStats stats;
    std::uint64_t live = 0;     // connections at its end
    std::uint64_t reports = 0;  // workers that reported
  };

  explicit LoadBoard(std::uint64_t workers) : running_(workers), workers_(workers) {}

  void Report(std::uint64_t second, const LoadStats& stats, std::uint64_t live) {
    const std::lock_guard<std::mutex> lock(mutex_);
    Second& sum = seconds_[second];
    sum.stats.Merge(stats);
    sum.live += live;
    ++sum.reports;
    changed_.notify_all();
  }
  // A worker's last word: its totals.
  void ReportEnd(const LoadTotals& total) {
    const std::lock_guard<std::mutex> lock(mutex_);
    total_.Merge(total);
    --running_;
    changed_.notify_all();
  }

  // Waits until every worker has reported `second` or ended. False if all have ended.
  bool Wait(std::uint64_t second, Second* out) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return running_ == 0 || seconds_[second].reports == workers_; });
    *out = seconds_[second];
    seconds_.erase(second);
    return running_ > 0;
  }
  // REQUIRES: all workers have ended.
  const LoadTotals& total() const { return total_; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::uint64_t, Second> seconds_;
  LoadTotals total_;
  std::uint64_t running_;
  const std::uint64_t workers_;
};

class LoadPlan {
 public:
  LoadPlan(const LoadOptions& options, Instant begin)
      : options_(options),
        payload_(kPayloadSeed),
        starts_left_(options.count == 0 ? std::numeric_limits<std::int64_t>::max()
                                        : static_cast<std::int64_t>(options.count)),
        opening_(options.threads),
        board_(options.threads) {
    BeginAt(begin);
  }

  // Time counts from here on. Before any worker runs: making many connections takes a while.
  void BeginAt(Instant begin) {
    begin_ = begin;
    measured_from_ = begin + options_.warmup;
    const bool timed = options_.duration != 0 && options_.mode != LoadMode::kIdle;
    end_ = timed ? measured_from_ + options_.duration : Instant::Never();
  }

  const LoadOptions& options() const { return options_; }
  const Payload& payload() const { return payload_; }
  Instant begin() const { return begin_; }
  Instant measured_from() const { return measured_from_; }
  LoadBoard& board() { return board_; }
  // With a rate, held connections are only opened by it.
  bool open_loop() const { return options_.rate != 0 && options_.mode != LoadMode::kIdle; }

  // When measuring ends as far as it is known now. Any thread.
  Instant end() const {
    return std::min(end_, Instant{stopped_ns_.load(std::memory_order_relaxed)});
  }
  // The first request ends the run now and lets exchanges finish; from the second on they are cut.
  // Any thread.
  void RequestStop(int requests) {
    if (requests == 1) EndAt(Instant::Now());
    stop_requests_.store(requests, std::memory_order_release);
  }
  int stop_requests() const { return stop_requests_.load(std::memory_order_acquire); }

  // Claims one more exchange that is due at `due`, if there is one to be had. Any thread.
  bool TakeStart(Instant due) {
    if (due >= end()) return false;
    if (due < measured_from_ || options_.count == 0) return true;
    return starts_left_.fetch_sub(1, std::memory_order_relaxed) > 0;
  }
  // True once --count is used up. Any thread.
  bool Exhausted() const { return starts_left_.load(std::memory_order_relaxed) <= 0; }

  bool InMeasuredTime(Instant moment) const { return moment >= measured_from_ && moment <= end(); }
  // Whether an exchange belongs to the rate. A closed loop counts what was begun and ended while
  // measured. An open loop counts what ended, whenever it was due: what comes late from before
  // makes up for what will come after. Connections that are held or transfer until the end all
  // count.
  bool CountsForRate(Instant due, Instant ended) const {
    if (options_.mode == LoadMode::kIdle || options_.transfers()) return true;
    return InMeasuredTime(ended) && (open_loop() || due >= measured_from_);
  }
  // And whether to the latencies: in an open loop everything due while measured, or the slow ones
  // would be missing.
  bool CountsForLatency(Instant due, Instant ended) const {
    return open_loop() ? InMeasuredTime(due) : CountsForRate(due, ended);
  }

  // Idle: who is told, once, how many connections are held. Before any worker runs.
  void set_on_idle(std::function<void(std::uint64_t)> on_idle) { on_idle_ = std::move(on_idle); }
  // Idle: a worker has opened its share, `held` of them with success. The last one starts the time
  // for which they are held. Any thread, once for each worker.
  void ReportHeld(std::uint64_t held) {
    held_.fetch_add(held);
    if (opening_.fetch_sub(1) != 1) return;
    const std::uint64_t held_in_all = held_.load();
    EndAt(held_in_all == 0 ? Instant::Now() : Instant::Now() + options_.duration);
    if (on_idle_) on_idle_(held_in_all);
  }

 private:
  void EndAt(Instant end) {
    std::int64_t known = stopped_ns_.load();
    while (end.ns < known && !stopped_ns_.compare_exchange_weak(known, end.ns)) {
    }
  }

  const LoadOptions options_;
  const Payload payload_;
  Instant begin_;
  Instant measured_from_;
  Instant end_;
  std::atomic<std::int64_t> starts_left_;
  std::atomic<std::int64_t> stopped_ns_{Instant::Never().ns};
  std::atomic<int> stop_requests_{0};
  std::atomic<std::uint64_t> held_{0};
  std::atomic<std::uint64_t> opening_;  // workers that have not opened their share yet
  std::function<void(std::uint64_t)> on_idle_;
  LoadBoard board_;
};

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_LOAD_PLAN_H_
