// SPDX-License-Identifier: Apache-2.0
//
// Instant: a point on a monotonic clock, in nanoseconds since an arbitrary origin. Durations are
// plain int64 nanoseconds (`Nanos`). Engine code asks its Port for the time, never the OS: a
// simulated port keeps a virtual clock.
#ifndef SLUICE_BASE_CLOCK_H_
#define SLUICE_BASE_CLOCK_H_

#include <cstdint>
#include <limits>

#include "sluice/hooks.h"

namespace sluice {

using Nanos = std::int64_t;

inline constexpr Nanos kMicrosecond = 1000;
inline constexpr Nanos kMillisecond = 1000 * kMicrosecond;
inline constexpr Nanos kSecond = 1000 * kMillisecond;

struct Instant {
  std::int64_t ns = 0;

  static constexpr Instant Never() { return Instant{std::numeric_limits<std::int64_t>::max()}; }
  // The operating system's monotonic clock. Any thread.
  static Instant Now();

  friend constexpr bool operator==(Instant a, Instant b) { return a.ns == b.ns; }
  friend constexpr bool operator!=(Instant a, Instant b) { return a.ns != b.ns; }
  friend constexpr bool operator<(Instant a, Instant b) { return a.ns < b.ns; }
  friend constexpr bool operator<=(Instant a, Instant b) { return a.ns <= b.ns; }
  friend constexpr bool operator>(Instant a, Instant b) { return a.ns > b.ns; }
  friend constexpr bool operator>=(Instant a, Instant b) { return a.ns >= b.ns; }
  friend constexpr Nanos operator-(Instant a, Instant b) { return a.ns - b.ns; }
  // Saturates: adding to Never, or past it, stays Never.
  friend constexpr Instant operator+(Instant a, Nanos d) {
    if (d > 0 && a.ns > std::numeric_limits<std::int64_t>::max() - d) return Never();
    return Instant{a.ns + d};
  }
};

// The embedder's clock, or the operating system's.
inline Instant ReadClock(const ClockHook& hook) {
  return hook.now_ns != nullptr ? Instant{hook.now_ns(hook.user)} : Instant::Now();
}

}  // namespace sluice

#endif  // SLUICE_BASE_CLOCK_H_
