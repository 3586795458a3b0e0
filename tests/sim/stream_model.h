// SPDX-License-Identifier: Apache-2.0
//
// StreamModel: what must arrive of one direction of a connection when somebody changes it on its
// way.
#ifndef SLUICE_TESTS_SIM_STREAM_MODEL_H_
#define SLUICE_TESTS_SIM_STREAM_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace sluice::sim {

// The byte at `offset` of a stream.
inline char ByteOf(std::uint64_t stream, std::size_t offset) {
  const std::uint64_t mixed = (stream + 1) * 0x9E3779B97F4A7C15ULL + offset * 0xBF58476D1CE4E5B9ULL;
  return static_cast<char>(mixed >> 56);
}

struct StreamModel {
  std::string out;     // decided, in order
  std::size_t in = 0;  // bytes of the source that are decided
  bool raw = true;     // what follows is as the source says it: nobody looks
  // Raw by an answer, which the engine takes a moment later: until then it may still ask.
  bool answered_raw = false;
  bool closed = false;  // by the inspector: a FIN of its own

  bool Matches(std::uint64_t stream, std::size_t offset, char byte) const {
    if (offset < out.size()) return out[offset] == byte;
    return raw && byte == ByteOf(stream, in + offset - out.size());
  }
  // How many bytes come of `sent`, when all of them are decided.
  std::size_t Total(std::size_t sent) const {
    return out.size() + (raw && sent > in ? sent - in : 0);
  }
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_STREAM_MODEL_H_
