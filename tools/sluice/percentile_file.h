// SPDX-License-Identifier: Apache-2.0
//
// The text that HdrHistogram's tools (plotFiles.html, hdr-plot) read: one line a percentile, in
// steps that get finer toward the end, five to each halving of what is left. Values are
// milliseconds. Any thread.
#ifndef SLUICE_TOOLS_PERCENTILE_FILE_H_
#define SLUICE_TOOLS_PERCENTILE_FILE_H_

#include <string>

#include "tools/sluice/histogram.h"

namespace sluice::tool {

// `latency` holds nanoseconds.
std::string PercentileFile(const Histogram& latency);

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_PERCENTILE_FILE_H_
