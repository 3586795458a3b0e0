// SPDX-License-Identifier: Apache-2.0
//
// Reading: what a reader of a stream's first bytes makes of those that came so far. It is given all
// of them each time, from the first on, so it keeps nothing between its calls.
#ifndef SLUICE_READING_H_
#define SLUICE_READING_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace sluice {

enum class Reading : std::uint8_t {
  kMore,       // so far a beginning of it: ask again when there are more bytes
  kFound,      // whole; the fields are set
  kOther,      // something else, and more bytes will not change that
  kMalformed,  // begins like it and breaks its rules
  kTooLong,    // longer than this reader allows
};

// A short text in place: what a reader found is kept without allocating.
template <std::size_t kMax>
class ShortText {
 public:
  static constexpr std::size_t kSizeMax = kMax;

  absl::string_view view() const { return absl::string_view(bytes_, size_); }
  bool empty() const { return size_ == 0; }
  void Clear() { size_ = 0; }
  // False when it is full: nothing was added.
  bool Add(char c) {
    if (size_ == kMax) return false;
    bytes_[size_++] = c;
    return true;
  }
  void RemoveLast() { --size_; }

 private:
  static_assert(kMax <= 0xFFFF);
  std::uint16_t size_ = 0;
  char bytes_[kMax];
};

}  // namespace sluice

#endif  // SLUICE_READING_H_
