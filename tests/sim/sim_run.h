// SPDX-License-Identifier: Apache-2.0
//
// Play: one scenario from its first connect to the last handle given back, with everything that
// must hold checked while it runs and when it is over. tests/sim/README.md lists the checks.
#ifndef SLUICE_TESTS_SIM_SIM_RUN_H_
#define SLUICE_TESTS_SIM_SIM_RUN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/metrics/metrics.h"
#include "tests/sim/scenario.h"

namespace sluice::sim {

struct Report {
  std::vector<std::string> complaints;  // empty: all is well
  std::uint64_t fingerprint = 0;        // equal for equal runs
  std::uint64_t steps = 0;
  std::uint64_t faults = 0;
  Nanos duration = 0;  // of the world's clock
  metrics::Snapshot metrics;
  std::vector<std::string> stories;  // of both ends of each connection

  bool ok() const { return complaints.empty(); }
  std::string ToString() const;
};

// A failed SLUICE_CHECK ends the process, as everywhere.
Report Play(const Scenario& scenario);

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_SIM_RUN_H_
