// SPDX-License-Identifier: Apache-2.0
#include "tools/sluice/load_thresholds.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/sluice/units.h"

namespace sluice::tool {

std::vector<std::string> MissedThresholds(const LoadOptions& options, const LoadResult& result) {
  const LoadThresholds& wanted = options.thresholds;
  const LoadStats& stats = result.totals.stats;
  std::vector<std::string> missed;
  const double rate = LoadRate(options, result);
  if (wanted.rate_min != 0 && rate < static_cast<double>(wanted.rate_min)) {
    missed.push_back(absl::StrFormat("--min-rate: %.1f %s a second, wanted at least %d", rate,
                                     options.unit(), wanted.rate_min));
  }
  const auto limit = [&](const char* flag, double percent, Nanos most) {
    if (most == 0) return;
    const std::uint64_t seen = stats.latency.Percentile(percent);
    if (stats.latency.count() != 0 && seen <= static_cast<std::uint64_t>(most)) return;
    const std::string found = stats.latency.count() == 0
                                  ? "nothing was measured"
                                  : absl::StrFormat("%.3f ms", static_cast<double>(seen) / 1e6);
    missed.push_back(absl::StrCat(flag, ": ", found, ", wanted at most ", FormatDuration(most)));
  };
  limit("--max-p50", 50, wanted.p50_max);
  limit("--max-p99", 99, wanted.p99_max);
  limit("--max-p999", 99.9, wanted.p999_max);
  if (wanted.errors_max != LoadThresholds::kAnyErrors && stats.error_count() > wanted.errors_max) {
    missed.push_back(absl::StrCat("--max-errors: ", stats.error_count(), " errors, wanted at most ",
                                  wanted.errors_max));
  }
  return missed;
}

}  // namespace sluice::tool
