// SPDX-License-Identifier: Apache-2.0
//
// The simulated machine has no threads: its workers are caller-driven.
#include "engine/io/thread.h"

namespace sluice::io {

void NameThisThread(const std::string& /*name*/) {}
OsError PinThisThread(absl::Span<const int> /*processors*/) {
  return OsError{ErrorCode::kNotSupported, 0};
}

}  // namespace sluice::io
