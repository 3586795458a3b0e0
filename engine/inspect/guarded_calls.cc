// SPDX-License-Identifier: Apache-2.0
#include "engine/inspect/guarded_calls.h"

namespace sluice::inspect {
namespace {

template <typename Call>
Called Guarded(Call call) {
  const Instant begin = Instant::Now();
  Called called;
  try {
    called.verdict = call();
  } catch (...) {
    called.threw = true;
  }
  called.took = Instant::Now() - begin;
  return called;
}

}  // namespace

Called CallOnOpen(Inspector& inspector, InspectedFlow& flow, OpenCall& call) {
  return Guarded([&] { return inspector.OnOpen(flow, call); });
}

Called CallOnData(Inspector& inspector, InspectedFlow& flow, Direction direction, Bytes& data,
                  DataCall& call) {
  return Guarded([&] { return inspector.OnData(flow, direction, data, call); });
}

Called CallOnEnd(Inspector& inspector, InspectedFlow& flow, InspectionEnd end) {
  return Guarded([&] {
    inspector.OnEnd(flow, end);
    return Verdict::kPass;
  });
}

Called CallOnOpen(BlockingHandler& handler, BlockingFlow& flow, const BlockingOpen& open,
                  Answer* answer) {
  return Guarded([&] { return handler.OnOpen(flow, open, answer); });
}

Called CallOnData(BlockingHandler& handler, BlockingFlow& flow, const BlockingData& data,
                  Answer* answer) {
  return Guarded([&] { return handler.OnData(flow, data, answer); });
}

Called CallOnEnd(BlockingHandler& handler, BlockingFlow& flow) {
  return Guarded([&] {
    handler.OnEnd(flow);
    return Verdict::kPass;
  });
}

bool CallOnRecord(Tap& tap, const TapRecord& record) {
  try {
    tap.OnRecord(record);
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace sluice::inspect
