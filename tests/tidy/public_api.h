// SPDX-License-Identifier: Apache-2.0
//
// Checks of what embedders see: the public headers, and the example in the README.
#ifndef SLUICE_TESTS_TIDY_PUBLIC_API_H_
#define SLUICE_TESTS_TIDY_PUBLIC_API_H_

#include "tests/tidy/tree.h"

namespace sluice::tidy {

// Public headers include std, each other, and of Abseil only status, strings, time and types.
Findings CheckPublicHeaders(const Tree& tree);

// The C++ in README.md is, line by line, the marked part of tools/examples/minimal_proxy.cc, which
// is built and run.
Findings CheckReadmeExample(const Tree& tree);

}  // namespace sluice::tidy

#endif  // SLUICE_TESTS_TIDY_PUBLIC_API_H_
