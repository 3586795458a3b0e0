// SPDX-License-Identifier: Apache-2.0
#include "tools/sluice/percentile_file.h"

#include <cmath>
#include <cstdint>
#include <vector>

#include "absl/strings/str_format.h"

namespace sluice::tool {
namespace {

constexpr double kStepsPerHalf = 5;

double Millis(std::uint64_t nanos) { return static_cast<double>(nanos) / 1e6; }

// HdrHistogram's percentile iterator: the step halves each time that the distance to 100 does.
double NextPercentile(double percent) {
  const double halvings = std::floor(std::log2(100 / (100 - percent))) + 1;
  return percent + 100 / (kStepsPerHalf * std::exp2(halvings));
}

struct Bucket {
  std::uint64_t value = 0;
  std::uint64_t count_so_far = 0;
};

double StandardDeviation(const Histogram& latency) {
  double squares = 0;
  latency.ForEach([&](std::uint64_t value, std::uint64_t count) {
    const double distance = static_cast<double>(value) - latency.mean();
    squares += distance * distance * static_cast<double>(count);
  });
  return latency.count() == 0 ? 0 : std::sqrt(squares / static_cast<double>(latency.count()));
}

}  // namespace

std::string PercentileFile(const Histogram& latency) {
  std::string text = absl::StrFormat("%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
                                     "1/(1-Percentile)");
  std::vector<Bucket> buckets;
  std::uint64_t so_far = 0;
  latency.ForEach([&](std::uint64_t value, std::uint64_t count) {
    so_far += count;
    buckets.push_back(Bucket{value, so_far});
  });
  double percent = 0;
  for (const Bucket& bucket : buckets) {
    const double reached =
        100 * static_cast<double>(bucket.count_so_far) / static_cast<double>(so_far);
    // Each level that this bucket reaches is a line; of the last bucket only one, and then 100
    // itself.
    while (percent <= reached) {
      absl::StrAppendFormat(&text, "%12.3f %2.12f %10d %14.2f\n", Millis(bucket.value),
                            percent / 100, bucket.count_so_far, 1 / (1 - percent / 100));
      if (bucket.count_so_far == so_far) break;
      percent = NextPercentile(percent);
    }
  }
  if (so_far != 0) {
    absl::StrAppendFormat(&text, "%12.3f %2.12f %10d %14s\n", Millis(latency.max()), 1.0, so_far,
                          "inf");
  }
  absl::StrAppendFormat(&text, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n",
                        latency.mean() / 1e6, StandardDeviation(latency) / 1e6);
  absl::StrAppendFormat(&text, "#[Max     = %12.3f, Total count    = %12d]\n",
                        Millis(latency.max()), so_far);
  absl::StrAppendFormat(&text, "#[Buckets = %12d, SubBuckets     = %12d]\n",
                        Histogram::kValueBits - Histogram::kLinearBits + 1,
                        1 << Histogram::kLinearBits);
  return text;
}

}  // namespace sluice::tool
