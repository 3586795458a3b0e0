// SPDX-License-Identifier: Apache-2.0
//
// Address to sockaddr and back. Any thread.
#ifndef SLUICE_IO_WINDOWS_NATIVE_ADDRESS_H_
#define SLUICE_IO_WINDOWS_NATIVE_ADDRESS_H_

#include "engine/io/windows/winsock.h"
#include "sluice/address.h"

namespace sluice::io {

struct NativeAddress {
  sockaddr_storage storage{};
  int size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// As a socket of `family` wants it: v4 becomes v4-mapped for a v6 socket, v4-mapped becomes v4 for
// a v4 socket. False if the address has no form in that family.
bool ToNative(const Address& address, Family family, NativeAddress* native);

// Empty for anything but AF_INET and AF_INET6.
Address FromNative(const sockaddr* native, int size);

// getsockname; empty on failure.
Address LocalAddressOf(SOCKET socket);

}  // namespace sluice::io

#endif  // SLUICE_IO_WINDOWS_NATIVE_ADDRESS_H_
