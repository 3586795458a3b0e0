// SPDX-License-Identifier: Apache-2.0
//
// CloseReason: why a flow ended, from which side, in which stage. The first reason given wins; it
// is what is counted and what the log says.
#ifndef SLUICE_FLOW_CLOSE_REASON_H_
#define SLUICE_FLOW_CLOSE_REASON_H_

#include <cstdint>
#include <string>

#include "engine/base/outcome.h"
#include "engine/metrics/metrics.h"

namespace sluice::flow {

// What is guaranteed in each stage:
//   kAccepted   the downstream socket is open; the redirect query is under way
//   kQueried    the origin is known
//   kAdmitted   policy and loop guard agreed; the upstream socket is open; records are being set on
//   it kCarried    the upstream socket carries the records; connect is under way kConnected  both
//   sockets are connected; nothing was relayed yet kRelaying   both pumps run kClosing    no new
//   operation is started, but for what a reset still has to flush; sockets are closing kJoined the
//   kernel holds nothing of this flow
enum class Stage : std::uint8_t {
  kAccepted,
  kQueried,
  kAdmitted,
  kCarried,
  kConnected,
  kRelaying,
  kClosing,
  kJoined
};

enum class Side : std::uint8_t { kNone, kDownstream, kUpstream, kEngine };

// One cause, one counter: closed_<name>.
enum class Cause : std::uint8_t {
  kFinished,
  kReset,
  kConnectFailed,
  kConnectTimeout,
  kQueryTimeout,
  kNotRedirected,
  kQueryFailed,
  kBadContext,
  kCarryFailed,
  kLoopGuard,
  kHopBudget,
  kStorm,
  kIdle,
  kHalfClosed,
  kLifetime,
  kInspector,
  kNoResources,
  kStalled,
  kDrain,
};

struct CloseReason {
  Cause cause = Cause::kFinished;
  Side side = Side::kNone;
  Stage stage = Stage::kAccepted;
  OsError error;

  // "connect failed (upstream, carried): connection refused (os error 111)". Allocates.
  std::string ToString() const;
};

const char* StageName(Stage stage);
const char* SideName(Side side);
const char* CauseName(Cause cause);
metrics::Counter CounterOf(Cause cause);

}  // namespace sluice::flow

#endif  // SLUICE_FLOW_CLOSE_REASON_H_
