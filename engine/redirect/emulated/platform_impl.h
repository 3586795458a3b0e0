// SPDX-License-Identifier: Apache-2.0
//
// What stands behind the public Platform; for platform.cc and for tests that look below it.
#ifndef SLUICE_REDIRECT_EMULATED_PLATFORM_IMPL_H_
#define SLUICE_REDIRECT_EMULATED_PLATFORM_IMPL_H_

#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "engine/base/mutex.h"
#include "engine/redirect/emulated/machine.h"
#include "sluice/emulated.h"

namespace sluice::emulated {

struct Platform::Impl {
  struct Vendor {
    std::vector<FilterId> filters;
    std::vector<HandleId> handles;
    std::vector<Address> listeners;
  };

  explicit Impl(const PlatformOptions& options)
      : machine(options), front(machine, ProcessOptions()) {}

  Machine machine;
  ProcessFront front;
  Mutex mutex;
  std::vector<std::unique_ptr<ProcessFront>> processes ABSL_GUARDED_BY(mutex);
  absl::flat_hash_map<VendorId, Vendor> vendors ABSL_GUARDED_BY(mutex);
};

// For tests.
Machine& MachineOf(Platform& platform);

}  // namespace sluice::emulated

#endif  // SLUICE_REDIRECT_EMULATED_PLATFORM_IMPL_H_
