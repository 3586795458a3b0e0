// SPDX-License-Identifier: Apache-2.0
#include "tests/redirect/chain_rig.h"

#ifdef _WIN32
#include "engine/io/windows/winsock.h"
#endif

namespace sluice::emulated {

bool ResetsMayLookLikeEnds() {
#ifdef _WIN32
  static const bool under_wine =
      GetProcAddress(GetModuleHandleA("ntdll.dll"), "wine_get_version") != nullptr;
  return under_wine;
#else
  return false;
#endif
}

}  // namespace sluice::emulated
