// SPDX-License-Identifier: Apache-2.0
#include "tools/sluice/load_stats.h"

#include <numeric>

namespace sluice::tool {

LoadError ClassifyLoadError(LoadStage stage, OsError error) {
  switch (error.code) {
    case ErrorCode::kRefused: return LoadError::kConnectRefused;
    case ErrorCode::kTimedOut:
      return stage == LoadStage::kConnecting ? LoadError::kConnectTimeout : LoadError::kTimeout;
    case ErrorCode::kUnreachable: return LoadError::kUnreachable;
    case ErrorCode::kAddressInUse:
    case ErrorCode::kAddressNotAvailable: return LoadError::kNoLocalPort;
    case ErrorCode::kTooManyHandles: return LoadError::kNoHandles;
    case ErrorCode::kReset: return LoadError::kReset;
    default: return LoadError::kOther;
  }
}

std::uint64_t LoadStats::error_count() const {
  return std::accumulate(errors.begin(), errors.end(), std::uint64_t{0});
}

void LoadStats::Count(LoadError kind, OsError error) {
  ++errors[static_cast<std::size_t>(kind)];
  const bool unclear = kind == LoadError::kOther || kind == LoadError::kNoLocalPort;
  if (unclear && first_other.ok()) first_other = error;
}

void LoadStats::Merge(const LoadStats& other) {
  succeeded += other.succeeded;
  late += other.late;
  bytes_sent += other.bytes_sent;
  bytes_received += other.bytes_received;
  for (std::size_t i = 0; i < errors.size(); ++i) errors[i] += other.errors[i];
  if (last_success < other.last_success) last_success = other.last_success;
  if (first_other.ok()) first_other = other.first_other;
  latency.Merge(other.latency);
}

void LoadStats::Clear() {
  succeeded = late = bytes_sent = bytes_received = 0;
  errors.fill(0);
  last_success = Instant{};
  first_other = OsError{};
  latency.Clear();
}

}  // namespace sluice::tool
