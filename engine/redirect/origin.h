// SPDX-License-Identifier: Apache-2.0
//
// Origin: where a redirected connection was going, and who sent it there. A value.
#ifndef SLUICE_REDIRECT_ORIGIN_H_
#define SLUICE_REDIRECT_ORIGIN_H_

#include <cstdint>

#include "sluice/address.h"

namespace sluice::redirect {

struct Origin {
  Address destination;    // never empty after a successful query
  Address source;         // the application's end; empty if the context does not say
  std::uint32_t pid = 0;  // the application's process; 0 if unknown
};

}  // namespace sluice::redirect

#endif  // SLUICE_REDIRECT_ORIGIN_H_
