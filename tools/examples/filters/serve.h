// SPDX-License-Identifier: Apache-2.0
//
// Serve: what the examples have in common: an engine on any TCP port of 127.0.0.1 in front of one
// upstream, until standard input ends.
#ifndef SLUICE_EXAMPLES_FILTERS_SERVE_H_
#define SLUICE_EXAMPLES_FILTERS_SERVE_H_

#include <string>

#include "sluice/engine.h"

namespace sluice::examples {

// Fills in where it listens and goes; prints "listening on ADDRESS". Returns the exit code; what is
// wrong goes to stderr behind `program`.
int Serve(const char* program, const std::string& upstream, EngineOptions options);

}  // namespace sluice::examples

#endif  // SLUICE_EXAMPLES_FILTERS_SERVE_H_
