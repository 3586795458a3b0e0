// SPDX-License-Identifier: Apache-2.0
//
// Guarded calls: how the engine calls an inspector. What it throws ends here (this is the one file
// of the engine that is compiled with exceptions), and how long it took is measured by the OS
// clock, also in a simulated world: the code of others takes real time there too.
#ifndef SLUICE_INSPECT_GUARDED_CALLS_H_
#define SLUICE_INSPECT_GUARDED_CALLS_H_

#include "engine/base/clock.h"
#include "sluice/blocking_inspector.h"
#include "sluice/inspector.h"
#include "sluice/tap.h"

namespace sluice::inspect {

struct Called {
  Verdict verdict = Verdict::kReset;  // meaningless when it threw
  bool threw = false;
  Nanos took = 0;
};

Called CallOnOpen(Inspector& inspector, InspectedFlow& flow, OpenCall& call);
Called CallOnData(Inspector& inspector, InspectedFlow& flow, Direction direction, Bytes& data,
                  DataCall& call);
Called CallOnEnd(Inspector& inspector, InspectedFlow& flow, InspectionEnd end);
Called CallOnOpen(BlockingHandler& handler, BlockingFlow& flow, const BlockingOpen& open,
                  Answer* answer);
Called CallOnData(BlockingHandler& handler, BlockingFlow& flow, const BlockingData& data,
                  Answer* answer);
Called CallOnEnd(BlockingHandler& handler, BlockingFlow& flow);
// False when it threw. Not measured: a tap may take its time.
bool CallOnRecord(Tap& tap, const TapRecord& record);

}  // namespace sluice::inspect

#endif  // SLUICE_INSPECT_GUARDED_CALLS_H_
