// SPDX-License-Identifier: Apache-2.0
//
// Options of the C ABI as those of the C++ API. What the C++ API checks itself is not checked here;
// members are called the same on both sides, so its messages fit.
#ifndef SLUICE_CAPI_OPTIONS_H_
#define SLUICE_CAPI_OPTIONS_H_

#include "absl/status/status.h"
#include "engine/capi/adapters.h"
#include "sluice/engine.h"
#include "sluice/runtime.h"
#include "sluice/sluice.h"

namespace sluice::capi {

// *process: whose the runtime is to be, or null.
absl::Status Convert(const sluice_runtime_options* given, RuntimeOptions* out,
                     sluice_process** process);
// What is called back lives in *callbacks, which outlives the engine. *blocking: who inspects for
// it besides, or null.
absl::Status Convert(const sluice_engine_options* given, EngineOptions* out, Callbacks* callbacks,
                     sluice_blocking** blocking);

}  // namespace sluice::capi

#endif  // SLUICE_CAPI_OPTIONS_H_
