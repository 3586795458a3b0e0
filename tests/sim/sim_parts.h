// SPDX-License-Identifier: Apache-2.0
//
// What a simulated engine is given besides its world: where connections go, and who inspects them.
#ifndef SLUICE_TESTS_SIM_SIM_PARTS_H_
#define SLUICE_TESTS_SIM_SIM_PARTS_H_

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/io/sim/world.h"
#include "engine/redirect/redirector.h"
#include "sluice/inspector.h"

namespace sluice::sim {

// Sends each client where a table says.
class TableRedirector final : public redirect::Redirector {
 public:
  // By the client's address as text; ordered, so that nothing depends on where memory lies.
  using Table = std::map<std::string, Address>;
  explicit TableRedirector(const Table& table) : table_(table) {}

  const char* name() const override { return "table"; }
  void Query(redirect::QueryOp& operation, const redirect::WorkerView& worker,
             io::Socket& accepted) override;
  void Carry(redirect::CarryOp& operation, const redirect::WorkerView& worker, io::Socket& onward,
             const redirect::QueryOp& query) override;

 private:
  const Table& table_;
};

// Passes everything; as `pends`, about half of it only later, when somebody calls AnswerOne.
class SimInspector final : public Inspector {
 public:
  SimInspector(io::sim::World& world, bool pends, unsigned never_answered)
      : world_(world), pends_(pends), never_answered_(never_answered) {}

  Verdict OnData(InspectedFlow& flow, Direction direction, Bytes& data, DataCall& call) override;
  bool HasTokens() const { return !tokens_.empty(); }
  // Answers one, any; complains when a second answer counts.
  void AnswerOne(std::vector<std::string>* complaints);
  // What nobody ever answered, given up.
  void ForgetAll() {
    tokens_.clear();
    kept_.clear();
  }

 private:
  io::sim::World& world_;
  const bool pends_;
  const unsigned never_answered_;
  std::vector<Pending> tokens_;
  std::vector<Pending> kept_;  // never answered
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_SIM_PARTS_H_
