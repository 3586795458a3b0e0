// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/close_reason.h"

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"

namespace sluice::flow {
namespace {

struct CauseRow {
  Cause cause;
  const char* name;
  metrics::Counter counter;
};

constexpr CauseRow kCauses[] = {
    {Cause::kFinished, "finished", metrics::Counter::k_closed_finished},
    {Cause::kReset, "reset", metrics::Counter::k_closed_reset},
    {Cause::kConnectFailed, "connect failed", metrics::Counter::k_closed_connect_failed},
    {Cause::kConnectTimeout, "connect timed out", metrics::Counter::k_closed_connect_timeout},
    {Cause::kQueryTimeout, "redirect query timed out", metrics::Counter::k_closed_query_timeout},
    {Cause::kNotRedirected, "not redirected", metrics::Counter::k_closed_not_redirected},
    {Cause::kQueryFailed, "redirect query failed", metrics::Counter::k_closed_query_failed},
    {Cause::kBadContext, "bad redirect context", metrics::Counter::k_closed_bad_context},
    {Cause::kCarryFailed, "setting redirect records failed",
     metrics::Counter::k_closed_carry_failed},
    {Cause::kLoopGuard, "destination is one of our listeners",
     metrics::Counter::k_closed_loop_guard},
    {Cause::kHopBudget, "hop budget spent", metrics::Counter::k_closed_hop_budget},
    {Cause::kStorm, "storm breaker of the destination", metrics::Counter::k_closed_storm},
    {Cause::kIdle, "idle timeout", metrics::Counter::k_closed_idle},
    {Cause::kHalfClosed, "half-closed timeout", metrics::Counter::k_closed_half_closed},
    {Cause::kLifetime, "lifetime over", metrics::Counter::k_closed_lifetime},
    {Cause::kInspector, "inspector", metrics::Counter::k_closed_inspector},
    {Cause::kNoResources, "out of resources", metrics::Counter::k_closed_no_resources},
    {Cause::kStalled, "held memory that others waited for", metrics::Counter::k_closed_stalled},
    {Cause::kDrain, "engine stopped", metrics::Counter::k_closed_drain},
};

const CauseRow& RowOf(Cause cause) {
  const CauseRow& row = kCauses[static_cast<std::size_t>(cause)];
  SLUICE_DCHECK(row.cause == cause);
  return row;
}

}  // namespace

const char* StageName(Stage stage) {
  switch (stage) {
    case Stage::kAccepted:
      return "accepted";
    case Stage::kQueried:
      return "queried";
    case Stage::kAdmitted:
      return "admitted";
    case Stage::kCarried:
      return "carried";
    case Stage::kConnected:
      return "connected";
    case Stage::kRelaying:
      return "relaying";
    case Stage::kClosing:
      return "closing";
    case Stage::kJoined:
      return "joined";
  }
  return "?";
}

const char* SideName(Side side) {
  switch (side) {
    case Side::kNone:
      return "both";
    case Side::kDownstream:
      return "downstream";
    case Side::kUpstream:
      return "upstream";
    case Side::kEngine:
      return "engine";
  }
  return "?";
}

const char* CauseName(Cause cause) { return RowOf(cause).name; }

metrics::Counter CounterOf(Cause cause) { return RowOf(cause).counter; }

std::string CloseReason::ToString() const {
  std::string text =
      absl::StrCat(CauseName(cause), " (", SideName(side), ", ", StageName(stage), ")");
  if (!error.ok()) absl::StrAppend(&text, ": ", error.ToString());
  return text;
}

}  // namespace sluice::flow
