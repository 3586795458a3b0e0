// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/sim_parts.h"

#include "engine/base/check.h"

namespace sluice::sim {

using redirect::Verdict;

void TableRedirector::Query(redirect::QueryOp& operation, const redirect::WorkerView& worker,
                            io::Socket& accepted) {
  Begin(operation, this, worker, accepted);
  redirect::Origin origin;
  const auto found = table_.find(accepted.peer().ToString());
  SLUICE_CHECK(found != table_.end());
  origin.destination = found->second;
  origin.source = accepted.peer();
  EndLater(operation, Verdict::kOk, OsError{}, origin);
}

void TableRedirector::Carry(redirect::CarryOp& operation, const redirect::WorkerView& worker,
                            io::Socket& /*onward*/, const redirect::QueryOp& /*query*/) {
  Begin(operation, this, worker);
  EndLater(operation, Verdict::kOk, OsError{});
}

inspect::Verdict SimInspector::OnData(const inspect::FlowInfo& /*flow*/,
                                      inspect::Direction /*direction*/, memory::Chain& data,
                                      inspect::Later& later) {
  SLUICE_CHECK(!data.empty());
  if (!pends_ || world_.Chance(500)) return inspect::Verdict::kPass;
  inspect::Pending token = later.Take();
  // A full desk: the engine's default is a reset.
  if (!token) world_.CountFault();
  // Sometimes answered before OnData returned, sometimes taken and not meant.
  if (token && world_.Chance(100)) token.Resolve(inspect::Verdict::kPass);
  if (token && world_.Chance(50)) return inspect::Verdict::kPass;
  (world_.Fault(never_answered_) ? kept_ : tokens_).push_back(std::move(token));
  return inspect::Verdict::kPend;
}

void SimInspector::AnswerOne(std::vector<std::string>* complaints) {
  const auto index = static_cast<std::size_t>(world_.prng().Below(tokens_.size()));
  std::swap(tokens_[index], tokens_.back());
  inspect::Pending token = std::move(tokens_.back());
  tokens_.pop_back();
  const bool resets = world_.Chance(20);
  // Given up unanswered, or answered with a reset: not what an undisturbed run looks like.
  if (resets) world_.CountFault();
  if (resets && world_.Chance(500)) return;
  const bool counted = token.Resolve(resets ? inspect::Verdict::kReset : inspect::Verdict::kPass);
  if (counted && token.Resolve(inspect::Verdict::kPass)) {
    complaints->push_back("a pending verdict was resolved twice");
  }
}

}  // namespace sluice::sim
