// SPDX-License-Identifier: Apache-2.0
#include "engine/net/listener.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"

namespace sluice::net {

struct Listener::Slot {
  Listener* listener = nullptr;
  io::AcceptOp accept;
  io::Timer retry;
  Nanos pause = 0;
  Slot* next_resting = nullptr;

  void OnOutcome(Outcome outcome) { listener->OnSlotOutcome(*this, outcome); }
  void OnRetry() {
    listener->Rest(*this);
    listener->Fill();
  }
};

Listener::Listener(io::Port& port, io::TimerWheel& timers, const ListenerOptions& options)
    : port_(port), timers_(timers), options_(options) {
  SLUICE_CHECK(options.accepts > 0);
  rate_timer_.Bind<&Listener::Fill>(this);
}

Listener::~Listener() { SLUICE_CHECK(outstanding_ == 0); }

void Listener::Bind(void* owner, OnAccepted accepted, OnFailed failed, OnStopped stopped) {
  owner_ = owner;
  accepted_ = accepted;
  failed_ = failed;
  stopped_ = stopped;
}

std::size_t Listener::BytesFor(int accepts) {
  return sizeof(Listener) + static_cast<std::size_t>(accepts) * sizeof(Slot);
}

void Listener::LimitRate(TokenBucket* bucket, OnPaused paused) {
  SLUICE_CHECK(slots_ == nullptr);
  SLUICE_CHECK(rates_[kRatesMax - 1] == nullptr);
  rates_[rates_[0] == nullptr ? 0 : 1] = bucket;
  paused_ = paused;
}

OsError Listener::Listen(const Address& local) {
  SLUICE_CHECK(outstanding_ == 0);
  return port_.Listen(socket_, local, options_.listen);
}

void Listener::BeginAccepting() {
  SLUICE_CHECK(socket_.is_open());
  SLUICE_CHECK(outstanding_ == 0);
  slots_ = std::make_unique<Slot[]>(static_cast<std::size_t>(options_.accepts));
  for (int i = 0; i < options_.accepts; ++i) {
    Slot& slot = slots_[static_cast<std::size_t>(i)];
    slot.listener = this;
    slot.accept.Bind<&Slot::OnOutcome>(&slot);
    slot.retry.Bind<&Slot::OnRetry>(&slot);
    ++outstanding_;
    Rest(slot);
  }
  Fill();
}

void Listener::Rest(Slot& slot) {
  slot.next_resting = resting_;
  resting_ = &slot;
}

// How many accepts may be armed by the rates; *scarcest is the bucket that allows fewest, if any.
int Listener::Allowed(TokenBucket** scarcest) {
  std::int64_t allowed = options_.accepts;
  *scarcest = nullptr;
  for (TokenBucket* bucket : rates_) {
    if (bucket == nullptr) continue;
    const std::int64_t available = std::max<std::int64_t>(0, bucket->Available(port_.now()));
    if (available >= allowed) continue;
    allowed = available;
    *scarcest = bucket;
  }
  return static_cast<int>(allowed);
}

// Arms what may be armed.
void Listener::Fill() {
  SLUICE_DCHECK(!stopping_);
  TokenBucket* scarcest = nullptr;
  const int allowed = Allowed(&scarcest);
  while (resting_ != nullptr && armed_ < allowed) {
    Slot& slot = *resting_;
    resting_ = slot.next_resting;
    ++armed_;
    port_.Accept(slot.accept, socket_);
  }
  if (resting_ != nullptr) return AwaitTokens(allowed, scarcest);
  rate_paused_ = false;
}

// Looks again when one more may be armed. With as many armed as a bucket ever holds, it is an
// accept that goes on.
void Listener::AwaitTokens(int allowed, TokenBucket* scarcest) {
  const bool was_paused = std::exchange(rate_paused_, allowed == 0);
  if (scarcest == nullptr) return;
  if (armed_ < scarcest->burst()) {
    const Instant soon = port_.now() + kMillisecond;
    timers_.Start(rate_timer_, std::max(soon, scarcest->When(armed_ + 1)));
  }
  if (rate_paused_ && !was_paused) paused_(owner_, *scarcest);
}

void Listener::OnSlotOutcome(Slot& slot, Outcome outcome) {
  --armed_;
  if (stopping_) {
    // An accept that won its race against Stop: the client sees a reset, as from a closed listener.
    if (outcome.ok()) io::Port::Discard(slot.accept.Take(), port_.platform());
    Leave();
    return;
  }
  if (outcome.ok()) {
    slot.pause = 0;
    const io::AcceptedSocket accepted = slot.accept.Take();
    for (TokenBucket* bucket : rates_) {
      if (bucket != nullptr) bucket->Take();
    }
    // Armed again first: the slot should not wait for what is done with this connection.
    Rest(slot);
    Fill();
    accepted_(owner_, accepted);
    return;
  }
  slot.pause =
      slot.pause == 0 ? options_.retry_first : std::min(slot.pause * 2, options_.retry_longest);
  timers_.Start(slot.retry, port_.now() + slot.pause);
  failed_(owner_, outcome.error);
}

void Listener::Stop() {
  SLUICE_CHECK(!stopping_);
  stopping_ = true;
  if (outstanding_ == 0) {
    port_.Close(socket_);
    return stopped_(owner_);
  }
  timers_.Stop(rate_timer_);
  int resting = 0;
  for (Slot* slot = resting_; slot != nullptr; slot = slot->next_resting) ++resting;
  for (int i = 0; i < options_.accepts; ++i) {
    Slot& slot = slots_[static_cast<std::size_t>(i)];
    if (!slot.retry.running()) continue;
    timers_.Stop(slot.retry);
    ++resting;
  }
  port_.Close(socket_);
  // Leave may end the listener's life, so nothing of it is touched after the last one.
  while (resting-- > 0) Leave();
}

void Listener::Leave() {
  SLUICE_CHECK(outstanding_ > 0);
  if (--outstanding_ == 0) stopped_(owner_);
}

}  // namespace sluice::net
