// SPDX-License-Identifier: Apache-2.0
//
// Units: how the command line writes durations, counts, sizes and source addresses, and how numbers
// are printed. Every error says what was written and what would be right, without the flag's name:
// the caller knows that. Any thread.
#ifndef SLUICE_TOOLS_UNITS_H_
#define SLUICE_TOOLS_UNITS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/base/clock.h"
#include "sluice/address.h"

namespace sluice::tool {

// `250ms`, `10s`, `1.5s`, `5m`, `1h`, `1h30m`; a bare number only if it is 0. Never negative.
absl::StatusOr<Nanos> ParseDuration(absl::string_view text);
// `5000`, `5k` (= 5000), `2m` (= 2000000).
absl::StatusOr<std::uint64_t> ParseCount(absl::string_view text);
// Bytes: `64`, `16k` (= 16384), `1m` (= 1048576), `2g`.
absl::StatusOr<std::uint64_t> ParseSize(absl::string_view text);
// Addresses without a TCP port, separated by commas; `127.0.1.1-127.0.1.50` is a range of IPv4
// addresses. All of one family, at most 65536. The result's TCP ports are 0.
absl::StatusOr<std::vector<Address>> ParseSources(absl::string_view text);

// "250ms", "10s", "1h": text that ParseDuration reads back.
std::string FormatDuration(Nanos duration);

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_UNITS_H_
