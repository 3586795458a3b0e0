// SPDX-License-Identifier: Apache-2.0
//
// What all workers of one `sluice load` run share: what was asked for, when it is measured, how much is left,
// and the board on which they report. Made by the main thread before any worker runs.
#ifndef SLUICE_TOOLS_LOAD_PLAN_H_
#define SLUICE_TOOLS_LOAD_PLAN_H_

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <limits>
#include <map>
#include <mutex>
#include <vector>

#include "engine/base/clock.h"
#include "sluice/address.h"
#include "tools/sluice/load_stats.h"
#include "tools/sluice/payload.h"

namespace sluice::tool {

struct LoadOptions {
  Address target;
  std::uint64_t bytes = 64;
  std::uint64_t connections = 64;
  std::uint64_t count = 0;  // 0: not bounded by a count
  Nanos duration = 0;       // 0: not bounded by time
  std::uint64_t threads = 1;
  Nanos warmup = 0;
  Nanos timeout = 5 * kSecond;
  std::vector<Address> sources;
  bool json = false;
  bool allow_errors = false;
};

// LoadBoard: once a second each worker reports what happened since; the main thread takes the sum. Any
// thread.
class LoadBoard {
 public:
  struct Second {
    LoadStats stats;
    std::uint64_t live = 0;     // connections in progress at its end
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
  // A worker's last word: its totals of the measured time.
  void ReportEnd(const LoadStats& total) {
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
  const LoadStats& total() const { return total_; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::uint64_t, Second> seconds_;
  LoadStats total_;
  std::uint64_t running_;
  const std::uint64_t workers_;
};

class LoadPlan {
 public:
  LoadPlan(const LoadOptions& options, Instant begin)
      : options_(options),
        payload_(0x51C1CE),
        begin_(begin),
        measured_from_(begin + options.warmup),
        end_(options.duration == 0 ? Instant::Never() : measured_from_ + options.duration),
        starts_left_(options.count == 0 ? std::numeric_limits<std::int64_t>::max()
                                        : static_cast<std::int64_t>(options.count)),
        board_(options.threads) {}

  const LoadOptions& options() const { return options_; }
  const Payload& payload() const { return payload_; }
  Instant begin() const { return begin_; }
  Instant measured_from() const { return measured_from_; }
  LoadBoard& board() { return board_; }

  // When measuring ends as far as it is known now. Any thread.
  Instant end() const { return std::min(end_, Instant{stopped_ns_.load(std::memory_order_relaxed)}); }
  // The first request ends the run now and lets exchanges finish; from the second on they are cut. Any thread.
  void RequestStop(int requests) {
    if (requests == 1) stopped_ns_.store(Instant::Now().ns, std::memory_order_relaxed);
    stop_requests_.store(requests, std::memory_order_release);
  }
  int stop_requests() const { return stop_requests_.load(std::memory_order_acquire); }

  // Claims one more exchange, if there is one to be had. Any thread.
  bool TakeStart(Instant now) {
    if (now >= end()) return false;
    if (now < measured_from_ || options_.count == 0) return true;
    return starts_left_.fetch_sub(1, std::memory_order_relaxed) > 0;
  }
  bool Measures(Instant begun, Instant ended) const { return begun >= measured_from_ && ended <= end(); }

 private:
  const LoadOptions options_;
  const Payload payload_;
  const Instant begin_;
  const Instant measured_from_;
  const Instant end_;
  std::atomic<std::int64_t> starts_left_;
  std::atomic<std::int64_t> stopped_ns_{Instant::Never().ns};
  std::atomic<int> stop_requests_{0};
  LoadBoard board_;
};

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_LOAD_PLAN_H_
