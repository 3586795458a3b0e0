// SPDX-License-Identifier: Apache-2.0
//
// Admission: how many flows an engine, or one of its listeners, has at once: in all, and from one
// source address. Asked for each accepted connection before anything is made for it, so that
// refusing stays cheap. Any thread: connections are accepted on one worker and end on any.
#ifndef SLUICE_RUNTIME_ADMISSION_H_
#define SLUICE_RUNTIME_ADMISSION_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "engine/base/mutex.h"
#include "sluice/address.h"

namespace sluice::runtime {

// 0 means none.
struct AdmissionLimits {
  std::uint64_t flows_max = 0;             // past it connections are refused with RST
  std::uint64_t flows_per_source_max = 0;  // the same, for one client address
  std::uint64_t accepts_per_second = 0;    // past it accepting pauses: clients wait in the backlog
  std::uint64_t accepts_burst = 0;         // at once, after a quiet time; 0: one second's worth
};

// Open flows of each source address. It holds an entry for each address that has a flow, so as many
// as there are flows at most.
class SourceCounts {
 public:
  explicit SourceCounts(std::uint64_t max) : max_(max) {}
  SourceCounts(const SourceCounts&) = delete;
  SourceCounts& operator=(const SourceCounts&) = delete;

  // False: this source has as many as it may.
  bool Enter(const Address& client);
  // REQUIRES: Enter was true.
  void Leave(const Address& client);
  std::size_t sources() const;

  // What one entry costs at most: a growing table is between a half and seven eighths full, and
  // while it grows the old one is there too.
  static std::size_t BytesPerSource();

 private:
  static constexpr std::size_t kShards = 16;
  using Counts = absl::flat_hash_map<Address, std::uint64_t>;
  struct alignas(64) Shard {
    mutable Mutex mutex;
    Counts counts ABSL_GUARDED_BY(mutex);
  };
  // Every TCP port of an address, and both spellings of an IPv4 address, are one source.
  static Address KeyOf(const Address& client) { return client.Canonical().WithPort(0); }
  Shard& ShardOf(const Address& key);

  const std::uint64_t max_;
  std::array<Shard, kShards> shards_;
};

class Admission {
 public:
  enum class Answer : std::uint8_t { kAdmitted, kTooManyFlows, kTooManyOfSource };

  explicit Admission(const AdmissionLimits& limits);

  // After kAdmitted, Leave must be called once, when the flow is over.
  Answer Enter(const Address& client);
  void Leave(const Address& client);

  const AdmissionLimits& limits() const { return limits_; }
  std::uint64_t flows() const { return flows_.load(std::memory_order_relaxed); }

 private:
  const AdmissionLimits limits_;
  std::atomic<std::uint64_t> flows_{0};
  std::unique_ptr<SourceCounts> sources_;  // null: sources are not limited
};

}  // namespace sluice::runtime

#endif  // SLUICE_RUNTIME_ADMISSION_H_
