// SPDX-License-Identifier: Apache-2.0
//
// Integers in byte strings that others wrote: byte-wise, so neither alignment nor the machine's
// order matters. Callers check bounds.
#ifndef SLUICE_REDIRECT_BYTES_H_
#define SLUICE_REDIRECT_BYTES_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace sluice::redirect {

template <typename T>
T LoadLittle(const std::byte* bytes) {
  static_assert(std::is_unsigned_v<T>);
  T value = 0;
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(&value, bytes, sizeof(T));
  } else {
    for (std::size_t i = sizeof(T); i > 0; --i) {
      value = static_cast<T>((std::uint64_t{value} << 8) |
                             std::to_integer<std::uint64_t>(bytes[i - 1]));
    }
  }
  return value;
}

template <typename T>
T LoadBig(const std::byte* bytes) {
  static_assert(std::is_unsigned_v<T>);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value = (value << 8) | std::to_integer<std::uint64_t>(bytes[i]);
  return static_cast<T>(value);
}

template <typename T>
void StoreLittle(std::byte* bytes, T value) {
  static_assert(std::is_unsigned_v<T>);
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    bytes[i] = static_cast<std::byte>((static_cast<std::uint64_t>(value) >> (8 * i)) & 0xFF);
  }
}

template <typename T>
void StoreBig(std::byte* bytes, T value) {
  static_assert(std::is_unsigned_v<T>);
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    bytes[sizeof(T) - 1 - i] =
        static_cast<std::byte>((static_cast<std::uint64_t>(value) >> (8 * i)) & 0xFF);
  }
}

}  // namespace sluice::redirect

#endif  // SLUICE_REDIRECT_BYTES_H_
