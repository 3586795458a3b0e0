// SPDX-License-Identifier: Apache-2.0
//
// OwnListeners: the second loop guard, independent of records. A destination that is one of our own
// listeners, in whatever spelling, must never be connected to.
//
// Which addresses are local is given as data, for the OS is not asked here. Built once per
// configuration, then immutable: any thread.
#ifndef SLUICE_REDIRECT_OWN_LISTENERS_H_
#define SLUICE_REDIRECT_OWN_LISTENERS_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "sluice/address.h"

namespace sluice::redirect {

class OwnListeners {
 public:
  // `address` as bound: specific or wildcard, its TCP port known. `dual_stack`: a v6 wildcard that
  // also takes v4.
  void AddListener(const Address& address, bool dual_stack = false);
  // Addresses of this machine's interfaces; their ports are ignored. Loopback is known without.
  void AddLocalAddresses(absl::Span<const Address> addresses);

  // True if connecting to `destination` would reach one of the listeners.
  bool IsOurs(const Address& destination) const;
  // True for loopback and for the addresses given to AddLocalAddresses, in every spelling.
  bool IsLocal(const Address& address) const;
  bool empty() const { return by_port_.empty(); }

 private:
  struct Entry {
    Address address;  // canonical, port as bound
    bool v4 = false;  // for a wildcard: which families it takes
    bool v6 = false;
  };

  absl::flat_hash_map<std::uint16_t, absl::InlinedVector<Entry, 2>> by_port_;
  absl::flat_hash_set<Address> local_;  // canonical, port 0, scope 0
};

}  // namespace sluice::redirect

#endif  // SLUICE_REDIRECT_OWN_LISTENERS_H_
