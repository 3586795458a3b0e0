// SPDX-License-Identifier: Apache-2.0
//
// TokenBucket: so many events a second on average, so many at once. Exact over any time: what is
// taken beyond the tokens is a debt. One thread.
#ifndef SLUICE_NET_TOKEN_BUCKET_H_
#define SLUICE_NET_TOKEN_BUCKET_H_

#include <cstdint>

#include "engine/base/clock.h"

namespace sluice::net {

class TokenBucket {
 public:
  // Full at `now`. REQUIRES: 1 <= per_second <= kSecond, 1 <= burst <= 2^32.
  TokenBucket(std::uint64_t per_second, std::uint64_t burst, Instant now);

  // Tokens at `now`, at most `burst`; negative while in debt.
  std::int64_t Available(Instant now);
  void Take() { zero_.ns += interval_; }
  // When there will be `count` tokens, if none is taken. REQUIRES: count <= burst.
  Instant When(std::int64_t count) const { return Instant{zero_.ns + count * interval_}; }

  std::uint64_t per_second() const { return per_second_; }
  std::int64_t burst() const { return burst_; }

 private:
  const std::uint64_t per_second_;
  const Nanos interval_;  // between two tokens
  const std::int64_t burst_;
  Instant zero_;  // when the bucket was, or will be, empty; it fills from there
};

}  // namespace sluice::net

#endif  // SLUICE_NET_TOKEN_BUCKET_H_
