// SPDX-License-Identifier: Apache-2.0
#include "engine/io/local_addresses.h"

namespace sluice::io {

// The simulated machine has loopback and nothing else.
std::vector<Address> LocalAddresses() {
  return {Address::Loopback(Family::kV4, 0), Address::Loopback(Family::kV6, 0)};
}

}  // namespace sluice::io
