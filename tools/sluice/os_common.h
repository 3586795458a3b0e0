// SPDX-License-Identifier: Apache-2.0
//
// StopHub: where the system's handler finds the StopWatcher of the moment. Shared by the two
// os_*.cc.
#ifndef SLUICE_TOOLS_OS_COMMON_H_
#define SLUICE_TOOLS_OS_COMMON_H_

#include <functional>
#include <mutex>
#include <utility>

namespace sluice::tool {

class StopHub {
 public:
  // Never destroyed: the system may deliver a signal while the process ends.
  static StopHub& Get() {
    static StopHub* hub = new StopHub;
    return *hub;
  }

  void Set(std::function<void(int)> handler) {
    const std::lock_guard<std::mutex> lock(mutex_);
    handler_ = std::move(handler);
    count_ = 0;
  }
  // Any thread.
  void Request() {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++count_;
    if (handler_) handler_(count_);
  }

 private:
  std::mutex mutex_;
  std::function<void(int)> handler_;
  int count_ = 0;
};

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_OS_COMMON_H_
