// SPDX-License-Identifier: Apache-2.0
#include <sluice/emulated.h>

#include "use.h"

namespace {

std::string UseEmulated() {
  sluice::emulated::Platform platform;
  if (platform.process() == nullptr) return "the platform has no process";
  sluice::emulated::VendorOptions vendor;
  vendor.name = "A";
  vendor.listeners = {sluice::Address::Loopback(sluice::Family::kV4, 7001)};
  const absl::StatusOr<sluice::emulated::VendorId> id = platform.AddVendor(vendor);
  if (!id.ok()) return id.status().ToString();
  vendor.target_pid = 0;
  if (platform.AddVendor(vendor).ok()) return "a vendor without a target process was taken";
  platform.RemoveVendor(*id);
  return platform.statistics().FaultCount() == 0 ? "" : "a fault was counted";
}

const Use use_emulated("sluice::emulated", &UseEmulated);

}  // namespace
