// SPDX-License-Identifier: Apache-2.0
//
// How `sluice load` says what it measured: a line a second, a report for people, or one JSON document (its
// fields are described in tools/sluice/README.md). Pure functions of their input.
#ifndef SLUICE_TOOLS_LOAD_REPORT_H_
#define SLUICE_TOOLS_LOAD_REPORT_H_

#include <cstdint>
#include <string>

#include "tools/sluice/load_plan.h"
#include "tools/sluice/load_stats.h"

namespace sluice::tool {

struct LoadResult {
  LoadStats stats;
  double seconds = 0;      // the measured time
  double cpu_seconds = 0;  // of this process, warm-up too
};

// Connections per second and the share of exchanges that succeeded, 0 where nothing was tried.
double LoadRate(const LoadResult& result);
double LoadSuccessRatio(const LoadResult& result);

std::string LoadHeader();
// `succeeded_so_far` and `errors_so_far` include this second.
std::string LoadSecondLine(std::uint64_t second, const LoadBoard::Second& what, std::uint64_t succeeded_so_far,
                           std::uint64_t errors_so_far);
// Several lines, without a line end at the end.
std::string LoadText(const LoadResult& result);
std::string LoadJson(const LoadOptions& options, const LoadResult& result);

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_LOAD_REPORT_H_
