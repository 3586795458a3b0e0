// SPDX-License-Identifier: Apache-2.0
//
// What must hold when a simulated run is over. Each complaint is one sentence.
#ifndef SLUICE_TESTS_SIM_CHECKS_H_
#define SLUICE_TESTS_SIM_CHECKS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "engine/metrics/metrics.h"
#include "engine/runtime/engine.h"
#include "tests/sim/far_end.h"
#include "tests/sim/scenario.h"

namespace sluice::sim {

using Complaints = std::vector<std::string>;

// What else happened in a run.
struct Surroundings {
  const metrics::Snapshot* metrics = nullptr;
  const flow::FlowPolicy* policy = nullptr;
  bool disturbed = false;  // by faults, leaps of the clock, or an early stop
  // What an inspector made of each direction; null: nothing.
  const StreamModel* up = nullptr;
  const StreamModel* down = nullptr;
};

// The stories of both ends of one connection agree.
void CheckConnection(std::size_t index, const Plan& plan, const Story& client, const Story& server,
                     const Surroundings& around, Complaints* complaints);
// Without a fault there is no reason for some ends.
void CheckUndisturbed(const metrics::Snapshot& metrics, Complaints* complaints);
// Each flow is joined, and has one reason. REQUIRES: stopped.
// `altered`: an inspector may copy.
void CheckCounters(const runtime::Engine& engine, bool altered, Complaints* complaints);
void CheckNothingIsLeft(const runtime::LiveCounts& live, Complaints* complaints);

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_CHECKS_H_
