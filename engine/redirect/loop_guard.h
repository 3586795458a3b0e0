// SPDX-License-Identifier: Apache-2.0
//
// LoopGuard: what ends a ring of proxies when records do not. Records are the first guard and
// OwnListeners the second; these are the rest:
//
//   hop budget: onward connections of this process are registered, by their two addresses, with the
//     number of hops behind them; a connection accepted that is one of them continues that count,
//     and past the budget it is refused. One address is not enough: connections to different
//     destinations share ports (Linux where nothing was bound, Windows by SO_REUSE_UNICASTPORT), so
//     a client can have the port of an onward connection.
//   storm breaker: flows toward one destination that open faster than others end are refused for a
//     while once they have grown by `growth_max` in one window. A loop opens and never ends, so it
//     meets this bound also when its hops are in other processes.
//
// One LoopGuard for a runtime: rings run through several engines. Any thread; sharded locks, held
// briefly.
#ifndef SLUICE_REDIRECT_LOOP_GUARD_H_
#define SLUICE_REDIRECT_LOOP_GUARD_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "engine/base/clock.h"
#include "engine/base/mutex.h"
#include "sluice/address.h"

namespace sluice::redirect {

struct LoopPolicy {
  // Hops of this process that one connection may go through. A chain of a few vendors is long.
  std::uint32_t hops_max = 32;
  // How many more flows toward one destination may be open at the end of a window than at its
  // begin.
  std::uint32_t growth_max = 2048;
  Nanos window = kSecond;
  // How long a destination is refused once it grew past that.
  Nanos rest = kSecond;
};

class LoopGuard {
 public:
  explicit LoopGuard(const LoopPolicy& policy);
  LoopGuard(const LoopGuard&) = delete;
  LoopGuard& operator=(const LoopGuard&) = delete;

  const LoopPolicy& policy() const { return policy_; }

  // TCP ports on which engines that share this guard listen.
  void AddListener(const Address& bound) { SlotOf(bound).fetch_add(1, std::memory_order_relaxed); }
  void RemoveListener(const Address& bound) {
    SlotOf(bound).fetch_sub(1, std::memory_order_relaxed);
  }
  // Whether a connection to `destination` may reach one of them by itself: by the TCP port alone,
  // and now and then wrongly true.
  bool MayReachListener(const Address& destination) const {
    return SlotOf(destination).load(std::memory_order_relaxed) != 0;
  }

  // An onward connection from `local` that was sent to `remote`, `hops` hops away from the
  // application. Returns what RemoveOutbound wants, never 0.
  std::uint32_t AddOutbound(const Address& local, const Address& remote, std::uint32_t hops);
  void RemoveOutbound(const Address& local, std::uint32_t remote);
  // Hops behind a connection from `local` to `remote`: 0 when it is not one of our onward ones, the
  // fewest where several are told by the same addresses.
  std::uint32_t HopsOf(const Address& local, const Address& remote) const;

  // False: the destination is resting, or this flow would be the one too many. After true, Leave
  // must be called once, when the flow is over.
  bool Enter(const Address& destination, Instant now);
  void Leave(const Address& destination);

  // What the entries of one flow cost at most: one in each table, in a table that was just doubled.
  static constexpr std::size_t BytesPerFlow() { return 3 * kEntries; }
  // What the tables have room for from the start; twice as much as a table's room is bought.
  static constexpr std::size_t BytesAtStart() { return 2 * kShards * kRoom * kEntries; }

  // Connections and destinations held; zero when no flow is open.
  std::size_t outbound() const;
  std::size_t destinations() const;

 private:
  static constexpr std::size_t kShards = 16;
  // Entries of a table from the start. One of 16 or fewer that fills up with erased entries is made
  // anew in a bigger piece of memory, a larger one is tidied in place: so with a steady number of
  // flows it allocates nothing (law 8).
  static constexpr std::size_t kRoom = 24;
  static constexpr std::size_t kSlots = 1024;
  struct Destination {
    Instant window_end;
    Instant rest_end;
    std::uint64_t open = 0;
    std::uint64_t open_at_window_begin = 0;
  };
  // Local address, and of the remote one a digest, so that a flow need not keep the address to be
  // forgotten. Two addresses with one digest would count as one, which matters if they share a port
  // as well.
  using Route = std::pair<Address, std::uint32_t>;
  struct Outbound {
    std::uint32_t hops = 0;
    std::uint32_t connections = 0;
  };
  // One in each table, with the table's own byte for it.
  static constexpr std::size_t kEntries =
      sizeof(Route) + sizeof(Outbound) + 1 + sizeof(Address) + sizeof(Destination) + 1;
  struct Shard {
    mutable Mutex mutex;
    absl::flat_hash_map<Route, Outbound> outbound ABSL_GUARDED_BY(mutex);
    absl::flat_hash_map<Address, Destination> destinations ABSL_GUARDED_BY(mutex);
  };

  static std::uint32_t DigestOf(const Address& remote);
  template <typename Key>
  Shard& ShardOf(const Key& key) const;
  std::atomic<std::uint32_t>& SlotOf(const Address& address) const {
    return listeners_[address.tcp_port() % kSlots];
  }

  const LoopPolicy policy_;
  mutable std::array<Shard, kShards> shards_;
  mutable std::array<std::atomic<std::uint32_t>, kSlots> listeners_{};  // how many, by TCP port
};

}  // namespace sluice::redirect

#endif  // SLUICE_REDIRECT_LOOP_GUARD_H_
