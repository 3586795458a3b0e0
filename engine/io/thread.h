// SPDX-License-Identifier: Apache-2.0
//
// What a worker's thread asks of the OS for itself. Control plane only.
#ifndef SLUICE_IO_THREAD_H_
#define SLUICE_IO_THREAD_H_

#include <string>

#include "absl/types/span.h"
#include "engine/base/outcome.h"

namespace sluice::io {

// The name of the calling thread, as debuggers and monitors show it; as much of it as the OS takes
// (Linux: 15 bytes). A hint: what the OS has no name for stays nameless.
void NameThisThread(const std::string& name);
// Keeps the calling thread on these processors, numbered as the OS does (Windows: within the
// thread's processor group, so below 64). Fails when the OS would let it run on none of them.
// kNotSupported in simulation.
OsError PinThisThread(absl::Span<const int> processors);

}  // namespace sluice::io

#endif  // SLUICE_IO_THREAD_H_
