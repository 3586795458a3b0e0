// SPDX-License-Identifier: Apache-2.0
#include "engine/redirect/emulated/hop.h"

#include <utility>

namespace sluice::emulated {

HopList Extend(const HopList& list, Hop hop) {
  hop.older = list;
  hop.count = CountOf(list) + 1;
  hop.application = list == nullptr ? hop.sequence : list->application;
  return std::make_shared<const Hop>(std::move(hop));
}

const Hop* NewestOf(const HopList& list, HandleId self) {
  for (const Hop* hop = list.get(); hop != nullptr; hop = hop->older.get()) {
    if (hop->handle == self) return hop;
  }
  return nullptr;
}

RedirectState StateOf(const HopList& list, HandleId self, bool alive) {
  if (list == nullptr) return RedirectState::kNotRedirected;
  if (!alive || self == 0) return RedirectState::kRedirectedByOther;
  if (list->handle == self) return RedirectState::kRedirectedBySelf;
  if (NewestOf(list, self) != nullptr) return RedirectState::kPreviouslyRedirectedBySelf;
  return RedirectState::kRedirectedByOther;
}

}  // namespace sluice::emulated
