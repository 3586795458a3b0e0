// SPDX-License-Identifier: Apache-2.0
//
// Pace: when the work of an open loop is due. `rate` starts a second in all, evenly spaced from
// `begin` on; of them a worker makes each `workers`-th, beginning with its own index. The k-th
// instant is computed from k, so nothing drifts, however late a start was made. One thread.
#ifndef SLUICE_TOOLS_PACE_H_
#define SLUICE_TOOLS_PACE_H_

#include <cstdint>

#include "engine/base/check.h"
#include "engine/base/clock.h"

namespace sluice::tool {

class Pace {
 public:
  // REQUIRES: 0 < rate <= 10^9, index < workers.
  Pace(std::uint64_t rate, Instant begin, std::uint64_t index, std::uint64_t workers)
      : rate_(rate), begin_(begin), index_(index), workers_(workers) {
    SLUICE_CHECK(rate > 0 && rate <= static_cast<std::uint64_t>(kSecond));
    SLUICE_CHECK(index < workers);
    next_ = At(0);
  }

  // When the next start is due.
  Instant next() const { return next_; }
  // Takes that start.
  Instant Take() {
    const Instant due = next_;
    next_ = At(++taken_);
    return due;
  }
  // Starts that were due before `end` and were not taken.
  std::uint64_t MissedBefore(Instant end) const {
    if (end <= begin_) return 0;
    // At(k) < end is monotonic in k: double the step, then halve it.
    std::uint64_t low = taken_;
    if (At(low) >= end) return 0;
    std::uint64_t step = 1;
    while (At(low + step) < end) step *= 2;
    std::uint64_t high = low + step;
    while (low + 1 < high) {
      const std::uint64_t middle = low + (high - low) / 2;
      (At(middle) < end ? low : high) = middle;
    }
    return high - taken_;
  }

 private:
  Instant At(std::uint64_t k) const {
    constexpr auto kNanos = static_cast<std::uint64_t>(kSecond);
    const std::uint64_t number = k * workers_ + index_;
    // Whole seconds apart, so that the product of the rest stays below 10^18.
    const std::uint64_t ns = number / rate_ * kNanos + number % rate_ * kNanos / rate_;
    return begin_ + static_cast<Nanos>(ns);
  }

  const std::uint64_t rate_;
  const Instant begin_;
  const std::uint64_t index_;
  const std::uint64_t workers_;
  std::uint64_t taken_ = 0;
  Instant next_;
};

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_PACE_H_
