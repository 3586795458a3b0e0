// SPDX-License-Identifier: Apache-2.0
//
// Prng: a small seeded generator (SplitMix64, by Vigna, public domain algorithm). Same seed, same
// sequence, on every machine. Not for secrets. One thread.
#ifndef SLUICE_BASE_PRNG_H_
#define SLUICE_BASE_PRNG_H_

#include <cstdint>

namespace sluice {

class Prng {
 public:
  explicit Prng(std::uint64_t seed) : state_(seed) {}

  std::uint64_t Next() {
    state_ += 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }

  // Uniform enough in [0, bound). REQUIRES: bound > 0.
  std::uint64_t Below(std::uint64_t bound) { return Next() % bound; }

  // True in `parts` of `whole` cases.
  bool Chance(std::uint64_t parts, std::uint64_t whole) { return Below(whole) < parts; }

 private:
  std::uint64_t state_;
};

}  // namespace sluice

#endif  // SLUICE_BASE_PRNG_H_
