// SPDX-License-Identifier: Apache-2.0
//
// The one place where errno becomes the engine's names for errors.
#ifndef SLUICE_IO_LINUX_ERRORS_H_
#define SLUICE_IO_LINUX_ERRORS_H_

#include <string>

#include "engine/base/outcome.h"

namespace sluice::io {

// `number` is an errno value, or 0 for no error.
OsError ErrorOf(int number);
// Of the calling thread's errno.
OsError LastError();
// The system's text for an errno value. Control plane only: allocates.
std::string TextOf(int number);

}  // namespace sluice::io

#endif  // SLUICE_IO_LINUX_ERRORS_H_
