// SPDX-License-Identifier: Apache-2.0
//
// What the program's exit status means. Scripts rely on it, not on text.
#ifndef SLUICE_TOOLS_EXIT_CODES_H_
#define SLUICE_TOOLS_EXIT_CODES_H_

namespace sluice::tool {

inline constexpr int kExitOk = 0;      // done as asked
inline constexpr int kExitFatal = 1;   // could not start, or could not go on
inline constexpr int kExitErrors = 2;  // ran to its end, but errors were seen
inline constexpr int kExitUsage = 64;  // bad command line (EX_USAGE)

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_EXIT_CODES_H_
