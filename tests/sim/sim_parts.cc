// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/sim_parts.h"

#include "engine/base/check.h"

namespace sluice::sim {

void TableRedirector::Query(redirect::QueryOp& operation, const redirect::WorkerView& worker,
                            io::Socket& accepted) {
  Begin(operation, this, worker, accepted);
  redirect::Origin origin;
  const auto found = table_.find(accepted.peer().ToString());
  SLUICE_CHECK(found != table_.end());
  origin.destination = found->second;
  origin.source = accepted.peer();
  EndLater(operation, redirect::Verdict::kOk, OsError{}, origin);
}

void TableRedirector::Carry(redirect::CarryOp& operation, const redirect::WorkerView& worker,
                            io::Socket& /*onward*/, const redirect::QueryOp& /*query*/) {
  Begin(operation, this, worker);
  EndLater(operation, redirect::Verdict::kOk, OsError{});
}

sluice::Verdict SimInspector::OnData(InspectedFlow& /*flow*/, Direction /*direction*/, Bytes& data,
                                     DataCall& call) {
  SLUICE_CHECK(!data.empty());
  if (!pends_ || world_.Chance(500)) return sluice::Verdict::kPass;
  Pending token = call.TakeLater();
  // A full desk: the engine's default is a reset.
  if (!token) world_.CountFault();
  // Sometimes answered before OnData returned, sometimes taken and not meant.
  if (token && world_.Chance(100)) token.Resolve(sluice::Verdict::kPass);
  if (token && world_.Chance(50)) return sluice::Verdict::kPass;
  (world_.Fault(never_answered_) ? kept_ : tokens_).push_back(std::move(token));
  return sluice::Verdict::kPend;
}

void SimInspector::AnswerOne(std::vector<std::string>* complaints) {
  const auto index = static_cast<std::size_t>(world_.prng().Below(tokens_.size()));
  std::swap(tokens_[index], tokens_.back());
  Pending token = std::move(tokens_.back());
  tokens_.pop_back();
  const bool resets = world_.Chance(20);
  // Given up unanswered, or answered with a reset: not what an undisturbed run looks like.
  if (resets) world_.CountFault();
  if (resets && world_.Chance(500)) return;
  const bool counted = token.Resolve(resets ? sluice::Verdict::kReset : sluice::Verdict::kPass);
  if (counted && token.Resolve(sluice::Verdict::kPass)) {
    complaints->push_back("a pending verdict was resolved twice");
  }
}

}  // namespace sluice::sim
