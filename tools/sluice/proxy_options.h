// SPDX-License-Identifier: Apache-2.0
//
// What `sluice run` and `sluice chain` were asked for, and the flags they share.
#ifndef SLUICE_TOOLS_PROXY_OPTIONS_H_
#define SLUICE_TOOLS_PROXY_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "engine/base/clock.h"
#include "engine/flow/flow_host.h"
#include "engine/runtime/admission.h"
#include "sluice/address.h"

namespace sluice::tool {

struct ProxyOptions {
  Address listen;
  std::string platform = "none";
  std::uint64_t workers = 1;
  flow::FlowPolicy policy;
  runtime::AdmissionLimits limits{.flows_max = 100000};
  std::uint64_t buffered_max = 0;
  std::uint64_t queue_high = flow::FlowPolicy{}.queue_high;
  bool splice = flow::FlowPolicy{}.splice;
  bool verbose = false;
  Nanos drain = 30 * kSecond;
  std::vector<Address> sources;
  Nanos stats_every = 0;  // 0: never
};

// All but --platform.
void AddProxyFlags(CLI::App* verb, ProxyOptions* options);

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_PROXY_OPTIONS_H_
