// SPDX-License-Identifier: Apache-2.0
//
// WfpCounters: what the redirect service answered, per operation and meaning. A snapshot, plain
// values.
#ifndef SLUICE_REDIRECT_WFP_WFP_COUNTERS_H_
#define SLUICE_REDIRECT_WFP_WFP_COUNTERS_H_

#include <array>
#include <cstdint>

#include "engine/redirect/normalise.h"

namespace sluice::redirect {

struct WfpCounters {
  using PerMeaning = std::array<std::uint64_t, kMeanings>;

  // Indexed by Meaning. Growths and confirming queries count too, so the sum is the number of
  // controls.
  PerMeaning records{};
  PerMeaning context{};
  PerMeaning set{};
  std::uint64_t queries = 0;          // Query calls: accepted connections asked about
  std::uint64_t not_redirected = 0;   // ... whose verdict was kAbsent. A rising share of `queries`
                                      // means lost records: a full backlog, or a driver that strips
                                      // tags on loopback
  std::uint64_t bad_context = 0;      // context present but not of a known layout
  std::uint64_t no_context = 0;       // records without a context
  std::uint64_t confirmations = 0;    // second queries of an ambiguous answer
  std::uint64_t largest_records = 0;  // bytes

  std::uint64_t Growths() const {
    const auto grow = static_cast<std::size_t>(Meaning::kGrow);
    return records[grow] + context[grow];
  }
};

}  // namespace sluice::redirect

#endif  // SLUICE_REDIRECT_WFP_WFP_COUNTERS_H_
