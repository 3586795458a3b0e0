// SPDX-License-Identifier: Apache-2.0
//
// The port's life and its turn.
#include "engine/io/port.h"

#include <cerrno>
#include <memory>
#include <thread>
#include <utility>

#include "engine/base/check.h"
#include "engine/io/linux/impl.h"

namespace sluice::io {

Port::Impl::Impl(const PortOptions& options)
    : PortCore(this, &GiveBack),
      platform_(options.platform),
      clock_(options.clock),
      ring_(&stats().calls),
      now_(ReadClock(clock_)) {}

Port::Impl::~Impl() {
  Join();
  // No handler will take what these accepted.
  ForEachReady([this](Operation& operation) {
    if (operation.verb_ != Verb::kAccept) return;
    AcceptOp& accept = static_cast<AcceptOp&>(operation);
    if (accept.accepted_.is_open()) Discard(accept.Take(), platform_);
  });
  DropReady();
}

// Cancels everything and waits for it, however long the kernel or the platform takes: until then
// they may write to operations and buffers.
void Port::Impl::Join() {
  if (armed_count() == 0) return;
  // Nobody but the owner can cancel in the ring, or hear of the outcomes.
  SLUICE_CHECK(OnOwner());
  messages().Clear();  // they would keep Enter from sleeping
  ForEachArmed([this](Operation& operation) { CancelArmed(operation); });
  while (armed_count() != 0) {
    // Before the first turn only pended controls can be left; the ring is then for sleeping.
    if (!running_) BecomeOwner();
    RetryBacklog();
    RetryCancels();
    TakeReplies();
    Enter(Instant::Never());
    Reap();
    TakeReplies();
  }
}

void Port::Impl::BecomeOwner() {
  running_ = true;
  owner_ = std::this_thread::get_id();
  ring_.Enable();
}

int Port::Impl::Turn(Instant deadline, Budget budget) {
  SLUICE_CHECK(!in_turn_);
  in_turn_ = true;
  if (!running_) BecomeOwner();
  SLUICE_CHECK(OnOwner());
  ++stats().turns;
  RetryBacklog();
  RetryCancels();
  TakeReplies();
  Enter(HasReady() ? now_ : deadline);
  Reap();
  TakeReplies();
  now_ = ReadClock(clock_);
  const int ran = Dispatch(budget.handlers);
  in_turn_ = false;
  return ran;
}

// One io_uring_enter at most.
void Port::Impl::Enter(Instant deadline) {
  if (!wake_armed_) wake_armed_ = ring_.ArmWake();
  const bool can_sleep = wake_armed_ && backlog_.empty() && !ring_.HasCompletions();
  if (can_sleep && deadline > now_) {
    const bool forever = deadline == Instant::Never();
    const Instant now = forever ? now_ : ReadClock(clock_);
    if (deadline > now && PrepareSleep()) {
      ++stats().waits;
      ring_.SubmitAndWait(now, deadline);
      EndSleep();
      return;
    }
  }
  ring_.SubmitAndCollect();
}

void Port::Impl::Reap() {
  ring_.Reap([this](std::uint64_t user_data, int result, unsigned flags) {
    if (user_data == kTagIgnored) return;
    if (user_data == kTagCancel) {
      cancel_missed_ = cancel_missed_ || result == -ENOENT;
      return;
    }
    if (user_data == kTagWake) {
      if ((flags & IORING_CQE_F_MORE) == 0) wake_armed_ = false;
      return;
    }
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel carries the address as a number.
    Complete(*reinterpret_cast<Operation*>(user_data), result,
             (flags & IORING_CQE_F_SOCK_NONEMPTY) == 0);
  });
}

Port::Port(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Port::~Port() = default;

absl::StatusOr<std::unique_ptr<Port>> Port::Create(const PortOptions& options) {
  auto impl = std::make_unique<Impl>(options);
  const absl::Status status = impl->ring_.Setup(options.queue_depth);
  if (!status.ok()) return status;
  return std::unique_ptr<Port>(new Port(std::move(impl)));
}

const char* Port::BackendName() { return "io_uring"; }
bool Port::WaitsCheaply() { return true; }

int Port::RunOnce(Instant deadline, Budget budget) { return impl_->Turn(deadline, budget); }

Instant Port::now() const { return impl_->now_; }

bool Port::Post(Message& message) {
  if (!impl_->messages().Push(message)) return false;
  if (impl_->NeedsKick()) impl_->ring_.Kick();
  return true;
}

void Port::Wake() {
  if (impl_->NeedsKick()) impl_->ring_.Kick();
}

PortStats Port::stats() const { return impl_->Snapshot(); }

Platform* Port::platform() const { return impl_->platform_; }

}  // namespace sluice::io
