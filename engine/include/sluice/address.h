// SPDX-License-Identifier: Apache-2.0
//
// Address: an IPv4 or IPv6 address with a TCP port. A plain value, immutable in spirit, safe to
// copy between threads. The one address type of the engine, its embedders and its programs.
//
// Text forms accepted by Parse: `127.0.0.1:80`, `[::1]:80`, `:80` (every local IPv4 address) and
// `[fe80::1%3]:80` (numeric scope id). Names are never resolved here.
#ifndef SLUICE_ADDRESS_H_
#define SLUICE_ADDRESS_H_

#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sluice {

enum class Family : std::uint8_t { kNone = 0, kV4 = 4, kV6 = 6 };

class Address {
 public:
  // The empty address: family kNone, port 0.
  Address() = default;

  // `bytes` in network order, `tcp_port` in host order.
  static Address V4(std::array<std::uint8_t, 4> bytes, std::uint16_t tcp_port);
  static Address V6(const std::array<std::uint8_t, 16>& bytes, std::uint16_t tcp_port,
                    std::uint32_t scope_id = 0);
  static Address Loopback(Family family, std::uint16_t tcp_port);
  static Address Wildcard(Family family, std::uint16_t tcp_port);

  // The error names what is wrong and what would be right. Thread-safe.
  static absl::StatusOr<Address> Parse(absl::string_view text);

  Family family() const { return family_; }
  std::uint16_t tcp_port() const { return tcp_port_; }
  std::uint32_t scope_id() const { return scope_id_; }
  // IPv4 uses the first four bytes; the rest are zero.
  const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }

  bool empty() const { return family_ == Family::kNone; }
  // True for 127.0.0.0/8, ::1 and ::ffff:127.0.0.0/104.
  bool IsLoopback() const;
  // True for 0.0.0.0, :: and ::ffff:0.0.0.0.
  bool IsWildcard() const;
  bool IsV4Mapped() const;
  // ::ffff:a.b.c.d becomes a.b.c.d, everything else is returned unchanged: two spellings, one key.
  Address Canonical() const;
  Address WithPort(std::uint16_t tcp_port) const;

  // Text that Parse reads back.
  std::string ToString() const;

  friend bool operator==(const Address& a, const Address& b) {
    return a.family_ == b.family_ && a.tcp_port_ == b.tcp_port_ && a.scope_id_ == b.scope_id_ &&
           a.bytes_ == b.bytes_;
  }
  friend bool operator!=(const Address& a, const Address& b) { return !(a == b); }

  template <typename H>
  friend H AbslHashValue(H h, const Address& a) {
    return H::combine(std::move(h), a.family_, a.tcp_port_, a.scope_id_, a.bytes_);
  }

 private:
  std::array<std::uint8_t, 16> bytes_{};
  std::uint32_t scope_id_ = 0;
  std::uint16_t tcp_port_ = 0;
  Family family_ = Family::kNone;
};

}  // namespace sluice

#endif  // SLUICE_ADDRESS_H_
