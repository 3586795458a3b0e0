// SPDX-License-Identifier: Apache-2.0
#include "engine/redirect/loop_guard.h"

#include <algorithm>

#include "absl/hash/hash.h"
#include "engine/base/check.h"

namespace sluice::redirect {

LoopGuard::LoopGuard(const LoopPolicy& policy) : policy_(policy) {
  for (Shard& shard : shards_) {
    const MutexLock lock(shard.mutex);
    shard.outbound.reserve(kRoom);
    shard.destinations.reserve(kRoom);
  }
}

template <typename Key>
LoopGuard::Shard& LoopGuard::ShardOf(const Key& key) const {
  return shards_[absl::Hash<Key>()(key) % kShards];
}

std::uint32_t LoopGuard::DigestOf(const Address& remote) {
  Address key = remote.Canonical();
  // Connecting to the wildcard reaches loopback.
  if (key.IsWildcard()) key = Address::Loopback(key.family(), key.tcp_port());
  return static_cast<std::uint32_t>(absl::Hash<Address>()(key)) | 1;
}

std::uint32_t LoopGuard::AddOutbound(const Address& local, const Address& remote,
                                     std::uint32_t hops) {
  const Route key{local.Canonical(), DigestOf(remote)};
  Shard& shard = ShardOf(key);
  const MutexLock lock(shard.mutex);
  Outbound& entry = shard.outbound[key];
  entry.hops = entry.connections == 0 ? hops : std::min(entry.hops, hops);
  ++entry.connections;
  return key.second;
}

void LoopGuard::RemoveOutbound(const Address& local, std::uint32_t remote) {
  const Route key{local.Canonical(), remote};
  Shard& shard = ShardOf(key);
  const MutexLock lock(shard.mutex);
  const auto found = shard.outbound.find(key);
  SLUICE_CHECK(found != shard.outbound.end());
  if (--found->second.connections == 0) shard.outbound.erase(found);
}

std::uint32_t LoopGuard::HopsOf(const Address& local, const Address& remote) const {
  const Route key{local.Canonical(), DigestOf(remote)};
  Shard& shard = ShardOf(key);
  const MutexLock lock(shard.mutex);
  const auto found = shard.outbound.find(key);
  return found == shard.outbound.end() ? 0 : found->second.hops;
}

bool LoopGuard::Enter(const Address& destination, Instant now) {
  const Address key = destination.Canonical();
  Shard& shard = ShardOf(key);
  const MutexLock lock(shard.mutex);
  Destination& entry = shard.destinations[key];
  if (now < entry.rest_end) return false;
  if (now >= entry.window_end) {
    entry.window_end = now + policy_.window;
    entry.open_at_window_begin = entry.open;
  }
  if (entry.open >= entry.open_at_window_begin + policy_.growth_max) {
    entry.rest_end = now + policy_.rest;
    return false;
  }
  ++entry.open;
  return true;
}

void LoopGuard::Leave(const Address& destination) {
  const Address key = destination.Canonical();
  Shard& shard = ShardOf(key);
  const MutexLock lock(shard.mutex);
  const auto found = shard.destinations.find(key);
  SLUICE_CHECK(found != shard.destinations.end());
  SLUICE_CHECK(found->second.open > 0);
  // With the last flow the destination is forgotten, so the table is bounded by the open flows.
  if (--found->second.open == 0) shard.destinations.erase(found);
}

std::size_t LoopGuard::outbound() const {
  std::size_t count = 0;
  for (Shard& shard : shards_) {
    const MutexLock lock(shard.mutex);
    for (const auto& entry : shard.outbound) count += entry.second.connections;
  }
  return count;
}

std::size_t LoopGuard::destinations() const {
  std::size_t count = 0;
  for (Shard& shard : shards_) {
    const MutexLock lock(shard.mutex);
    count += shard.destinations.size();
  }
  return count;
}

}  // namespace sluice::redirect
