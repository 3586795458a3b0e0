// SPDX-License-Identifier: Apache-2.0
//
// What `sluice load` was asked for, and whether that fits together. Plain values.
#ifndef SLUICE_TOOLS_LOAD_OPTIONS_H_
#define SLUICE_TOOLS_LOAD_OPTIONS_H_

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "sluice/address.h"

namespace sluice::tool {

enum class LoadMode : std::uint8_t {
  kExchange,  // a connection for each exchange
  kRequests,  // one exchange after the other on kept connections
  kUpload,    // kept connections, bytes to the origin as fast as they go
  kDownload,  // the same, from the origin
  kIdle,      // kept connections that do nothing
};
inline constexpr const char* kLoadModeNames[] = {"exchange", "requests", "upload", "download",
                                                 "idle"};

// Who ends a connection first, and how.
enum class LoadClose : std::uint8_t { kFin, kRst, kPeer };
inline constexpr const char* kLoadCloseNames[] = {"fin", "rst", "peer"};

struct LoadThresholds {
  static constexpr std::uint64_t kAnyErrors = std::numeric_limits<std::uint64_t>::max();

  std::uint64_t rate_min = 0;  // a second; 0: any
  Nanos p50_max = 0;           // 0: any, as below
  Nanos p99_max = 0;
  Nanos p999_max = 0;
  std::uint64_t errors_max = kAnyErrors;  // kAnyErrors: not asked for

  bool LimitsLatency() const { return p50_max != 0 || p99_max != 0 || p999_max != 0; }
};

struct LoadOptions {
  std::vector<Address> targets;  // used in turn
  LoadMode mode = LoadMode::kExchange;
  LoadClose close = LoadClose::kFin;
  std::uint64_t bytes = 64;
  bool bytes_given = false;
  std::uint64_t connections = 64;
  std::uint64_t requests = 0;  // of a connection; 0: as many as come
  std::uint64_t rate = 0;      // starts a second in all; 0: a closed loop
  std::uint64_t count = 0;     // 0: not bounded by a count
  Nanos duration = 0;          // 0: not bounded by time
  std::uint64_t threads = 1;
  Nanos warmup = 0;
  Nanos timeout = 5 * kSecond;
  std::vector<Address> sources;
  LoadThresholds thresholds;
  std::string hdr;  // a file; empty: none
  bool json = false;
  bool json_stream = false;
  bool allow_errors = false;

  bool transfers() const { return mode == LoadMode::kUpload || mode == LoadMode::kDownload; }
  // What is counted and has a rate: connections, requests or bytes.
  const char* unit() const {
    if (transfers()) return "bytes";
    return mode == LoadMode::kRequests ? "requests" : "connections";
  }
  const char* mode_name() const { return kLoadModeNames[static_cast<std::size_t>(mode)]; }
  const char* close_name() const { return kLoadCloseNames[static_cast<std::size_t>(close)]; }
};

// Why these options do not fit together, naming the flag to change; empty if they do.
std::string LoadConflict(const LoadOptions& options);

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_LOAD_OPTIONS_H_
