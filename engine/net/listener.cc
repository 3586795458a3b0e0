// SPDX-License-Identifier: Apache-2.0
#include "engine/net/listener.h"

#include <algorithm>

#include "engine/base/check.h"

namespace sluice::net {

struct Listener::Slot {
  Listener* listener = nullptr;
  io::AcceptOp accept;
  io::Timer retry;
  Nanos pause = 0;

  void OnOutcome(Outcome outcome) { listener->OnSlotOutcome(*this, outcome); }
  void OnRetry() { listener->Post(*this); }
};

Listener::Listener(io::Port& port, io::TimerWheel& timers, const ListenerOptions& options)
    : port_(port), timers_(timers), options_(options) {
  SLUICE_CHECK(options.accepts > 0);
}

Listener::~Listener() { SLUICE_CHECK(outstanding_ == 0); }

void Listener::Bind(void* owner, OnAccepted accepted, OnFailed failed, OnStopped stopped) {
  owner_ = owner;
  accepted_ = accepted;
  failed_ = failed;
  stopped_ = stopped;
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
    Post(slot);
  }
}

void Listener::Post(Slot& slot) {
  SLUICE_DCHECK(!stopping_);
  port_.Accept(slot.accept, socket_);
}

void Listener::OnSlotOutcome(Slot& slot, Outcome outcome) {
  if (stopping_) {
    // An accept that won its race against Stop: the client sees a reset, as from a closed listener.
    if (outcome.ok()) io::Port::Discard(slot.accept.Take(), port_.platform());
    Leave();
    return;
  }
  if (outcome.ok()) {
    slot.pause = 0;
    const io::AcceptedSocket accepted = slot.accept.Take();
    // Posted again first: the slot should not wait for what is done with this connection.
    Post(slot);
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
  int resting = 0;
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
