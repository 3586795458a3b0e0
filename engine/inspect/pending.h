// SPDX-License-Identifier: Apache-2.0
//
// Pending: the token of one verdict that comes later. Move-only, answered at most once, from any
// thread; it may outlive its flow, its worker and its engine. Given up unanswered, it gives the
// engine's default verdict at once, so that a crashed or forgetful inspector does not hold a flow
// until the deadline.
//
// Later: where OnData gets the token.
#ifndef SLUICE_INSPECT_PENDING_H_
#define SLUICE_INSPECT_PENDING_H_

#include <cstdint>
#include <utility>

#include "engine/base/clock.h"
#include "engine/inspect/verdict.h"

namespace sluice::inspect {

class VerdictDesk;

namespace internal {
class DeskState;
}  // namespace internal

// Names one use of one slot of a desk.
struct Ticket {
  static constexpr std::uint32_t kNoSlot = 0xffffffff;
  std::uint32_t slot = kNoSlot;
  std::uint32_t generation = 0;

  bool valid() const { return slot != kNoSlot; }
};

class Pending {
 public:
  Pending() = default;
  Pending(Pending&& other) noexcept
      : state_(std::exchange(other.state_, nullptr)), ticket_(other.ticket_) {}
  Pending& operator=(Pending&& other) noexcept {
    Pending taken(std::move(other));
    std::swap(state_, taken.state_);
    std::swap(ticket_, taken.ticket_);
    return *this;
  }
  ~Pending() { GiveUp(); }

  // False for a default-constructed, moved-from or answered token, and for one of a full desk.
  explicit operator bool() const { return state_ != nullptr; }

  // Any thread, one at a time. False when nobody waits any more (the flow ended, the deadline
  // passed, OnData said something else) or when it was answered before. REQUIRES: not kPend.
  bool Resolve(Verdict verdict);

 private:
  friend class VerdictDesk;
  Pending(internal::DeskState* state, Ticket ticket);
  void GiveUp();

  internal::DeskState* state_ = nullptr;  // counted; null once answered
  Ticket ticket_;
};

// Lives for one call of OnData. Worker-only.
class Later {
 public:
  // `desk` may be null: then there is no token to be had.
  Later(VerdictDesk* desk, void* owner, Instant deadline)
      : desk_(desk), owner_(owner), deadline_(deadline) {}
  Later(const Later&) = delete;
  Later& operator=(const Later&) = delete;

  // The token, once; empty the second time, and when the desk is full. Then return kPend.
  Pending Take();

  // For the caller of OnData: what was taken.
  Ticket ticket() const { return ticket_; }

 private:
  VerdictDesk* const desk_;
  void* const owner_;
  const Instant deadline_;
  Ticket ticket_;
};

}  // namespace sluice::inspect

#endif  // SLUICE_INSPECT_PENDING_H_
