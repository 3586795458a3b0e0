// SPDX-License-Identifier: Apache-2.0
#include "engine/redirect/emulated/config.h"

#include <algorithm>
#include <utility>

namespace sluice::emulated {

Address KeyOf(const Address& address) {
  const Address canonical = address.Canonical();
  if (canonical.family() != Family::kV6 || canonical.scope_id() == 0) return canonical;
  return Address::V6(canonical.bytes(), canonical.tcp_port());
}

bool Config::IsLocal(const Address& address) const {
  if (address.IsLoopback() || address.IsWildcard()) return true;
  return local_addresses.contains(KeyOf(address).WithPort(0));
}

bool Config::Matches(const Filter& filter, const ClassifyValues& values) const {
  if (filter.is_vendor) {
    const Address remote = KeyOf(values.remote);
    if (filter.destinations.empty()) {
      if (vendor_listeners.contains(remote)) return false;
    } else if (!filter.destinations.contains(remote)) {
      return false;
    }
  }
  return filter.condition == nullptr || filter.condition(values);
}

void Config::Insert(bool at_auth, std::uint16_t sublayer_weight, Filter filter) {
  std::vector<Sublayer>& sublayers = at_auth ? auth : redirect;
  auto sublayer = std::find_if(sublayers.begin(), sublayers.end(), [&](const Sublayer& other) {
    return other.weight <= sublayer_weight;
  });
  if (sublayer == sublayers.end() || sublayer->weight != sublayer_weight) {
    sublayer = sublayers.insert(sublayer, Sublayer{sublayer_weight, {}});
  }
  std::vector<Filter>& filters = sublayer->filters;
  const auto place = std::find_if(filters.begin(), filters.end(), [&](const Filter& other) {
    return other.weight < filter.weight;
  });
  filters.insert(place, std::move(filter));
}

void Config::Remove(FilterId id) {
  for (std::vector<Sublayer>* sublayers : {&redirect, &auth}) {
    for (Sublayer& sublayer : *sublayers) {
      std::erase_if(sublayer.filters, [&](const Filter& filter) { return filter.id == id; });
    }
    std::erase_if(*sublayers, [](const Sublayer& sublayer) { return sublayer.filters.empty(); });
  }
}

}  // namespace sluice::emulated
