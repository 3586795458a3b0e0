// SPDX-License-Identifier: Apache-2.0
#include "engine/io/linux/sockaddr.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <cstring>

namespace sluice::io {

int FamilyNumber(Family family) {
  switch (family) {
    case Family::kV4:
      return AF_INET;
    case Family::kV6:
      return AF_INET6;
    case Family::kNone:
      break;
  }
  return AF_UNSPEC;
}

void ToKernel(const Address& address, KernelAddress* out) {
  if (address.family() == Family::kV6) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.tcp_port());
    v6.sin6_scope_id = address.scope_id();
    static_assert(sizeof(v6.sin6_addr) == 16);
    std::memcpy(&v6.sin6_addr, address.bytes().data(), sizeof(v6.sin6_addr));
    std::memcpy(&out->storage, &v6, sizeof(v6));
    out->length = sizeof(v6);
    return;
  }
  sockaddr_in v4{};
  v4.sin_family = static_cast<sa_family_t>(FamilyNumber(address.family()));
  v4.sin_port = htons(address.tcp_port());
  std::memcpy(&v4.sin_addr, address.bytes().data(), sizeof(v4.sin_addr));
  std::memcpy(&out->storage, &v4, sizeof(v4));
  out->length = sizeof(v4);
}

Address FromKernel(const KernelAddress& address) {
  if (address.storage.ss_family == AF_INET && address.length >= sizeof(sockaddr_in)) {
    sockaddr_in v4;
    std::memcpy(&v4, &address.storage, sizeof(v4));
    std::array<std::uint8_t, 4> bytes;
    std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
    return Address::V4(bytes, ntohs(v4.sin_port));
  }
  if (address.storage.ss_family == AF_INET6 && address.length >= sizeof(sockaddr_in6)) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &address.storage, sizeof(v6));
    std::array<std::uint8_t, 16> bytes;
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return Address::V6(bytes, ntohs(v6.sin6_port), v6.sin6_scope_id);
  }
  return Address{};
}

Address LocalAddressOf(NativeHandle handle) {
  KernelAddress address{};
  address.length = sizeof(address.storage);
  if (getsockname(Descriptor(handle), address.data(), &address.length) != 0) return Address{};
  return FromKernel(address);
}

}  // namespace sluice::io
