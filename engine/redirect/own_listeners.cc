// SPDX-License-Identifier: Apache-2.0
#include "engine/redirect/own_listeners.h"

namespace sluice::redirect {
namespace {

Address WithoutScope(const Address& address) {
  if (address.family() != Family::kV6) return address;
  return Address::V6(address.bytes(), address.tcp_port());
}

// One spelling. A connect to the wildcard reaches the loopback address of that family.
Address Simplify(const Address& address) {
  const Address canonical = WithoutScope(address.Canonical());
  if (!canonical.IsWildcard()) return canonical;
  return Address::Loopback(canonical.family(), canonical.tcp_port());
}

}  // namespace

void OwnListeners::AddListener(const Address& address, bool dual_stack) {
  Entry entry;
  entry.address = WithoutScope(address.Canonical());
  entry.v4 = entry.address.family() == Family::kV4 || dual_stack;
  entry.v6 = entry.address.family() == Family::kV6;
  by_port_[address.tcp_port()].push_back(entry);
}

void OwnListeners::AddLocalAddresses(absl::Span<const Address> addresses) {
  for (const Address& address : addresses)
    local_.insert(WithoutScope(address.Canonical()).WithPort(0));
}

bool OwnListeners::IsLocal(const Address& address) const {
  return address.IsLoopback() || local_.contains(address.WithPort(0));
}

bool OwnListeners::IsOurs(const Address& destination) const {
  const auto found = by_port_.find(destination.tcp_port());
  if (found == by_port_.end()) return false;
  const Address target = Simplify(destination);
  for (const Entry& entry : found->second) {
    if (!entry.address.IsWildcard()) {
      if (entry.address == target) return true;
      continue;
    }
    const bool takes = target.family() == Family::kV4 ? entry.v4 : entry.v6;
    if (takes && IsLocal(target)) return true;
  }
  return false;
}

}  // namespace sluice::redirect
