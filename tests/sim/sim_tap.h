// SPDX-License-Identifier: Apache-2.0
//
// SimTap: hears what one engine of a run carries, throws now and then, and checks what it is told:
// order, offsets, that each open has its end, that what is heard and what is missed add up, and the
// bytes themselves where nobody can have changed them.
#ifndef SLUICE_TESTS_SIM_SIM_TAP_H_
#define SLUICE_TESTS_SIM_SIM_TAP_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/io/sim/world.h"
#include "engine/metrics/metrics.h"
#include "sluice/tap.h"

namespace sluice::sim {

class SimTap final : public Tap {
 public:
  // Connection i goes to TCP port `first_port` + i. `first`, `last`: the engine is the first, or
  // last, of its chain, so what comes up, or down, is as the far end said it.
  SimTap(io::sim::World& world, bool throws, std::uint16_t first_port, bool first, bool last)
      : world_(world), throws_(throws), first_port_(first_port), raw_{first, last} {}

  void OnRecord(const TapRecord& record) override;
  // Once its engine has stopped.
  void CheckTotals(const metrics::Snapshot& metrics);

  const std::vector<std::string>& complaints() const { return complaints_; }

 private:
  struct Heard {
    std::uint64_t connection = 0;
    std::uint64_t offset[2] = {};
    bool ended = false;
  };

  void OnData(Heard& flow, const TapRecord& record);
  void Complain(const TapRecord& record, const char* what);

  io::sim::World& world_;
  const bool throws_;
  const std::uint16_t first_port_;
  const bool raw_[2];
  std::map<std::uint64_t, Heard> flows_;
  std::uint64_t bytes_ = 0;
  std::uint64_t missed_ = 0;
  std::uint64_t threw_ = 0;
  std::vector<std::string> complaints_;
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_SIM_TAP_H_
