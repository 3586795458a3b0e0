// SPDX-License-Identifier: Apache-2.0
#include "engine/inspect/desk_state.h"

#include <utility>

#include "engine/base/check.h"

namespace sluice::inspect::internal {

DeskState::DeskState(const DeskOptions& options)
    : options_(options), slots_(std::make_unique<Slot[]>(options.slots)) {
  SLUICE_CHECK(options.slots < Ticket::kNoSlot);
  SLUICE_CHECK(options.given_up != Verdict::kPend);
  const MutexLock lock(mutex_);
  for (std::uint32_t i = 0; i < options_.slots; ++i) {
    slots_[i].prev = i == 0 ? Ticket::kNoSlot : i - 1;
    slots_[i].next = i + 1 == options_.slots ? Ticket::kNoSlot : i + 1;
  }
  if (options_.slots > 0) ListOf(Slot::State::kFree) = List{0, options_.slots - 1};
}

void DeskState::Release() {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

DeskState::List& DeskState::ListOf(Slot::State state) {
  return lists_[static_cast<std::size_t>(state)];
}

// From the list of its state to the end of another one.
void DeskState::Move(std::uint32_t index, Slot::State state) {
  Slot& slot = slots_[index];
  List& from = ListOf(slot.state);
  (slot.prev == Ticket::kNoSlot ? from.first : slots_[slot.prev].next) = slot.next;
  (slot.next == Ticket::kNoSlot ? from.last : slots_[slot.next].prev) = slot.prev;
  List& to = ListOf(state);
  slot.prev = to.last;
  slot.next = Ticket::kNoSlot;
  (to.last == Ticket::kNoSlot ? to.first : slots_[to.last].next) = index;
  to.last = index;
  slot.state = state;
}

bool DeskState::Holds(Ticket ticket) {
  SLUICE_CHECK(ticket.slot < options_.slots);
  const Slot& slot = slots_[ticket.slot];
  return slot.state != Slot::State::kFree && slot.generation == ticket.generation;
}

bool DeskState::Resolve(Ticket ticket, Answer answer) {
  // Outside the lock: whoever answers pays for it, and only when there is something to keep.
  const bool plain = answer.replacement.empty() && answer.inject_up.empty() &&
                     answer.inject_down.empty() && answer.destination.empty();
  const Verdict verdict = answer.verdict;
  std::unique_ptr<Answer> details = plain ? nullptr : std::make_unique<Answer>(std::move(answer));
  const MutexLock lock(mutex_);
  if (!Holds(ticket)) return false;
  Slot& slot = slots_[ticket.slot];
  // There is one token for each use of a slot, and it answers once.
  SLUICE_CHECK(slot.state == Slot::State::kWaiting);
  const bool first = ListOf(Slot::State::kAnswered).first == Ticket::kNoSlot;
  slot.verdict = verdict;
  slot.details = std::move(details);
  Move(ticket.slot, Slot::State::kAnswered);
  // Those behind the first are taken with it.
  if (first && !closed_ && options_.wake != nullptr) options_.wake(options_.wake_owner);
  return true;
}

Ticket DeskState::Begin(void* owner, Instant deadline) {
  const MutexLock lock(mutex_);
  const std::uint32_t index = ListOf(Slot::State::kFree).first;
  if (closed_ || index == Ticket::kNoSlot) return Ticket{};
  SLUICE_CHECK(last_deadline_ <= deadline);
  last_deadline_ = deadline;
  Slot& slot = slots_[index];
  slot.owner = owner;
  slot.deadline = deadline;
  ++slot.generation;
  Move(index, Slot::State::kWaiting);
  return Ticket{index, slot.generation};
}

bool DeskState::Withdraw(Ticket ticket) {
  const MutexLock lock(mutex_);
  if (!Holds(ticket)) return false;
  slots_[ticket.slot].details.reset();
  Move(ticket.slot, Slot::State::kFree);
  return true;
}

bool DeskState::PopResolved(void** owner, Answer* answer) {
  const MutexLock lock(mutex_);
  const std::uint32_t index = ListOf(Slot::State::kAnswered).first;
  if (index == Ticket::kNoSlot) return false;
  *owner = slots_[index].owner;
  const std::unique_ptr<Answer> details = std::move(slots_[index].details);
  *answer = details == nullptr ? Answer() : std::move(*details);
  answer->verdict = slots_[index].verdict;
  Move(index, Slot::State::kFree);
  return true;
}

bool DeskState::PopExpired(Instant now, void** owner) {
  const MutexLock lock(mutex_);
  const std::uint32_t index = ListOf(Slot::State::kWaiting).first;
  if (index == Ticket::kNoSlot || now < slots_[index].deadline) return false;
  *owner = slots_[index].owner;
  Move(index, Slot::State::kFree);
  return true;
}

Instant DeskState::NextDeadline() {
  const MutexLock lock(mutex_);
  const std::uint32_t index = ListOf(Slot::State::kWaiting).first;
  return index == Ticket::kNoSlot ? Instant::Never() : slots_[index].deadline;
}

bool DeskState::HasResolved() {
  const MutexLock lock(mutex_);
  return ListOf(Slot::State::kAnswered).first != Ticket::kNoSlot;
}

void DeskState::Close() {
  const MutexLock lock(mutex_);
  closed_ = true;
}

}  // namespace sluice::inspect::internal
