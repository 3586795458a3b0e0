// SPDX-License-Identifier: Apache-2.0
//
// Which of the limits that `sluice load` was given did the run miss? A pure function of its input.
#ifndef SLUICE_TOOLS_LOAD_THRESHOLDS_H_
#define SLUICE_TOOLS_LOAD_THRESHOLDS_H_

#include <string>
#include <vector>

#include "tools/sluice/load_options.h"
#include "tools/sluice/load_report.h"

namespace sluice::tool {

// One line each, which begins with the flag. A latency that nobody measured misses its threshold.
std::vector<std::string> MissedThresholds(const LoadOptions& options, const LoadResult& result);

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_LOAD_THRESHOLDS_H_
