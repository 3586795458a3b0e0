// SPDX-License-Identifier: Apache-2.0
//
// Pending: the token of one verdict that comes later. Move-only, answered at most once, from any
// thread; it may outlive its flow, its worker and its engine. Given up unanswered, it gives the
// engine's default verdict at once, so that a crashed or forgetful inspector does not hold a flow
// until the deadline.
#ifndef SLUICE_PENDING_H_
#define SLUICE_PENDING_H_

#include <cstdint>
#include <string>
#include <utility>

#include "sluice/address.h"
#include "sluice/verdict.h"

namespace sluice {

namespace inspect {
class VerdictDesk;
namespace internal {
class DeskState;
}
}  // namespace inspect

// A verdict with what belongs to it.
struct Answer {
  Verdict verdict = Verdict::kPass;
  std::string replacement;  // with kReplace: what is sent instead
  std::string inject_up;    // sent first, whatever the verdict on the bytes themselves
  std::string inject_down;
  Address destination;  // OnOpen only: where to go instead; empty: where it was going
};

// Internal: names one use of one slot of a desk.
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
  // passed, the inspector said something else) or when it was answered before; also for kPend,
  // which is no answer: then the token stays as it was.
  bool Resolve(Verdict verdict);
  bool Resolve(Answer answer);

 private:
  friend class inspect::VerdictDesk;
  Pending(inspect::internal::DeskState* state, Ticket ticket);
  void GiveUp();

  inspect::internal::DeskState* state_ = nullptr;  // counted; null once answered
  Ticket ticket_;
};

}  // namespace sluice

#endif  // SLUICE_PENDING_H_
