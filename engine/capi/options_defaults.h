// SPDX-License-Identifier: Apache-2.0
//
// The defaults of the C ABI's options, taken from the C++ API's.
#ifndef SLUICE_CAPI_OPTIONS_DEFAULTS_H_
#define SLUICE_CAPI_OPTIONS_DEFAULTS_H_

#include "sluice/sluice.h"

namespace sluice::capi {

sluice_worker_options WorkerDefaults();
sluice_loop_policy LoopDefaults();
sluice_runtime_options RuntimeDefaults();
sluice_listener_options ListenerDefaults();
sluice_flow_policy PolicyDefaults();
sluice_flow_limits LimitsDefaults();
sluice_inspection_policy InspectionDefaults();
sluice_wfp_options WfpDefaults();
sluice_engine_options EngineDefaults();

}  // namespace sluice::capi

#endif  // SLUICE_CAPI_OPTIONS_DEFAULTS_H_
