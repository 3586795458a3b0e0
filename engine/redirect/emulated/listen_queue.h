// SPDX-License-Identifier: Apache-2.0
//
// ListenQueue: a listener's backlog on a virtual clock, for what was seen on Windows 11: a full
// backlog pauses the listener, SYNs that come meanwhile are dropped and sent again 500 ms later,
// and then carry no records. Pure model, one thread; time only moves when told.
#ifndef SLUICE_REDIRECT_EMULATED_LISTEN_QUEUE_H_
#define SLUICE_REDIRECT_EMULATED_LISTEN_QUEUE_H_

#include <cstdint>
#include <deque>
#include <optional>

#include "engine/base/clock.h"
#include "engine/redirect/emulated/hop.h"

namespace sluice::emulated {

class ListenQueue {
 public:
  static constexpr Nanos kRetry = 500 * kMillisecond;

  struct Arrival {
    std::uint64_t connection = 0;
    HopList tag;
    Instant sent;     // first SYN
    Instant arrived;  // into the queue
  };

  // Paused when `limit` connections wait, resumed when no more than 80 % of it do.
  ListenQueue(std::uint32_t limit, bool records_lost_on_retry)
      : limit_(limit), resume_(limit * 4 / 5), lost_on_retry_(records_lost_on_retry) {}

  // A SYN at the present time.
  void Syn(std::uint64_t connection, HopList tag);
  // The oldest waiting connection; nothing if none waits.
  std::optional<Arrival> Accept();
  // Moves the clock; SYNs that are due come again. REQUIRES: not backwards.
  void Advance(Instant now);

  Instant now() const { return now_; }
  bool paused() const { return paused_; }
  std::size_t waiting() const { return queue_.size(); }
  std::size_t retrying() const { return retries_.size(); }
  // Nothing waits and nothing will come.
  bool idle() const { return queue_.empty() && retries_.empty(); }
  std::uint64_t dropped() const { return dropped_; }
  std::uint64_t pauses() const { return pauses_; }

 private:
  struct Retry {
    Instant due;
    Arrival arrival;
  };

  void Offer(Arrival arrival);

  const std::uint32_t limit_;
  const std::uint32_t resume_;
  const bool lost_on_retry_;
  Instant now_;
  bool paused_ = false;
  std::deque<Arrival> queue_;
  std::deque<Retry> retries_;  // by due time: each is kRetry after a drop, and drops are in order
  std::uint64_t dropped_ = 0;
  std::uint64_t pauses_ = 0;
};

}  // namespace sluice::emulated

#endif  // SLUICE_REDIRECT_EMULATED_LISTEN_QUEUE_H_
