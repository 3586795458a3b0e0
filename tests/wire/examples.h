// SPDX-License-Identifier: Apache-2.0
//
// How tests start the programs of tools/examples.
#ifndef SLUICE_TESTS_WIRE_EXAMPLES_H_
#define SLUICE_TESTS_WIRE_EXAMPLES_H_

#include <string>
#include <vector>

#include "tests/wire/program.h"

namespace sluice::wire {

// The example beside `sluice`, launched the same way.
inline std::vector<std::string> Example(const std::string& name,
                                        const std::vector<std::string>& words) {
  std::vector<std::string> command = Program::Sluice({});
  std::string& program = command.back();
  const std::size_t at = program.rfind("sluice");
  program.replace(at, std::string("sluice").size(), name);
  command.insert(command.end(), words.begin(), words.end());
  return command;
}

}  // namespace sluice::wire

#endif  // SLUICE_TESTS_WIRE_EXAMPLES_H_
