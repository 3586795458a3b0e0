// SPDX-License-Identifier: Apache-2.0
//
// CrashNote: while it lives, a process that dies of a failed check or a signal says which seed it
// was at.
#ifndef SLUICE_TESTS_SIM_CRASH_NOTE_H_
#define SLUICE_TESTS_SIM_CRASH_NOTE_H_

#include <cstdint>

namespace sluice::sim {

class CrashNote {
 public:
  explicit CrashNote(std::uint64_t seed);
  ~CrashNote();
  CrashNote(const CrashNote&) = delete;
  CrashNote& operator=(const CrashNote&) = delete;
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_CRASH_NOTE_H_
