// SPDX-License-Identifier: Apache-2.0
//
// What `sluice load` counts. Plain values: each worker fills its own LoadStats and hands it over
// once a second, and its LoadTotals at the end; the main thread adds them up.
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
#define SLUICE_LOAD_ERRORS(X)                                                         \
  X(kConnectRefused, "connect_refused", "connection refused")                         \
  X(kConnectTimeout, "connect_timeout", "no connection in time")                      \
  X(kUnreachable, "unreachable", "host or network unreachable")                       \
  X(kNoLocalPort, "no_local_port", "no free local port, or source address not local") \
  X(kNoHandles, "no_handles", "too many open files or handles")                       \
  X(kReset, "reset", "connection reset by peer")                                      \
  X(kTimeout, "timeout", "answer not complete in time")                               \
  X(kEofEarly, "eof_early", "peer closed before the answer was complete")             \
  X(kNotClosed, "not_closed", "peer did not end the connection in time")              \
  X(kMismatch, "mismatch", "answer differs from what was sent")                       \
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

// Where a connection was when it failed.
enum class LoadStage : std::uint8_t { kConnecting, kExchanging, kClosing };

LoadError ClassifyLoadError(LoadStage stage, OsError error);
// What it means that time is up.
LoadError TimeoutError(LoadStage stage);

struct LoadStats {
  std::uint64_t succeeded = 0;         // complete exchanges or transfers, while measured
  std::uint64_t late = 0;              // complete, but during warm-up or after the end
  std::uint64_t bytes_sent = 0;        // while measured; of exchanges, of `succeeded`
  std::uint64_t bytes_received = 0;    // the same
  std::uint64_t opened = 0;            // connections that came to be, at any time
  std::uint64_t first_byte_nanos = 0;  // sum over `succeeded`
  std::array<std::uint64_t, kLoadErrorKinds> errors{};  // at any time
  Instant last_success;                                 // zero: none
  OsError first_other;  // the first error counted as kOther or kNoLocalPort
  Histogram latency;    // until the last byte is back

  std::uint64_t error_count() const;
  double first_byte_mean() const {
    return succeeded == 0 ? 0
                          : static_cast<double>(first_byte_nanos) / static_cast<double>(succeeded);
  }
  void Count(LoadError kind, OsError error);
  void Merge(const LoadStats& other);
  void Clear();
};

// Of the measured time, but for what says otherwise.
struct LoadTotals {
  LoadStats stats;
  Histogram connect;      // until the connection stands
  Histogram first_byte;   // from asking, or from the connection, until the first byte of the answer
  Histogram close;        // from the last byte until the connection is over for this side
  Histogram start_delay;  // open loop: how long after it was due a start was made
  std::uint64_t late_starts = 0;    // open loop: more than kLateStart after they were due
  std::uint64_t missed_starts = 0;  // open loop: due before the end, but never made
  std::uint64_t finished = 0;       // connections that ended as planned, at any time
  std::uint64_t held = 0;           // idle: connections that were held
  std::uint64_t moved = 0;          // bytes of transfers, of the whole run
  std::uint64_t confirmed = 0;      // of `moved`, what the origin of uploads said it received
  std::uint64_t unconfirmed_connections = 0;  // uploads whose origin said nothing

  static constexpr Nanos kLateStart = kMillisecond;

  void Merge(const LoadTotals& other);
};

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_LOAD_STATS_H_
