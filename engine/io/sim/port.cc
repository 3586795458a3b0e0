// SPDX-License-Identifier: Apache-2.0
//
// The port's life and its turn.
#include "engine/io/port.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "engine/base/check.h"
#include "engine/io/sim/block.h"
#include "engine/io/sim/impl.h"

namespace sluice::io {

using sim::BlockIn;

Port::Impl::Impl(sim::World& world, Platform* platform)
    : PortCore(this, &GiveBack), world_(world), platform_(platform), now_(world.now()) {
  world_.Register(this);
}

Port::Impl::~Impl() {
  messages().Clear();
  ForEachArmed([this](Operation& operation) {
    MarkCancelled(operation);
    if (operation.verb_ == Verb::kControl && (operation.backend_ & kPended) != 0) {
      platform_->CancelControl(static_cast<ControlOp*>(&operation));
    }
    FinishCancelled(operation);
  });
  // No handler will take what these accepted.
  ForEachReady([this](Operation& operation) {
    if (operation.verb_ != Verb::kAccept) return;
    AcceptOp& accept = static_cast<AcceptOp&>(operation);
    if (accept.accepted_.is_open()) Discard(accept.Take(), platform_);
  });
  DropReady();
  world_.Unregister(this);
}

Port::Impl::StartScope::StartScope(Impl& impl) : impl_(impl) {
  // A start call inside a start call: a handler ran where none may (law 2).
  SLUICE_CHECK(!impl.in_start_);
  impl.in_start_ = true;
}

int Port::Impl::Turn(Instant deadline, Budget budget) {
  SLUICE_CHECK(!in_turn_);
  in_turn_ = true;
  ++stats().turns;
  if (asleep_) EndSleep();
  asleep_ = false;
  woken_ = false;
  deadline_ = deadline;
  stats().calls.Add(Call::k_turn);
  if (world_.options().self_driven) world_.PassTurn();
  Poll();
  if (world_.options().self_driven && !HasReady() && deadline > world_.now() && PrepareSleep()) {
    asleep_ = true;
    ++stats().waits;
    world_.LetPass(*this, deadline);
    asleep_ = false;
    EndSleep();
    Poll();
  }
  now_ = world_.now();
  int limit = budget.handlers;
  if (world_.Chance(world_.odds().short_turn)) {
    limit =
        1 + static_cast<int>(world_.prng().Below(static_cast<std::uint64_t>(std::min(limit, 4))));
  }
  const int ran = Dispatch(limit);
  world_.Note(static_cast<std::uint64_t>(ran));
  const bool may_sleep = !world_.options().self_driven && ran == 0 && !HasReady();
  if (may_sleep && deadline > now_ && PrepareSleep()) {
    asleep_ = true;
    ++stats().waits;
  }
  in_turn_ = false;
  return ran;
}

// What the kernel has for this port now, in an order of its own.
void Port::Impl::Poll() {
  polled_.clear();
  ForEachArmed([this](Operation& operation) { polled_.push_back(&operation); });
  for (std::size_t i = polled_.size(); i > 1; --i) {
    std::swap(polled_[i - 1], polled_[world_.prng().Below(i)]);
  }
  for (Operation* operation : polled_) {
    if (!CanComplete(*operation)) continue;
    if (world_.Chance(world_.odds().lazy_completion)) continue;
    Complete(*operation);
  }
}

bool Port::Impl::Runnable() {
  if (!asleep_ || woken_ || HasReady() || deadline_ <= world_.now()) return true;
  bool runnable = false;
  ForEachArmed([&](Operation& operation) { runnable = runnable || CanComplete(operation); });
  return runnable;
}

Instant Port::Impl::WakesAt() {
  Instant at = deadline_;
  ForEachArmed([&](Operation& operation) {
    const Instant not_before = BlockIn(operation.native_).not_before;
    if (not_before > world_.now()) at = std::min(at, not_before);
  });
  return at;
}

Port::Port(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Port::~Port() = default;

absl::StatusOr<std::unique_ptr<Port>> Port::Create(const PortOptions& options) {
  sim::World* world = sim::World::Current();
  if (world == nullptr) {
    return absl::FailedPreconditionError("this thread has no simulated world: make a World first");
  }
  return std::unique_ptr<Port>(new Port(std::make_unique<Impl>(*world, options.platform)));
}

const char* Port::BackendName() { return "sim"; }
bool Port::WaitsCheaply() { return false; }

int Port::RunOnce(Instant deadline, Budget budget) { return impl_->Turn(deadline, budget); }

Instant Port::now() const { return impl_->now_; }

bool Port::Post(Message& message) {
  if (!impl_->messages().Push(message)) return false;
  Wake();
  return true;
}

void Port::Wake() {
  if (impl_->NeedsKick()) impl_->Kick();
}

PortStats Port::stats() const { return impl_->Snapshot(); }

Platform* Port::platform() const { return impl_->platform_; }

}  // namespace sluice::io
