// SPDX-License-Identifier: Apache-2.0
//
// Hop: one act of redirection by one redirect handle. HopList: the hops a connection carries, as
// its newest hop, which leads to the older ones; null is the empty list. Both immutable once made
// and shared between threads, so extending a list costs one hop and copies none.
#ifndef SLUICE_REDIRECT_EMULATED_HOP_H_
#define SLUICE_REDIRECT_EMULATED_HOP_H_

#include <cstdint>
#include <memory>
#include <string>

#include "sluice/address.h"
#include "sluice/emulated_callout.h"

namespace sluice::emulated {

struct Hop;
using HopList = std::shared_ptr<const Hop>;

struct Hop {
  HandleId handle = 0;
  FilterId filter = 0;
  std::uint64_t sequence = 0;  // of the connect that made it
  std::uint32_t app_pid = 0;
  std::uint32_t target_pid = 0;
  std::string app_path;
  std::string context;  // empty: none (a context of zero bytes is none, too)
  Address original_remote;
  Address original_local;
  Address effective_remote;

  HopList older;
  // Of the whole list that ends here.
  std::uint32_t count = 1;
  std::uint64_t application = 0;  // sequence of the oldest hop: the application's own connect
};

inline std::uint32_t CountOf(const HopList& list) { return list == nullptr ? 0 : list->count; }

// `hop.older`, `count` and `application` are set here.
HopList Extend(const HopList& list, Hop hop);

// The state function over a list; a handle that is not alive sees nothing as its own.
// REQUIRES: `alive` says whether `self` exists.
RedirectState StateOf(const HopList& list, HandleId self, bool alive);
// The newest hop `self` made; null if none.
const Hop* NewestOf(const HopList& list, HandleId self);

}  // namespace sluice::emulated

#endif  // SLUICE_REDIRECT_EMULATED_HOP_H_
