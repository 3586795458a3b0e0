// SPDX-License-Identifier: Apache-2.0
//
// Counters of the emulated kernel: the atomics behind sluice::emulated::Statistics. Any thread.
#ifndef SLUICE_REDIRECT_EMULATED_COUNTERS_H_
#define SLUICE_REDIRECT_EMULATED_COUNTERS_H_

#include <atomic>
#include <cstdint>

#include "sluice/emulated.h"

namespace sluice::emulated {

// One line each: a member of Statistics.
#define SLUICE_EMULATED_COUNTERS(X) \
  X(connects)                       \
  X(redirected)                     \
  X(remote_redirects)               \
  X(blocked)                        \
  X(refused)                        \
  X(vetoes)                         \
  X(auth_passes)                    \
  X(delivered)                      \
  X(stripped)                       \
  X(foreign)                        \
  X(queries_records)                \
  X(queries_context)                \
  X(sets)                           \
  X(sets_failed)                    \
  X(pended)

class Counters {
 public:
  using Count = std::atomic<std::uint64_t>;

#define SLUICE_X(name) Count name{0};
  SLUICE_EMULATED_COUNTERS(SLUICE_X)
#undef SLUICE_X

  static void Add(Count& count) { count.fetch_add(1, std::memory_order_relaxed); }
  void Add(Fault fault) { Add(faults_[static_cast<int>(fault)]); }

  Statistics Snapshot() const {
    Statistics statistics;
#define SLUICE_X(name) statistics.name = name.load(std::memory_order_relaxed);
    SLUICE_EMULATED_COUNTERS(SLUICE_X)
#undef SLUICE_X
    for (int i = 0; i < kFaults; ++i)
      statistics.faults[i] = faults_[i].load(std::memory_order_relaxed);
    return statistics;
  }

 private:
  Count faults_[kFaults] = {};
};

}  // namespace sluice::emulated

#endif  // SLUICE_REDIRECT_EMULATED_COUNTERS_H_
