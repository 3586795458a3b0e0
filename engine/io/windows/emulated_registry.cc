// SPDX-License-Identifier: Apache-2.0
#include "engine/io/windows/emulated_registry.h"

#include <array>
#include <atomic>
#include <cstddef>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "engine/base/mutex.h"

namespace sluice::io {
namespace {

constexpr std::size_t kShards = 16;

template <typename Value>
class ShardedTable {
 public:
  void Put(std::uint64_t key, const Value& value) {
    Shard& shard = ShardOf(key);
    const MutexLock lock(shard.mutex);
    shard.map.insert_or_assign(key, value);
  }
  bool Get(std::uint64_t key, Value* value) {
    Shard& shard = ShardOf(key);
    const MutexLock lock(shard.mutex);
    const auto found = shard.map.find(key);
    if (found == shard.map.end()) return false;
    *value = found->second;
    return true;
  }
  bool Take(std::uint64_t key, Value* value) {
    Shard& shard = ShardOf(key);
    const MutexLock lock(shard.mutex);
    const auto found = shard.map.find(key);
    if (found == shard.map.end()) return false;
    *value = found->second;
    shard.map.erase(found);
    return true;
  }
  std::size_t Count() {
    std::size_t count = 0;
    for (Shard& shard : shards_) {
      const MutexLock lock(shard.mutex);
      count += shard.map.size();
    }
    return count;
  }

 private:
  struct alignas(64) Shard {
    Mutex mutex;
    absl::flat_hash_map<std::uint64_t, Value> map ABSL_GUARDED_BY(mutex);
  };

  // Handle values are multiples of four, tickets count by one: both spread over the shards.
  Shard& ShardOf(std::uint64_t key) { return shards_[(key ^ (key >> 2)) % kShards]; }

  std::array<Shard, kShards> shards_;
};

// Never destroyed: sockets and requests may outlive static destruction.
ShardedTable<EmulatedSocket>& Sockets() {
  static auto* const table = new ShardedTable<EmulatedSocket>();
  return *table;
}

ShardedTable<PendingControl>& Pending() {
  static auto* const table = new ShardedTable<PendingControl>();
  return *table;
}

std::atomic<std::uint64_t> next_ticket{1};

}  // namespace

void RegisterEmulated(SOCKET socket, const EmulatedSocket& entry) { Sockets().Put(socket, entry); }

void UnregisterEmulated(SOCKET socket) {
  EmulatedSocket ignored;
  Sockets().Take(socket, &ignored);
}

std::size_t EmulatedSocketCount() { return Sockets().Count(); }

std::size_t EmulatedPendingCount() { return Pending().Count(); }

bool FindEmulated(SOCKET socket, EmulatedSocket* entry) { return Sockets().Get(socket, entry); }

std::uint64_t AddPending(const PendingControl& pending) {
  const std::uint64_t ticket = next_ticket.fetch_add(1, std::memory_order_relaxed);
  Pending().Put(ticket, pending);
  return ticket;
}

bool TakePending(std::uint64_t ticket, PendingControl* pending) {
  return Pending().Take(ticket, pending);
}

bool FindPendingPlatform(std::uint64_t ticket, Platform** platform) {
  PendingControl pending;
  if (!Pending().Get(ticket, &pending)) return false;
  *platform = pending.platform;
  return true;
}

}  // namespace sluice::io
