// SPDX-License-Identifier: Apache-2.0
#include "tools/sluice/load_stats.h"

#include <numeric>

namespace sluice::tool {

LoadError ClassifyLoadError(LoadStage stage, OsError error) {
  switch (error.code) {
    case ErrorCode::kRefused:
      return LoadError::kConnectRefused;
    case ErrorCode::kTimedOut:
      return stage == LoadStage::kConnecting ? LoadError::kConnectTimeout : LoadError::kTimeout;
    case ErrorCode::kUnreachable:
      return LoadError::kUnreachable;
    case ErrorCode::kAddressInUse:
    case ErrorCode::kAddressNotAvailable:
      return LoadError::kNoLocalPort;
    case ErrorCode::kTooManyHandles:
      return LoadError::kNoHandles;
    case ErrorCode::kReset:
      return LoadError::kReset;
    default:
      return LoadError::kOther;
  }
}

LoadError TimeoutError(LoadStage stage) {
  switch (stage) {
    case LoadStage::kConnecting:
      return LoadError::kConnectTimeout;
    case LoadStage::kExchanging:
      return LoadError::kTimeout;
    case LoadStage::kClosing:
      break;
  }
  return LoadError::kNotClosed;
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
  opened += other.opened;
  first_byte_nanos += other.first_byte_nanos;
  for (std::size_t i = 0; i < errors.size(); ++i) errors[i] += other.errors[i];
  if (last_success < other.last_success) last_success = other.last_success;
  if (first_other.ok()) first_other = other.first_other;
  latency.Merge(other.latency);
}

void LoadStats::Clear() {
  succeeded = late = bytes_sent = bytes_received = opened = first_byte_nanos = 0;
  errors.fill(0);
  last_success = Instant{};
  first_other = OsError{};
  latency.Clear();
}

void LoadTotals::Merge(const LoadTotals& other) {
  stats.Merge(other.stats);
  connect.Merge(other.connect);
  first_byte.Merge(other.first_byte);
  close.Merge(other.close);
  start_delay.Merge(other.start_delay);
  late_starts += other.late_starts;
  missed_starts += other.missed_starts;
  finished += other.finished;
  held += other.held;
  moved += other.moved;
  confirmed += other.confirmed;
  unconfirmed_connections += other.unconfirmed_connections;
}

}  // namespace sluice::tool
