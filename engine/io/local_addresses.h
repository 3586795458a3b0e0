// SPDX-License-Identifier: Apache-2.0
#ifndef SLUICE_IO_LOCAL_ADDRESSES_H_
#define SLUICE_IO_LOCAL_ADDRESSES_H_

#include <vector>

#include "sluice/address.h"

namespace sluice::io {

// The addresses of this machine's interfaces at this moment, TCP port 0; loopback may be missing.
// Empty when the OS refuses to say. Any thread; control plane only: allocates and asks the kernel.
std::vector<Address> LocalAddresses();

}  // namespace sluice::io

#endif  // SLUICE_IO_LOCAL_ADDRESSES_H_
