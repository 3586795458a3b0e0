// SPDX-License-Identifier: Apache-2.0
//
// The content filter of the examples against std::string: pattern, text, stream and how it is cut
// come from the input. Small alphabets make matches, near matches and overlaps likely.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/check.h"
#include "tests/unit/examples/inspector_driver.h"
#include "tools/examples/filters/content_filter.h"

namespace {

using sluice::examples::ContentFilter;
using sluice::examples::InspectorDriver;

std::string Model(const std::string& stream, const std::string& pattern, const std::string& text) {
  std::string out;
  for (std::size_t at = 0;;) {
    const std::size_t found = stream.find(pattern, at);
    if (found == std::string::npos) return out + stream.substr(at);
    out += stream.substr(at, found - at) + text;
    at = found + pattern.size();
  }
}

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  bool empty() const { return size_ == 0; }
  std::uint8_t Byte() {
    if (size_ == 0) return 0;
    --size_;
    return *data_++;
  }
  // Each byte one of `letters`.
  std::string Word(std::size_t size, unsigned letters) {
    std::string word;
    while (word.size() < size) word += static_cast<char>('a' + Byte() % letters);
    return word;
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const unsigned letters = 1 + input.Byte() % 4;
  const std::string pattern = input.Word(1 + input.Byte() % 12, letters);
  const std::string text = input.Word(input.Byte() % 12, 26);
  // More than may be kept comes at once, too.
  const std::size_t more_bytes_max = pattern.size() + input.Byte() % 64;
  sluice::memory::Slab slab(sluice::memory::SlabOptions{64, 4096});
  ContentFilter filter(pattern, text, true, false);
  InspectorDriver driver(filter, slab, more_bytes_max);
  std::string stream;
  while (!input.empty() && stream.size() < 8192) {
    // A receive: up to four slices.
    std::vector<std::string> slices;
    for (int count = 1 + input.Byte() % 4; count > 0; --count) {
      slices.push_back(input.Word(input.Byte() % 32, letters));
      stream += slices.back();
    }
    driver.Receive(std::vector<absl::string_view>(slices.begin(), slices.end()));
    // Nothing that cannot become a match is held.
    SLUICE_CHECK(driver.held() < pattern.size());
  }
  driver.End();
  SLUICE_CHECK(driver.sent() == Model(stream, pattern, text));
  SLUICE_CHECK(!driver.opaque());
  return 0;
}
