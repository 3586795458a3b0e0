// SPDX-License-Identifier: Apache-2.0
#if defined(__linux__)

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

#include "tools/sluice/os.h"
#include "tools/sluice/os_common.h"

namespace sluice::tool {
namespace {

sigset_t StopSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

// A thread that waits for the signals may do anything; a signal handler may do next to nothing.
void StartSignalThread() {
  const sigset_t set = StopSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  // A shell starts background jobs with SIGINT ignored.
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  std::thread([set] {
    for (;;) {
      int number = 0;
      if (sigwait(&set, &number) == 0) StopHub::Get().Request();
    }
  }).detach();
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

}  // namespace

StopWatcher::StopWatcher(std::function<void(int)> handler) {
  StopHub::Get().Set(std::move(handler));
  static const bool started = (StartSignalThread(), true);
  static_cast<void>(started);
}

StopWatcher::~StopWatcher() { StopHub::Get().Set(nullptr); }

double ProcessCpuSeconds() {
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  return Seconds(usage.ru_utime) + Seconds(usage.ru_stime);
}

std::uint64_t ProcessHandles() {
  std::error_code error;
  std::uint64_t count = 0;
  for (std::filesystem::directory_iterator at("/proc/self/fd", error), end; !error && at != end;
       at.increment(error)) {
    ++count;
  }
  return count;
}

std::uint64_t ProcessId() { return static_cast<std::uint64_t>(getpid()); }

void RaiseHandleLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  if (limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  // Refusal is not an error: the old limit stays, and running into it is reported where it happens.
  static_cast<void>(setrlimit(RLIMIT_NOFILE, &limit));
}

}  // namespace sluice::tool

#endif
