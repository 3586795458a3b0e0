// SPDX-License-Identifier: Apache-2.0
#include "engine/metrics/metrics.h"

namespace sluice::metrics {

absl::string_view CounterName(Counter counter) {
  switch (counter) {
#define SLUICE_X(name, text) \
  case Counter::k_##name:    \
    return #name;
    SLUICE_COUNTERS(SLUICE_X)
#undef SLUICE_X
    case Counter::kCount:
      break;
  }
  return "?";
}

absl::string_view CounterHelp(Counter counter) {
  switch (counter) {
#define SLUICE_X(name, text) \
  case Counter::k_##name:    \
    return text;
    SLUICE_COUNTERS(SLUICE_X)
#undef SLUICE_X
    case Counter::kCount:
      break;
  }
  return "?";
}

}  // namespace sluice::metrics
