// SPDX-License-Identifier: Apache-2.0
//
// Payload: the bytes that load exchanges send and expect back. One immutable table of random bytes
// for all threads; an exchange reads it as an endless ring from a begin of its own, so nothing is
// filled or copied for each connection. The table's size is prime: no two places that a proxy could
// confuse (buffers of round sizes) hold the same bytes. Uploads and downloads begin at place 0 of
// the table made of kPayloadSeed, which both ends know.
#ifndef SLUICE_TOOLS_PAYLOAD_H_
#define SLUICE_TOOLS_PAYLOAD_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/types/span.h"
#include "engine/base/prng.h"

namespace sluice::tool {

inline constexpr std::uint64_t kPayloadSeed = 0x51C1CE;

// What a sink says at the end of a connection, before its own FIN: how many bytes it received, and
// how many of them, from the first on, were the payload.
struct Receipt {
  static constexpr std::size_t kSize = 16;

  std::uint64_t received = 0;
  std::uint64_t matched = 0;

  void Write(unsigned char* to) const {
    for (std::size_t i = 0; i < 8; ++i) {
      to[i] = static_cast<unsigned char>(received >> (8 * i));
      to[8 + i] = static_cast<unsigned char>(matched >> (8 * i));
    }
  }
  static Receipt Read(const unsigned char* from) {
    Receipt receipt;
    for (std::size_t i = 8; i-- > 0;) {
      receipt.received = receipt.received << 8 | from[i];
      receipt.matched = receipt.matched << 8 | from[8 + i];
    }
    return receipt;
  }
};

class Payload {
 public:
  static constexpr std::uint64_t kTableSize = 262139;

  explicit Payload(std::uint64_t seed) : table_(kTableSize) {
    Prng prng(seed);
    for (unsigned char& byte : table_) byte = static_cast<unsigned char>(prng.Next() >> 56);
  }

  // The run of bytes at `offset` of the stream that begins at table place `begin`: 1 to `size`
  // bytes, fewer than `size` only where the table wraps around. REQUIRES: size > 0.
  absl::Span<const unsigned char> At(std::uint64_t begin, std::uint64_t offset,
                                     std::uint64_t size) const {
    const std::uint64_t place = (begin + offset) % kTableSize;
    const std::uint64_t run = std::min(size, kTableSize - place);
    return absl::MakeConstSpan(table_).subspan(static_cast<std::size_t>(place),
                                               static_cast<std::size_t>(run));
  }

  // True if `data` is what stands at `offset` of that stream.
  bool Matches(std::uint64_t begin, std::uint64_t offset,
               absl::Span<const unsigned char> data) const {
    while (!data.empty()) {
      const absl::Span<const unsigned char> expected = At(begin, offset, data.size());
      if (std::memcmp(expected.data(), data.data(), expected.size()) != 0) return false;
      offset += expected.size();
      data.remove_prefix(expected.size());
    }
    return true;
  }

 private:
  std::vector<unsigned char> table_;
};

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_PAYLOAD_H_
