// SPDX-License-Identifier: Apache-2.0
#include "engine/net/token_bucket.h"

#include <algorithm>

#include "engine/base/check.h"

namespace sluice::net {
namespace {

// Years, and far from overflow when counted in nanoseconds.
constexpr std::int64_t kSpanMax = std::int64_t{1} << 60;

}  // namespace

TokenBucket::TokenBucket(std::uint64_t per_second, std::uint64_t burst, Instant now)
    : per_second_(per_second),
      interval_(kSecond / static_cast<std::int64_t>(per_second)),
      burst_(std::min(static_cast<std::int64_t>(burst), kSpanMax / interval_)),
      zero_{now.ns - burst_ * interval_} {
  SLUICE_CHECK(interval_ > 0);
  SLUICE_CHECK(burst_ > 0);
}

std::int64_t TokenBucket::Available(Instant now) {
  // What overflows is lost.
  zero_.ns = std::max(zero_.ns, now.ns - burst_ * interval_);
  const Nanos filled = now - zero_;
  // Rounded down, also below zero.
  return filled >= 0 ? filled / interval_ : -((-filled + interval_ - 1) / interval_);
}

}  // namespace sluice::net
