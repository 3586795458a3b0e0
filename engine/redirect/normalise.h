// SPDX-License-Identifier: Apache-2.0
//
// One meaning for the many numbers a redirect control can end with.
//
// One kernel status reaches user mode as a Winsock number when the call fails at once and as a
// Win32 number when a completion packet carries it, and the documentation of "too small"
// contradicts itself. These two functions fold all of it into what the caller should do. Pure; any
// thread.
#ifndef SLUICE_REDIRECT_NORMALISE_H_
#define SLUICE_REDIRECT_NORMALISE_H_

#include <cstdint>

#include "engine/base/outcome.h"

namespace sluice::redirect {

// Order is part of counters' layout only.
#define SLUICE_REDIRECT_MEANINGS(X)                                           \
  X(kOk, "ok")                   /* use the bytes */                          \
  X(kEmpty, "empty")             /* success with nothing: treat as absent */  \
  X(kGrow, "grow")               /* try again with a larger buffer */         \
  X(kAbsent, "absent")           /* no record, no context, or it was lost */  \
  X(kDenied, "denied")           /* not elevated: a configuration fault */    \
  X(kUnsupported, "unsupported") /* the provider lacks the code */            \
  X(kGone, "gone")               /* peer or socket gone: ordinary teardown */ \
  X(kRejected, "rejected")       /* SET only: the blob was refused */         \
  X(kFailed, "failed")           /* anything else */

enum class Meaning : std::uint8_t {
#define SLUICE_X(name, text) name,
  SLUICE_REDIRECT_MEANINGS(SLUICE_X)
#undef SLUICE_X
};
inline constexpr int kMeanings = static_cast<int>(Meaning::kFailed) + 1;
// Static text. Any thread.
const char* MeaningText(Meaning meaning);

struct QueryMeaning {
  Meaning meaning = Meaning::kFailed;
  // kGrow only: the capacity to try next, larger than the one just tried and at most kReplyMax.
  std::uint32_t capacity = 0;
  // kAbsent only: the number may as well mean "too small" (documented variant), and a larger buffer
  // is possible, so one query at kReplyMax tells.
  bool ambiguous = false;
};

// `capacity` is the size of the buffer that was tried. A growth past kReplyMax is kFailed.
QueryMeaning NormaliseQuery(const Outcome& outcome, std::uint32_t capacity);
// Never kEmpty, kGrow or kAbsent.
Meaning NormaliseSet(const Outcome& outcome);

}  // namespace sluice::redirect

#endif  // SLUICE_REDIRECT_NORMALISE_H_
