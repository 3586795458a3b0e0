// SPDX-License-Identifier: Apache-2.0
#include "engine/io/windows/native_address.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace sluice::io {
namespace {

// The first twelve bytes of ::ffff:a.b.c.d.
constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

}  // namespace

bool ToNative(const Address& address, Family family, NativeAddress* native) {
  *native = NativeAddress{};
  if (address.empty()) return false;
  if (family == Family::kV4) {
    const Address plain = address.Canonical();
    if (plain.family() != Family::kV4) return false;
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(plain.tcp_port());
    std::memcpy(&v4.sin_addr, plain.bytes().data(), sizeof(v4.sin_addr));
    std::memcpy(&native->storage, &v4, sizeof(v4));
    native->size = sizeof(v4);
    return true;
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(address.tcp_port());
  v6.sin6_scope_id = address.scope_id();
  auto* bytes = reinterpret_cast<std::uint8_t*>(&v6.sin6_addr);
  if (address.family() == Family::kV6) {
    std::copy_n(address.bytes().begin(), 16, bytes);
  } else {
    std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), bytes);
    std::copy_n(address.bytes().begin(), 4, bytes + kMappedPrefix.size());
  }
  std::memcpy(&native->storage, &v6, sizeof(v6));
  native->size = sizeof(v6);
  return true;
}

Address FromNative(const sockaddr* native, int size) {
  if (native == nullptr) return Address{};
  if (native->sa_family == AF_INET && size >= static_cast<int>(sizeof(sockaddr_in))) {
    sockaddr_in v4;
    std::memcpy(&v4, native, sizeof(v4));
    std::array<std::uint8_t, 4> bytes;
    std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
    return Address::V4(bytes, ntohs(v4.sin_port));
  }
  if (native->sa_family == AF_INET6 && size >= static_cast<int>(sizeof(sockaddr_in6))) {
    sockaddr_in6 v6;
    std::memcpy(&v6, native, sizeof(v6));
    std::array<std::uint8_t, 16> bytes;
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return Address::V6(bytes, ntohs(v6.sin6_port), v6.sin6_scope_id);
  }
  return Address{};
}

Address LocalAddressOf(SOCKET socket) {
  sockaddr_storage storage{};
  int size = sizeof(storage);
  if (getsockname(socket, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return Address{};
  return FromNative(reinterpret_cast<const sockaddr*>(&storage), size);
}

}  // namespace sluice::io
