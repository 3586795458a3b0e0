// SPDX-License-Identifier: Apache-2.0
#include "engine/redirect/emulated/listen_queue.h"

#include <utility>

#include "engine/base/check.h"

namespace sluice::emulated {

void ListenQueue::Syn(std::uint64_t connection, HopList tag) {
  Offer(Arrival{connection, std::move(tag), now_, Instant{}});
}

void ListenQueue::Offer(Arrival arrival) {
  if (paused_) {
    ++dropped_;
    if (lost_on_retry_) arrival.tag = nullptr;
    retries_.push_back(Retry{now_ + kRetry, std::move(arrival)});
    return;
  }
  arrival.arrived = now_;
  queue_.push_back(std::move(arrival));
  if (queue_.size() < limit_) return;
  paused_ = true;
  ++pauses_;
}

std::optional<ListenQueue::Arrival> ListenQueue::Accept() {
  if (queue_.empty()) return std::nullopt;
  Arrival arrival = std::move(queue_.front());
  queue_.pop_front();
  if (queue_.size() <= resume_) paused_ = false;
  return arrival;
}

void ListenQueue::Advance(Instant now) {
  SLUICE_CHECK(now_ <= now);
  while (!retries_.empty() && retries_.front().due <= now) {
    Retry retry = std::move(retries_.front());
    retries_.pop_front();
    now_ = retry.due;
    Offer(std::move(retry.arrival));
  }
  now_ = now;
}

}  // namespace sluice::emulated
