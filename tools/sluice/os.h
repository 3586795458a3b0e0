// SPDX-License-Identifier: Apache-2.0
//
// What the program needs of the operating system beyond io::Port: requests to stop, its own
// processor time, its process id. Implemented by os_linux.cc and os_windows.cc; no other files than
// os_*.cc of this folder include system headers.
#ifndef SLUICE_TOOLS_OS_H_
#define SLUICE_TOOLS_OS_H_

#include <cstdint>
#include <functional>

namespace sluice::tool {

// Calls `handler(n)` for the n-th request to stop: 1 asks for a drain, 2 and more mean now.
// Requests are SIGINT and SIGTERM, or Ctrl-C, Ctrl-Break and closing the console on Windows. The
// handler runs on a thread of its own, one call at a time, and never after the destructor has
// returned. Make it before any other thread, so that they inherit the blocked signals; one at a
// time in a process.
class StopWatcher {
 public:
  explicit StopWatcher(std::function<void(int)> handler);
  ~StopWatcher();
  StopWatcher(const StopWatcher&) = delete;
  StopWatcher& operator=(const StopWatcher&) = delete;
};

// User and system time of this process so far. Any thread.
double ProcessCpuSeconds();
// Descriptors, or handles, that this process has open; 0 where the system does not say. Any thread.
std::uint64_t ProcessHandles();
std::uint64_t ProcessId();
// Lifts the limit of open descriptors to what the system allows without asking anyone.
void RaiseHandleLimit();

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_OS_H_
