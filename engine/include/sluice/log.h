// SPDX-License-Identifier: Apache-2.0
//
// Log: what engines say. One sink for the whole process, because that is what a log is: engines say
// which of them speaks at the beginning of a line (EngineOptions::name). Without a sink lines go to
// stderr. Payload bytes are never logged.
#ifndef SLUICE_LOG_H_
#define SLUICE_LOG_H_

#include "absl/strings/string_view.h"

namespace sluice {

enum class LogLevel { kDebug = 0, kInfo = 1, kWarning = 2, kError = 3 };

// Any thread, several at a time; `line` has no newline and is valid during the call. Must not block
// for long, must not throw, and must not come back to the engine that speaks.
using LogSink = void (*)(void* user, LogLevel level, absl::string_view line);

// REQUIRES: no other thread is logging, so before the first runtime is made or after the last one
// is gone. A null sink restores stderr.
void SetLogSink(LogSink sink, void* user);
// Lines below `level` are dropped. Default: kInfo. Any thread.
void SetLogLevel(LogLevel level);
// "debug", "info", "warning", "error".
const char* LogLevelName(LogLevel level);

}  // namespace sluice

#endif  // SLUICE_LOG_H_
