// SPDX-License-Identifier: Apache-2.0
#include "sluice/metrics.h"

namespace sluice {

std::optional<std::uint64_t> Metrics::Find(absl::string_view name) const {
  for (const Metric& metric : all_) {
    if (metric.name == name) return metric.value;
  }
  return std::nullopt;
}

}  // namespace sluice
