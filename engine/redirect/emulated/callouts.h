// SPDX-License-Identifier: Apache-2.0
//
// Callouts ready to use: the cooperative one, as the documentation wants it, and its broken
// relatives. Stateless but for what they are made with; any thread.
#ifndef SLUICE_REDIRECT_EMULATED_CALLOUTS_H_
#define SLUICE_REDIRECT_EMULATED_CALLOUTS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sluice/emulated.h"

namespace sluice::emulated {

// What a vendor's callout is made of.
struct CalloutSpec {
  HandleId handle = 0;
  std::uint32_t target_pid = 0;
  std::vector<Address> listeners;
  std::function<std::string(const ClassifyValues&)> make_context;  // never null
  Personality personality = Personality::kCooperative;
};

std::shared_ptr<Callout> MakeCallout(CalloutSpec spec);

// Encoder of a context for one of the known layouts.
std::function<std::string(const ClassifyValues&)> ContextMaker(ContextLayout layout);

}  // namespace sluice::emulated

#endif  // SLUICE_REDIRECT_EMULATED_CALLOUTS_H_
