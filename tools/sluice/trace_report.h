// SPDX-License-Identifier: Apache-2.0
//
// How `sluice chain` shows what the emulated platform saw. Pure functions.
#ifndef SLUICE_TOOLS_TRACE_REPORT_H_
#define SLUICE_TOOLS_TRACE_REPORT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "sluice/address.h"
#include "sluice/emulated.h"

namespace sluice::tool {

// How many records the platform should keep so that those of the first `connections` are still
// there when some thousand more have come. 0 for 0: no tracing, no cost.
std::size_t TraceCapacity(std::uint64_t connections, std::uint64_t hops);

// The lines of the first `connections` applications' connections that are complete in `text` (as
// Platform::TraceText writes it, of `records`), each followed by a verdict: where it ended, and
// whether a connection came back to a vendor that had redirected it before.
std::string TraceReport(const std::vector<emulated::TraceRecord>& records, absl::string_view text,
                        std::uint64_t connections, const Address& destination);

// "platform: connects=... redirected=... ...", and each fault that was raised.
std::string PlatformLine(const emulated::Statistics& statistics);

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_TRACE_REPORT_H_
