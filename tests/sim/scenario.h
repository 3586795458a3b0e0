// SPDX-License-Identifier: Apache-2.0
//
// Scenario: everything that one seed decides: how many workers, engines and connections there are,
// what the far ends do, which redirect platform and inspector, how the world misbehaves.
#ifndef SLUICE_TESTS_SIM_SCENARIO_H_
#define SLUICE_TESTS_SIM_SCENARIO_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/flow/flow_host.h"
#include "engine/io/sim/world.h"
#include "sluice/emulated_knobs.h"
#include "tests/sim/far_end.h"
#include "tests/sim/random_inspector.h"

namespace sluice::sim {

struct Plan {
  Script client;
  Script server;
  bool refused = false;  // nobody listens at its destination
};

enum class Inspection : std::uint8_t { kNone, kPass, kPend, kRandom };

struct Scenario {
  std::uint64_t seed = 0;
  io::sim::WorldOptions world;
  bool faulty = false;  // the odds contain faults
  int workers = 1;
  int hops = 1;           // engines in a row; more than one only on the emulated platform
  bool emulated = false;  // else each client's destination is looked up in a table
  emulated::Knobs knobs;
  Inspection inspection = Inspection::kNone;
  unsigned never_answered = 0;  // of a pended verdict, per mille
  RandomVerdicts random;
  bool tapped = false;
  bool tap_throws = false;
  std::size_t tap_bytes_max = 4096;
  bool stops_early = false;
  std::size_t stop_after = 0;  // steps
  bool jumps = false;          // the clock leaps
  int accepts = 2;
  std::uint32_t chunk_bytes = 1024;
  std::uint32_t chunks = 64;
  std::uint64_t flows_max = 1000;
  std::uint64_t accepts_per_second = 0;
  std::uint64_t buffered_max = 0;
  std::uint64_t inspector_bytes_per_second = 0;
  std::uint64_t inspector_opens_per_second = 0;
  std::size_t handover_max = 64;
  Nanos stall_timeout = 10 * kSecond;
  flow::FlowPolicy policy;
  std::vector<Plan> plans;

  static Scenario FromSeed(std::uint64_t seed);
  std::string ToString() const;
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_SCENARIO_H_
