// SPDX-License-Identifier: Apache-2.0
//
// Config: everything of the emulated kernel that callers set up: knobs, handles, sublayers with
// their filters, foreign listeners. An immutable snapshot; changing something makes a new one, so a
// classify runs on what was there when it began and holds no lock while callouts run.
#ifndef SLUICE_REDIRECT_EMULATED_CONFIG_H_
#define SLUICE_REDIRECT_EMULATED_CONFIG_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "sluice/address.h"
#include "sluice/emulated.h"

namespace sluice::emulated {

struct Filter {
  FilterId id = 0;
  VendorId label = 0;  // index into Config::labels; 0: not traced
  HandleId handle = 0;
  std::uint64_t weight = 0;
  Action action = Action::kPermit;
  bool hard_permit = false;
  std::shared_ptr<Callout> callout;  // null: `action` alone
  std::function<bool(const ClassifyValues&)> condition;
  // A vendor's condition. Empty destinations: all but vendors' listeners. Canonical addresses.
  bool is_vendor = false;
  absl::flat_hash_set<Address> destinations;
};

struct Sublayer {
  std::uint16_t weight = 0;
  std::vector<Filter> filters;  // falling weight; equal weights in order of arrival
};

struct Config {
  Knobs knobs;
  std::vector<Sublayer> redirect;  // falling weight
  std::vector<Sublayer> auth;
  absl::flat_hash_set<HandleId> handles;  // alive
  absl::flat_hash_set<Address> vendor_listeners;
  absl::flat_hash_map<Address, Address> foreign;  // listener -> destination
  absl::flat_hash_set<Address> local_addresses;   // canonical, port 0
  // Names of vendors and named filters. Labels and handles' labels outlive their owners, for
  // traces.
  std::vector<std::string> labels{std::string()};
  absl::flat_hash_map<HandleId, VendorId> handle_labels;

  bool IsAlive(HandleId handle) const { return handles.contains(handle); }
  // A target on this machine: loopback, wildcard or one of its addresses.
  bool IsLocal(const Address& address) const;
  bool Matches(const Filter& filter, const ClassifyValues& values) const;
  // Keeps both orders.
  void Insert(bool at_auth, std::uint16_t sublayer_weight, Filter filter);
  // Empty sublayers go with their last filter.
  void Remove(FilterId id);
};

// One spelling for tables: v4-mapped is v4, and no scope.
Address KeyOf(const Address& address);

}  // namespace sluice::emulated

#endif  // SLUICE_REDIRECT_EMULATED_CONFIG_H_
