// SPDX-License-Identifier: Apache-2.0
//
// SynTable: what rides on SYNs that are on their way, from the connecting socket's side to the
// accepting one, found again by the two addresses.
//
// Between Begin and End the connecting end's address is not known yet, but the accepting side may
// have the connection already: Take waits for those. It waits only for SYNs that were begun before
// it, and never for more than kPatience, so a forgotten End costs records, not a worker. Any
// thread.
#ifndef SLUICE_REDIRECT_EMULATED_SYN_TABLE_H_
#define SLUICE_REDIRECT_EMULATED_SYN_TABLE_H_

#include <cstddef>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "engine/base/mutex.h"
#include "engine/io/socket.h"
#include "engine/redirect/emulated/hop.h"

namespace sluice::emulated {

class SynTable {
 public:
  static constexpr int kPatienceMs = 2000;

  struct Found {
    bool known = false;  // the connecting socket is one of this machine
    HopList tag;
  };

  struct Route {
    Address listener;
    Address source;
    friend bool operator==(const Route& a, const Route& b) {
      return a.listener == b.listener && a.source == b.source;
    }
    template <typename H>
    friend H AbslHashValue(H h, const Route& route) {
      return H::combine(std::move(h), route.listener, route.source);
    }
  };
  struct Ticket {
    Route route;
    std::uint64_t key = 0;
  };

  // The SYN of `socket` is about to leave for `listener` with `tag` (which may be empty: then only
  // that the socket is known).
  void Begin(io::NativeHandle socket, const Address& listener, HopList tag)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // It left from `source`; a wildcard means any address, that port. Empty: nothing left. Returns
  // what Forget wants; key 0 if nothing is kept. Without a Begin: nothing.
  Ticket End(io::NativeHandle socket, const Address& source) ABSL_LOCKS_EXCLUDED(mutex_);
  // The connect failed, so nobody will Take it.
  void Forget(const Ticket& ticket) ABSL_LOCKS_EXCLUDED(mutex_);
  Found Take(const Address& listener, const Address& source) ABSL_LOCKS_EXCLUDED(mutex_);
  // The listener closed: nobody will Take what was sent to it.
  void DropListener(const Address& listener) ABSL_LOCKS_EXCLUDED(mutex_);
  std::size_t size() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Open {
    Address listener;
    HopList tag;
    std::uint64_t key = 0;
  };
  struct Sent {
    HopList tag;
    std::uint64_t key = 0;
  };

  bool TakeNow(const Address& listener, const Address& source, Found* found)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool AnyOpen(const Address& listener, std::uint64_t before) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  Condition ended_;
  absl::flat_hash_map<io::NativeHandle, Open> open_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<Route, Sent> sent_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t next_key_ ABSL_GUARDED_BY(mutex_) = 1;
};

}  // namespace sluice::emulated

#endif  // SLUICE_REDIRECT_EMULATED_SYN_TABLE_H_
