// SPDX-License-Identifier: Apache-2.0
//
// Verdict: what an inspector says about bytes, or about a connection that is being opened. Numbers
// are the C ABI's as well and never change.
//
//                 OnOpen                          OnData
//   kPass         look at it                      send the bytes
//   kMore         (not allowed)                   keep them, ask again when more are there
//   kReplace      (not allowed)                   send DataCall::replacement() instead
//   kDrop         (not allowed)                   forget them, go on
//   kDetach       nobody looks at this flow       send them; nobody looks at this flow any more
//   kClose        FIN to the client               forget them; what is queued or injected is sent,
//   then
//                                                 FIN to both
//   kReset        RST to the client               RST to both, at once
//   kPend         wait for OpenCall::TakeLater    hold the bytes until DataCall::TakeLater is
//   answered
//
// What is not allowed, kPend without a token, and a callback that throws count as `bad_verdict` and
// give the default verdict.
#ifndef SLUICE_VERDICT_H_
#define SLUICE_VERDICT_H_

#include <cstdint>

namespace sluice {

enum class Verdict : std::uint8_t {
  kPass = 0,
  kMore = 1,
  kReplace = 2,
  kDrop = 3,
  kDetach = 4,
  kClose = 5,
  kReset = 6,
  kPend = 7,
};

enum class Direction : std::uint8_t {
  kUp = 0,    // from the client to its destination
  kDown = 1,  // back
};

}  // namespace sluice

#endif  // SLUICE_VERDICT_H_
