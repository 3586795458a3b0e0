// SPDX-License-Identifier: Apache-2.0
//
// Payload: the bytes that load exchanges send and expect back. One immutable table of random bytes for all
// threads; an exchange reads it as an endless ring from a begin of its own, so nothing is filled or copied
// for each connection. The table's size is prime: no two places that a proxy could confuse (buffers of
// round sizes) hold the same bytes.
#ifndef SLUICE_TOOLS_PAYLOAD_H_
#define SLUICE_TOOLS_PAYLOAD_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/types/span.h"
#include "engine/base/prng.h"

namespace sluice::tool {

class Payload {
 public:
  static constexpr std::uint64_t kTableSize = 262139;

  explicit Payload(std::uint64_t seed) : table_(kTableSize) {
    Prng prng(seed);
    for (unsigned char& byte : table_) byte = static_cast<unsigned char>(prng.Next() >> 56);
  }

  // The run of bytes at `offset` of the stream that begins at table place `begin`: 1 to `size` bytes, fewer
  // than `size` only where the table wraps around. REQUIRES: size > 0.
  absl::Span<const unsigned char> At(std::uint64_t begin, std::uint64_t offset, std::uint64_t size) const {
    const std::uint64_t place = (begin + offset) % kTableSize;
    const std::uint64_t run = std::min(size, kTableSize - place);
    return absl::MakeConstSpan(table_).subspan(static_cast<std::size_t>(place), static_cast<std::size_t>(run));
  }

  // True if `data` is what stands at `offset` of that stream.
  bool Matches(std::uint64_t begin, std::uint64_t offset, absl::Span<const unsigned char> data) const {
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
