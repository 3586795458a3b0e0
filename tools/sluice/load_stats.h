// SPDX-License-Identifier: Apache-2.0
//
// What `sluice load` counts. LoadStats is a plain value: each worker fills its own and hands it over once
// a second; the main thread adds them up.
#ifndef SLUICE_TOOLS_LOAD_STATS_H_
#define SLUICE_TOOLS_LOAD_STATS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "engine/base/clock.h"
#include "engine/base/outcome.h"
#include "tools/sluice/histogram.h"

namespace sluice::tool {

// One line each: name, field name in reports, text for people.
#define SLUICE_LOAD_ERRORS(X)                                                             \
  X(kConnectRefused, "connect_refused", "connection refused")                             \
  X(kConnectTimeout, "connect_timeout", "no connection in time")                          \
  X(kUnreachable, "unreachable", "host or network unreachable")                           \
  X(kNoLocalPort, "no_local_port", "no free local port, or source address not local")     \
  X(kNoHandles, "no_handles", "too many open files or handles")                           \
  X(kReset, "reset", "connection reset by peer")                                          \
  X(kTimeout, "timeout", "answer not complete in time")                                   \
  X(kEofEarly, "eof_early", "peer closed before the answer was complete")                 \
  X(kMismatch, "mismatch", "answer differs from what was sent")                           \
  X(kOther, "other", "other error")

enum class LoadError : std::uint8_t {
#define SLUICE_X(name, field, text) name,
  SLUICE_LOAD_ERRORS(SLUICE_X)
#undef SLUICE_X
};

struct LoadErrorName {
  const char* field;
  const char* text;
};

inline constexpr LoadErrorName kLoadErrorNames[] = {
#define SLUICE_X(name, field, text) {field, text},
    SLUICE_LOAD_ERRORS(SLUICE_X)
#undef SLUICE_X
};

inline constexpr std::size_t kLoadErrorKinds = std::size(kLoadErrorNames);

// Where an exchange was when the OS reported an error.
enum class LoadStage : std::uint8_t { kConnecting, kExchanging };

LoadError ClassifyLoadError(LoadStage stage, OsError error);

struct LoadStats {
  std::uint64_t succeeded = 0;       // complete exchanges that began and ended while measured
  std::uint64_t late = 0;            // complete, but during warm-up or after the end; not in `latency`
  std::uint64_t bytes_sent = 0;      // of `succeeded`
  std::uint64_t bytes_received = 0;  // of `succeeded`
  std::array<std::uint64_t, kLoadErrorKinds> errors{};  // at any time
  Instant last_success;              // zero: none
  OsError first_other;               // the first error counted as kOther or kNoLocalPort
  Histogram latency;                 // connect until the last byte is back, of `succeeded`

  std::uint64_t error_count() const;
  void Count(LoadError kind, OsError error);
  void Merge(const LoadStats& other);
  void Clear();
};

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_LOAD_STATS_H_
