// SPDX-License-Identifier: Apache-2.0
//
// Sizes: lines of a file, lines of a function. A ratchet: the limits only ever go down, and what is
// above them is listed with a reason.
#ifndef SLUICE_TESTS_TIDY_SHAPE_H_
#define SLUICE_TESTS_TIDY_SHAPE_H_

#include <string>
#include <vector>

#include "tests/tidy/tree.h"

namespace sluice::tidy {

inline constexpr int kFileLinesMax = 600;
inline constexpr int kFunctionLinesMax = 70;

// What may be longer, and why. An exception that is no longer needed is a finding too.
struct SizeException {
  std::string path;
  std::string function;  // Empty: the file.
  int lines_max;
  std::string reason;
};
const std::vector<SizeException>& SizeExceptions();

struct Function {
  std::string name;
  int first_line = 0;  // Where the body's brace opens.
  int lines = 0;       // From there to the closing brace, both counted.
};

// The function bodies of a C++ text that is formatted by clang-format; lambdas and local classes
// count to the function they stand in. A heuristic on braces, not a parser: it asks what stands
// before an opening brace.
std::vector<Function> FunctionsOf(const std::string& text);

Findings CheckSizes(const Tree& tree, const std::vector<SizeException>& exceptions);

}  // namespace sluice::tidy

#endif  // SLUICE_TESTS_TIDY_SHAPE_H_
