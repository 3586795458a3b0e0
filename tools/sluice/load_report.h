// SPDX-License-Identifier: Apache-2.0
//
// How `sluice load` says what it measured: a line a second, a report for people, or JSON documents
// (their fields are described in tools/sluice/README.md). Pure functions of their input.
#ifndef SLUICE_TOOLS_LOAD_REPORT_H_
#define SLUICE_TOOLS_LOAD_REPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tools/sluice/load_options.h"
#include "tools/sluice/load_plan.h"
#include "tools/sluice/load_stats.h"

namespace sluice::tool {

struct LoadResult {
  LoadTotals totals;
  double seconds = 0;      // the measured time
  double cpu_seconds = 0;  // of this process, warm-up too
  std::vector<std::string> thresholds_missed;
};

// Of options.unit() a second; 0 where nothing was measured, or is: connections that are held have
// no rate.
double LoadRate(const LoadOptions& options, const LoadResult& result);
// The share of what was tried that succeeded, 0 where nothing was tried.
double LoadSuccessRatio(const LoadStats& stats);

// What all seconds up to now came to.
struct LoadSoFar {
  std::uint64_t opened = 0;
  std::uint64_t succeeded = 0;
  std::uint64_t bytes = 0;
  std::uint64_t errors = 0;

  void Add(const LoadStats& second);
};

std::string LoadHeader();
// `so_far` includes this second.
std::string LoadSecondLine(std::uint64_t second, const LoadBoard::Second& what,
                           const LoadSoFar& so_far);
std::string LoadSecondJson(std::uint64_t second, const LoadBoard::Second& what,
                           const LoadSoFar& so_far);
// Several lines, without a line end at the end.
std::string LoadText(const LoadOptions& options, const LoadResult& result);
// One document; of a stream, its last line.
std::string LoadJson(const LoadOptions& options, const LoadResult& result);

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_LOAD_REPORT_H_
