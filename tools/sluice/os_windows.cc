// SPDX-License-Identifier: Apache-2.0
#if defined(_WIN32)

#include <windows.h>

#include <thread>
#include <utility>

#include "tools/sluice/os.h"
#include "tools/sluice/os_common.h"

namespace sluice::tool {
namespace {

BOOL WINAPI OnConsoleEvent(DWORD event) {
  StopHub::Get().Request();
  if (event == CTRL_C_EVENT || event == CTRL_BREAK_EVENT) return TRUE;
  // Closing the console, logging off, shutting down: the process ends when this returns, or about 5
  // s later. Drain is over then: stop now, and leave the main thread the time to end the process
  // itself.
  StopHub::Get().Request();
  Sleep(4500);
  return TRUE;
}

double Seconds(const FILETIME& time) {
  const std::uint64_t ticks = (std::uint64_t{time.dwHighDateTime} << 32) | time.dwLowDateTime;
  return static_cast<double>(ticks) * 1e-7;  // ticks of 100 ns
}

}  // namespace

StopWatcher::StopWatcher(std::function<void(int)> handler) {
  StopHub::Get().Set(std::move(handler));
  SetConsoleCtrlHandler(&OnConsoleEvent, TRUE);
}

StopWatcher::~StopWatcher() {
  SetConsoleCtrlHandler(&OnConsoleEvent, FALSE);
  StopHub::Get().Set(nullptr);
}

double ProcessCpuSeconds() {
  FILETIME created{}, ended{}, kernel{}, user{};
  if (!GetProcessTimes(GetCurrentProcess(), &created, &ended, &kernel, &user)) return 0;
  return Seconds(kernel) + Seconds(user);
}

std::uint64_t ProcessHandles() {
  DWORD count = 0;
  return GetProcessHandleCount(GetCurrentProcess(), &count) ? count : 0;
}

std::uint64_t ProcessId() { return GetCurrentProcessId(); }

void RaiseHandleLimit() {}  // Windows has no such limit

}  // namespace sluice::tool

#endif
