// SPDX-License-Identifier: Apache-2.0
//
// Log: where the engine says things. The sink is the embedder's (sluice/log.h). Any thread.
#ifndef SLUICE_BASE_LOG_H_
#define SLUICE_BASE_LOG_H_

#include "absl/strings/string_view.h"
#include "sluice/log.h"

namespace sluice {

// For callers that would build an expensive line.
bool LogEnabled(LogLevel level);
void Log(LogLevel level, absl::string_view line);

}  // namespace sluice

#endif  // SLUICE_BASE_LOG_H_
