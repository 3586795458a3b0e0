// SPDX-License-Identifier: Apache-2.0
//
// Between Address and the kernel's sockaddr.
#ifndef SLUICE_IO_LINUX_SOCKADDR_H_
#define SLUICE_IO_LINUX_SOCKADDR_H_

#include <sys/socket.h>

#include "engine/io/socket.h"
#include "sluice/address.h"

namespace sluice::io {

// An address as the kernel reads and writes it; what AcceptOp and ConnectOp keep in their scratch.
struct KernelAddress {
  sockaddr_storage storage;
  socklen_t length;

  sockaddr* data() { return reinterpret_cast<sockaddr*>(&storage); }
};

int FamilyNumber(Family family);
// An empty address gives AF_UNSPEC.
void ToKernel(const Address& address, KernelAddress* out);
// Empty for families that are not ours.
Address FromKernel(const KernelAddress& address);
// One getsockname. Empty when it fails.
Address LocalAddressOf(NativeHandle handle);

inline int Descriptor(NativeHandle handle) { return static_cast<int>(handle); }

}  // namespace sluice::io

#endif  // SLUICE_IO_LINUX_SOCKADDR_H_
