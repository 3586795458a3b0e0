// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/admission.h"

#include "absl/hash/hash.h"
#include "engine/base/check.h"

namespace sluice::runtime {

SourceCounts::Shard& SourceCounts::ShardOf(const Address& key) {
  // Not the bits that the table inside goes by.
  return shards_[(absl::Hash<Address>()(key) >> 40) % kShards];
}

bool SourceCounts::Enter(const Address& client) {
  const Address key = KeyOf(client);
  Shard& shard = ShardOf(key);
  const MutexLock lock(shard.mutex);
  std::uint64_t& count = shard.counts[key];
  if (count >= max_) return false;
  ++count;
  return true;
}

void SourceCounts::Leave(const Address& client) {
  const Address key = KeyOf(client);
  Shard& shard = ShardOf(key);
  const MutexLock lock(shard.mutex);
  const auto found = shard.counts.find(key);
  SLUICE_CHECK(found != shard.counts.end());
  if (--found->second == 0) shard.counts.erase(found);
}

std::size_t SourceCounts::sources() const {
  std::size_t sum = 0;
  for (const Shard& shard : shards_) {
    const MutexLock lock(shard.mutex);
    sum += shard.counts.size();
  }
  return sum;
}

std::size_t SourceCounts::BytesPerSource() {
  // A slot and its control byte, in a table that is at worst just doubled, beside the old one.
  return 3 * (sizeof(Counts::value_type) + 1);
}

Admission::Admission(const AdmissionLimits& limits) : limits_(limits) {
  if (limits.flows_per_source_max != 0) {
    sources_ = std::make_unique<SourceCounts>(limits.flows_per_source_max);
  }
}

Admission::Answer Admission::Enter(const Address& client) {
  const std::uint64_t before = flows_.fetch_add(1, std::memory_order_relaxed);
  if (limits_.flows_max != 0 && before >= limits_.flows_max) {
    flows_.fetch_sub(1, std::memory_order_relaxed);
    return Answer::kTooManyFlows;
  }
  if (sources_ != nullptr && !sources_->Enter(client)) {
    flows_.fetch_sub(1, std::memory_order_relaxed);
    return Answer::kTooManyOfSource;
  }
  return Answer::kAdmitted;
}

void Admission::Leave(const Address& client) {
  if (sources_ != nullptr) sources_->Leave(client);
  flows_.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace sluice::runtime
