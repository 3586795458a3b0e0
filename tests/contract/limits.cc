// SPDX-License-Identifier: Apache-2.0
#include "tests/contract/limits.h"

#include <string_view>

#include "engine/io/port.h"

#if defined(_WIN32)
// Declared by hand: this suite includes no OS header.
extern "C" __declspec(dllimport) void* __stdcall GetModuleHandleA(const char* name);
extern "C" __declspec(dllimport) void* __stdcall GetProcAddress(void* module, const char* name);
#endif

namespace sluice::contract {
namespace {

struct Limit {
  std::string_view backend;
  bool wine_only;
  Ability ability;
  const char* why;
};

constexpr Limit kLimits[] = {
    {"sim", false, Ability::kThreads, "the simulator steps every port on one thread"},
#if defined(_WIN32)
    {"sim", false, Ability::kFailedChecks,
     "a failed check keeps a second thread on Windows, and the simulator has one"},
#endif
    {"sim", false, Ability::kReusePort, "reuse_port is Linux only (ListenOptions)"},
    {"iocp", false, Ability::kReusePort, "reuse_port is Linux only (ListenOptions)"},
    {"iocp", false, Ability::kTellsOfLateReset,
     "no documented call of Windows tells of a reset behind a FIN before a send fails"},
    {"iocp", false, Ability::kPipes, "Winsock has no way from socket to socket past user memory"},
    {"iocp", true, Ability::kRemembersReset,
     "Wine 8's server takes the error off the socket (SO_ERROR) when the RST comes; a receive "
     "started later, also a "
     "plain blocking recv() without any of our code, then says 0 bytes"},
};

}  // namespace

const char* WhyNot(Ability ability) {
  const std::string_view backend = io::Port::BackendName();
  for (const Limit& limit : kLimits) {
    if (limit.ability != ability) continue;
    if (limit.backend != backend) continue;
    if (limit.wine_only && !UnderWine()) continue;
    return limit.why;
  }
  return nullptr;
}

bool UnderWine() {
#if defined(_WIN32)
  static const bool under_wine =
      GetProcAddress(GetModuleHandleA("ntdll.dll"), "wine_get_version") != nullptr;
  return under_wine;
#else
  return false;
#endif
}

int Rounds(int native) { return UnderWine() ? (native + 7) / 8 : native; }

}  // namespace sluice::contract
