// SPDX-License-Identifier: Apache-2.0
#include "tools/sluice/units.h"

#include <array>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"

namespace sluice::tool {
namespace {

constexpr std::uint64_t kSourcesMax = 65536;

absl::Status Wrong(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("'", text, "' ", why));
}

// A whole number with an optional suffix; `factor(suffix)` is 0 for an unknown one.
absl::StatusOr<std::uint64_t> ParseScaled(absl::string_view text, std::uint64_t (*factor)(char),
                                          absl::string_view examples) {
  const std::string hint = absl::StrCat("is not ", examples);
  absl::string_view digits = text;
  std::uint64_t scale = 1;
  if (!digits.empty() && absl::ascii_isalpha(static_cast<unsigned char>(digits.back()))) {
    scale = factor(absl::ascii_tolower(static_cast<unsigned char>(digits.back())));
    if (scale == 0) return Wrong(text, hint);
    digits.remove_suffix(1);
  }
  if (digits.empty()) return Wrong(text, hint);
  for (const char c : digits) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return Wrong(text, hint);
  }
  std::uint64_t value = 0;
  if (!absl::SimpleAtoi(digits, &value)) return Wrong(text, "is too large");
  if (value > std::numeric_limits<std::uint64_t>::max() / scale) return Wrong(text, "is too large");
  return value * scale;
}

std::uint32_t V4Number(const Address& address) {
  const std::array<std::uint8_t, 16>& b = address.bytes();
  return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
}

Address V4FromNumber(std::uint32_t n) {
  return Address::V4(
      {static_cast<std::uint8_t>(n >> 24), static_cast<std::uint8_t>(n >> 16 & 0xFF),
       static_cast<std::uint8_t>(n >> 8 & 0xFF), static_cast<std::uint8_t>(n & 0xFF)},
      0);
}

absl::StatusOr<Address> ParseHost(absl::string_view text) {
  const bool v6 = absl::StrContains(text, ':');
  absl::StatusOr<Address> address =
      Address::Parse(v6 ? absl::StrCat("[", text, "]:0") : absl::StrCat(text, ":0"));
  if (text.empty() || !address.ok()) {
    return Wrong(text, "is not an address without a port: write for example 127.0.0.5 or ::1");
  }
  return address;
}

absl::Status AppendRange(absl::string_view text, std::vector<Address>* out) {
  const std::pair<absl::string_view, absl::string_view> ends =
      absl::StrSplit(text, absl::MaxSplits('-', 1));
  const absl::StatusOr<Address> first = ParseHost(ends.first);
  if (!first.ok()) return first.status();
  const absl::StatusOr<Address> last = ParseHost(ends.second);
  if (!last.ok()) return last.status();
  if (first->family() != Family::kV4 || last->family() != Family::kV4) {
    return Wrong(text, "is a range of addresses that are not IPv4: write them one by one");
  }
  const std::uint32_t low = V4Number(*first);
  const std::uint32_t high = V4Number(*last);
  if (low > high) return Wrong(text, "is a range whose end comes before its begin");
  if (high - low >= kSourcesMax) return Wrong(text, "is more than 65536 addresses");
  for (std::uint32_t n = low;; ++n) {
    out->push_back(V4FromNumber(n));
    if (n == high) return absl::OkStatus();
  }
}

}  // namespace

absl::StatusOr<Nanos> ParseDuration(absl::string_view text) {
  double number = 0;
  if (text != "0" && absl::SimpleAtod(text, &number)) {
    return Wrong(text, absl::StrCat("has no unit: write for example ", text, "s or ", text, "ms"));
  }
  absl::Duration duration;
  if (!absl::ParseDuration(text, &duration)) {
    return Wrong(text, "is not a duration: write for example 250ms, 10s, 5m or 1h");
  }
  if (duration < absl::ZeroDuration()) return Wrong(text, "is negative");
  // ToInt64Nanoseconds saturates; such a duration cannot be added to a time any more.
  if (duration > absl::Hours(24 * 365)) return Wrong(text, "is longer than a year");
  return absl::ToInt64Nanoseconds(duration);
}

absl::StatusOr<std::uint64_t> ParseCount(absl::string_view text) {
  return ParseScaled(
      text,
      [](char suffix) -> std::uint64_t {
        switch (suffix) {
          case 'k':
            return 1000;
          case 'm':
            return 1000 * 1000;
          default:
            return 0;
        }
      },
      "a count: write for example 500, 10k (= 10000) or 2m (= 2000000)");
}

absl::StatusOr<std::uint64_t> ParseSize(absl::string_view text) {
  return ParseScaled(
      text,
      [](char suffix) -> std::uint64_t {
        switch (suffix) {
          case 'k':
            return 1024;
          case 'm':
            return 1024 * 1024;
          case 'g':
            return 1024 * 1024 * 1024;
          default:
            return 0;
        }
      },
      "a size in bytes: write for example 64, 16k (= 16384) or 1m (= 1048576)");
}

absl::StatusOr<std::vector<Address>> ParseSources(absl::string_view text) {
  std::vector<Address> sources;
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    if (absl::StrContains(part, '-')) {
      const absl::Status status = AppendRange(part, &sources);
      if (!status.ok()) return status;
    } else {
      const absl::StatusOr<Address> address = ParseHost(part);
      if (!address.ok()) return address.status();
      sources.push_back(*address);
    }
    if (sources.size() > kSourcesMax) return Wrong(text, "is more than 65536 addresses");
    if (sources.front().family() != sources.back().family()) {
      return Wrong(text, "mixes IPv4 and IPv6: give addresses of the target's family");
    }
  }
  return sources;
}

std::string FormatDuration(Nanos duration) {
  return absl::FormatDuration(absl::Nanoseconds(duration));
}

}  // namespace sluice::tool
