// SPDX-License-Identifier: Apache-2.0
//
// Use: one part of the C++ API tried by this program. A file defines a constant of it at namespace
// scope, and main runs them all.
#ifndef CONSUMER_USE_H_
#define CONSUMER_USE_H_

#include <string>

struct Use {
  // `run` gives "" or what is wrong.
  Use(const char* use_name, std::string (*use_run)()) : name(use_name), run(use_run), next(first) {
    first = this;
  }

  const char* const name;
  std::string (*const run)();
  Use* const next;
  static Use* first;
};

#endif  // CONSUMER_USE_H_
