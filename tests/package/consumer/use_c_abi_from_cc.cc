// SPDX-License-Identifier: Apache-2.0
#include <sluice/sluice.h>
#include <sluice/version.h>

#include "use.h"

namespace {

std::string UseCAbi() {
  sluice_api api{};
  api.size = sizeof api;
  if (sluice_open(SLUICE_API_VERSION, &api) != SLUICE_OK)
    return "sluice_open refused its own version";
  const std::string version = api.version_text();
  return version == sluice::kVersionText ? "" : "headers and library differ: " + version;
}

const Use use_c_abi("sluice_open, statically", &UseCAbi);

}  // namespace
