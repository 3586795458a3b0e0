// SPDX-License-Identifier: Apache-2.0
//
// SLUICE_CHECK holds in every build, SLUICE_DCHECK in debug builds, SLUICE_AUDIT (whole-structure
// validity, may be slow) in sanitizer and simulation builds. A failed check ends the process: past
// it no invariant of the engine can be relied on. Conditions are single facts without side effects.
#ifndef SLUICE_BASE_CHECK_H_
#define SLUICE_BASE_CHECK_H_

namespace sluice {

// Prints "file:line: check failed: text" to stderr and aborts. Any thread.
[[noreturn]] void CheckFailed(const char* file, int line, const char* text);

}  // namespace sluice

#define SLUICE_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::sluice::CheckFailed(__FILE__, __LINE__, #condition))

#if !defined(NDEBUG) || defined(SLUICE_AUDIT_BUILD)
#define SLUICE_DCHECK(condition) SLUICE_CHECK(condition)
#else
#define SLUICE_DCHECK(condition) static_cast<void>(sizeof((condition) ? 1 : 0))
#endif

#if defined(SLUICE_AUDIT_BUILD)
#define SLUICE_AUDIT(condition) SLUICE_CHECK(condition)
#else
#define SLUICE_AUDIT(condition) static_cast<void>(sizeof((condition) ? 1 : 0))
#endif

#endif  // SLUICE_BASE_CHECK_H_
