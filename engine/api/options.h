// SPDX-License-Identifier: Apache-2.0
//
// Public options: whether they can work, and what they are inside. What the rooms below check
// themselves is not checked twice; field names are the same on both sides, so that messages fit.
#ifndef SLUICE_API_OPTIONS_H_
#define SLUICE_API_OPTIONS_H_

#include "absl/status/status.h"
#include "engine/runtime/engine.h"
#include "engine/runtime/runtime.h"
#include "sluice/engine.h"
#include "sluice/runtime.h"

namespace sluice::api {

absl::Status Check(const RuntimeOptions& options);
absl::Status Check(const EngineOptions& options);

runtime::RuntimeOptions Inside(const RuntimeOptions& options);
// But for `redirect`.
runtime::EngineOptions Inside(const EngineOptions& options);

}  // namespace sluice::api

#endif  // SLUICE_API_OPTIONS_H_
