// SPDX-License-Identifier: Apache-2.0
//
// StopGate: from requests to stop to the two things a verb does with them: drain at the first, cut
// at the second or when the drain has lasted too long. Any thread.
#ifndef SLUICE_TOOLS_STOP_GATE_H_
#define SLUICE_TOOLS_STOP_GATE_H_

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "engine/base/clock.h"

namespace sluice::tool {

class StopGate {
 public:
  // The n-th request.
  void Request(int n) {
    const std::lock_guard<std::mutex> lock(mutex_);
    requests_ = std::max(requests_, n);
    changed_.notify_all();
  }
  // The drain is over; ends WaitSecond.
  void Finish() {
    const std::lock_guard<std::mutex> lock(mutex_);
    finished_ = true;
    changed_.notify_all();
  }

  void WaitFirst() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return requests_ > 0; });
  }
  // False if `limit` passed without a request.
  bool WaitFirst(Nanos limit) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, std::chrono::nanoseconds(limit), [&] { return requests_ > 0; });
  }
  // True if it is time to cut: a second request, or `drain` has passed. False if Finish came first.
  bool WaitSecond(Nanos drain) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait_for(lock, std::chrono::nanoseconds(drain),
                      [&] { return requests_ > 1 || finished_; });
    return !finished_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int requests_ = 0;
  bool finished_ = false;
};

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_STOP_GATE_H_
