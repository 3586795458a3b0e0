// SPDX-License-Identifier: Apache-2.0
//
// Log: where the engine says things. A sink is installed once, before any worker starts; without
// one, lines go to stderr. Payload bytes are never logged. Log and the sink: any thread, so the
// sink must be thread-safe.
#ifndef SLUICE_BASE_LOG_H_
#define SLUICE_BASE_LOG_H_

#include "absl/strings/string_view.h"

namespace sluice {

enum class LogLevel { kDebug = 0, kInfo = 1, kWarning = 2, kError = 3 };

using LogSink = void (*)(void* user, LogLevel level, absl::string_view line);

// REQUIRES: no other thread is logging. A null sink restores stderr.
void SetLogSink(LogSink sink, void* user);
// Lines below `level` are dropped. Default: kInfo. Any thread.
void SetLogLevel(LogLevel level);
// For callers that would build an expensive line.
bool LogEnabled(LogLevel level);
void Log(LogLevel level, absl::string_view line);
const char* LogLevelName(LogLevel level);

}  // namespace sluice

#endif  // SLUICE_BASE_LOG_H_
