// SPDX-License-Identifier: Apache-2.0
//
// The context layouts known here. All are byte layouts of Windows, whatever machine reads them:
// families are 2 (IPv4) and 23 (IPv6), little-endian; TCP ports and addresses of socket addresses
// are in network order.
#ifndef SLUICE_REDIRECT_CONTEXT_LAYOUTS_H_
#define SLUICE_REDIRECT_CONTEXT_LAYOUTS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/types/span.h"
#include "engine/redirect/context_codec.h"

namespace sluice::redirect {

// Our own layout, little-endian throughout, addresses in network order:
//    0  u32  magic "SLCX"         12  u16  source port
//    4  u16  version, 1           14  u16  zero
//    6  u16  size, 64             16  u32  pid
//    8  u8   destination family   20  u32  destination scope id
//    9  u8   source family        24  u32  source scope id
//   10  u16  destination port     28  u32  zero
//   32  16 bytes destination      48  16 bytes source
// Families are 4 or 6, the source's may be 0 (unknown). Bytes a family does not use are zero.
class SluiceContext final : public ContextCodec {
 public:
  static constexpr std::uint32_t kMagic = 0x58434C53;
  static constexpr std::uint16_t kVersion = 1;
  static constexpr std::size_t kSize = 64;

  const char* name() const override { return "sluice"; }
  std::optional<Origin> Decode(absl::Span<const std::byte> bytes) const override;
  std::string Encode(const Origin& origin) const override;
};

// One socket address, the destination: 16 bytes (IPv4), 28 bytes (IPv6) or a 128-byte storage.
class SockaddrContext final : public ContextCodec {
 public:
  static constexpr std::size_t kSizeV4 = 16;
  static constexpr std::size_t kSizeV6 = 28;
  static constexpr std::size_t kSizeStorage = 128;

  const char* name() const override { return "sockaddr"; }
  std::optional<Origin> Decode(absl::Span<const std::byte> bytes) const override;
  std::string Encode(const Origin& origin) const override;
};

// Two 128-byte storages, remote then local, as Microsoft's WFPSampler attaches. The local one may
// be empty (family 0) or unspecified.
class SockaddrPairContext final : public ContextCodec {
 public:
  static constexpr std::size_t kSize = 256;

  const char* name() const override { return "sockaddr-pair"; }
  std::optional<Origin> Decode(absl::Span<const std::byte> bytes) const override;
  std::string Encode(const Origin& origin) const override;
};

// A Windows socket address at the start of `bytes`; nothing if the family is unknown or the bytes
// too few.
std::optional<Address> ReadWindowsSockaddr(absl::Span<const std::byte> bytes);

}  // namespace sluice::redirect

#endif  // SLUICE_REDIRECT_CONTEXT_LAYOUTS_H_
