// SPDX-License-Identifier: Apache-2.0
#include "engine/redirect/context_layouts.h"

#include <array>
#include <cstring>

#include "engine/redirect/bytes.h"

namespace sluice::redirect {
namespace {

constexpr std::uint16_t kWindowsInet = 2;
constexpr std::uint16_t kWindowsInet6 = 23;

std::array<std::uint8_t, 16> LoadAddressBytes(const std::byte* bytes) {
  std::array<std::uint8_t, 16> address;
  std::memcpy(address.data(), bytes, address.size());
  return address;
}

std::byte* Writable(std::string& bytes) { return reinterpret_cast<std::byte*>(bytes.data()); }

// Writes at most kSizeV6 bytes; `bytes` are zero before.
void WriteWindowsSockaddr(std::byte* bytes, const Address& address) {
  if (address.empty()) return;
  const bool v4 = address.family() == Family::kV4;
  StoreLittle<std::uint16_t>(bytes, v4 ? kWindowsInet : kWindowsInet6);
  StoreBig<std::uint16_t>(bytes + 2, address.tcp_port());
  if (v4) {
    std::memcpy(bytes + 4, address.bytes().data(), 4);
  } else {
    std::memcpy(bytes + 8, address.bytes().data(), 16);
    StoreLittle<std::uint32_t>(bytes + 24, address.scope_id());
  }
}

// One address of our own layout. Nothing when it breaks the layout's rules.
std::optional<Address> ReadPart(std::uint8_t family, const std::byte* bytes, std::uint16_t tcp_port,
                                std::uint32_t scope_id) {
  const std::array<std::uint8_t, 16> raw = LoadAddressBytes(bytes);
  if (family == 6) return Address::V6(raw, tcp_port, scope_id);
  for (std::size_t i = family == 4 ? 4 : 0; i < raw.size(); ++i) {
    if (raw[i] != 0) return std::nullopt;
  }
  if (scope_id != 0) return std::nullopt;
  if (family == 4) return Address::V4({raw[0], raw[1], raw[2], raw[3]}, tcp_port);
  if (family == 0 && tcp_port == 0) return Address();
  return std::nullopt;
}

}  // namespace

std::optional<Address> ReadWindowsSockaddr(absl::Span<const std::byte> bytes) {
  if (bytes.size() < SockaddrContext::kSizeV4) return std::nullopt;
  const auto family = LoadLittle<std::uint16_t>(bytes.data());
  const auto tcp_port = LoadBig<std::uint16_t>(bytes.data() + 2);
  if (family == kWindowsInet) {
    std::array<std::uint8_t, 4> raw;
    std::memcpy(raw.data(), bytes.data() + 4, raw.size());
    return Address::V4(raw, tcp_port);
  }
  if (family != kWindowsInet6 || bytes.size() < SockaddrContext::kSizeV6) return std::nullopt;
  return Address::V6(LoadAddressBytes(bytes.data() + 8), tcp_port,
                     LoadLittle<std::uint32_t>(bytes.data() + 24));
}

std::optional<Origin> SluiceContext::Decode(absl::Span<const std::byte> bytes) const {
  if (bytes.size() != kSize) return std::nullopt;
  const std::byte* at = bytes.data();
  if (LoadLittle<std::uint32_t>(at) != kMagic) return std::nullopt;
  if (LoadLittle<std::uint16_t>(at + 4) != kVersion) return std::nullopt;
  if (LoadLittle<std::uint16_t>(at + 6) != kSize) return std::nullopt;
  if (LoadLittle<std::uint16_t>(at + 14) != 0) return std::nullopt;
  if (LoadLittle<std::uint32_t>(at + 28) != 0) return std::nullopt;
  const std::optional<Address> destination =
      ReadPart(std::to_integer<std::uint8_t>(at[8]), at + 32, LoadLittle<std::uint16_t>(at + 10),
               LoadLittle<std::uint32_t>(at + 20));
  const std::optional<Address> source =
      ReadPart(std::to_integer<std::uint8_t>(at[9]), at + 48, LoadLittle<std::uint16_t>(at + 12),
               LoadLittle<std::uint32_t>(at + 24));
  if (!destination.has_value() || !source.has_value()) return std::nullopt;
  if (destination->empty() || destination->tcp_port() == 0) return std::nullopt;
  return Origin{*destination, *source, LoadLittle<std::uint32_t>(at + 16)};
}

std::string SluiceContext::Encode(const Origin& origin) const {
  if (origin.destination.empty()) return std::string();
  std::string bytes(kSize, '\0');
  std::byte* at = Writable(bytes);
  StoreLittle<std::uint32_t>(at, kMagic);
  StoreLittle<std::uint16_t>(at + 4, kVersion);
  StoreLittle<std::uint16_t>(at + 6, static_cast<std::uint16_t>(kSize));
  at[8] = static_cast<std::byte>(origin.destination.family());
  at[9] = static_cast<std::byte>(origin.source.family());
  StoreLittle<std::uint16_t>(at + 10, origin.destination.tcp_port());
  StoreLittle<std::uint16_t>(at + 12, origin.source.tcp_port());
  StoreLittle<std::uint32_t>(at + 16, origin.pid);
  StoreLittle<std::uint32_t>(at + 20, origin.destination.scope_id());
  StoreLittle<std::uint32_t>(at + 24, origin.source.scope_id());
  std::memcpy(at + 32, origin.destination.bytes().data(), 16);
  std::memcpy(at + 48, origin.source.bytes().data(), 16);
  return bytes;
}

std::optional<Origin> SockaddrContext::Decode(absl::Span<const std::byte> bytes) const {
  const std::optional<Address> destination = ReadWindowsSockaddr(bytes);
  if (!destination.has_value() || destination->tcp_port() == 0) return std::nullopt;
  const std::size_t exact = destination->family() == Family::kV4 ? kSizeV4 : kSizeV6;
  if (bytes.size() != exact && bytes.size() != kSizeStorage) return std::nullopt;
  return Origin{*destination, Address(), 0};
}

std::string SockaddrContext::Encode(const Origin& origin) const {
  if (origin.destination.empty()) return std::string();
  std::string bytes(origin.destination.family() == Family::kV4 ? kSizeV4 : kSizeV6, '\0');
  WriteWindowsSockaddr(Writable(bytes), origin.destination);
  return bytes;
}

std::optional<Origin> SockaddrPairContext::Decode(absl::Span<const std::byte> bytes) const {
  if (bytes.size() != kSize) return std::nullopt;
  const std::optional<Address> remote = ReadWindowsSockaddr(bytes.subspan(0, kSize / 2));
  if (!remote.has_value() || remote->tcp_port() == 0) return std::nullopt;
  const absl::Span<const std::byte> second = bytes.subspan(kSize / 2);
  Origin origin{*remote, Address(), 0};
  if (LoadLittle<std::uint16_t>(second.data()) == 0) return origin;
  const std::optional<Address> local = ReadWindowsSockaddr(second);
  if (!local.has_value()) return std::nullopt;
  origin.source = *local;
  return origin;
}

std::string SockaddrPairContext::Encode(const Origin& origin) const {
  if (origin.destination.empty()) return std::string();
  std::string bytes(kSize, '\0');
  WriteWindowsSockaddr(Writable(bytes), origin.destination);
  WriteWindowsSockaddr(Writable(bytes) + kSize / 2, origin.source);
  return bytes;
}

}  // namespace sluice::redirect
