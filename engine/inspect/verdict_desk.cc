// SPDX-License-Identifier: Apache-2.0
#include "engine/inspect/verdict_desk.h"

#include <utility>

#include "engine/base/check.h"
#include "engine/inspect/desk_state.h"

namespace sluice {

Pending::Pending(inspect::internal::DeskState* state, Ticket ticket)
    : state_(state), ticket_(ticket) {
  state_->Retain();
}

bool Pending::Resolve(Verdict verdict) {
  Answer answer;
  answer.verdict = verdict;
  return Resolve(std::move(answer));
}

bool Pending::Resolve(Answer answer) {
  if (answer.verdict >= Verdict::kPend) return false;
  inspect::internal::DeskState* state = std::exchange(state_, nullptr);
  if (state == nullptr) return false;
  const bool told = state->Resolve(ticket_, std::move(answer));
  state->Release();
  return told;
}

void Pending::GiveUp() {
  if (state_ != nullptr) Resolve(state_->options().given_up);
}

}  // namespace sluice

namespace sluice::inspect {

VerdictDesk::VerdictDesk(const DeskOptions& options) : state_(new internal::DeskState(options)) {}

VerdictDesk::~VerdictDesk() {
  SLUICE_CHECK(waiting_ == 0);
  Close();
  state_->Release();
}

void VerdictDesk::Count(int change) {
  waiting_ += static_cast<std::uint32_t>(change);
  std::uint64_t* total = state_->options().waiting_total;
  if (total != nullptr) *total += static_cast<std::uint64_t>(change);
}

Pending VerdictDesk::Begin(void* owner, Instant deadline, Ticket* ticket) {
  *ticket = state_->Begin(owner, deadline);
  if (!ticket->valid()) return Pending();
  Count(1);
  return Pending(state_, *ticket);
}

bool VerdictDesk::Withdraw(Ticket ticket) {
  if (!state_->Withdraw(ticket)) return false;
  Count(-1);
  return true;
}

int VerdictDesk::TakeResolved(int limit, Answered answered) {
  int taken = 0;
  void* owner = nullptr;
  Answer answer;
  while (taken < limit && state_->PopResolved(&owner, &answer)) {
    Count(-1);
    ++taken;
    answered(owner, answer);
  }
  return taken;
}

int VerdictDesk::Expire(Instant now, int limit, Expired expired) {
  int taken = 0;
  void* owner = nullptr;
  while (taken < limit && state_->PopExpired(now, &owner)) {
    Count(-1);
    ++taken;
    expired(owner);
  }
  return taken;
}

Instant VerdictDesk::NextDeadline() const { return state_->NextDeadline(); }

bool VerdictDesk::HasResolved() const { return state_->HasResolved(); }

void VerdictDesk::Close() {
  SLUICE_CHECK(waiting_ == 0);
  state_->Close();
}

std::size_t VerdictDesk::BytesFor(std::uint32_t slots) {
  return sizeof(internal::DeskState) + slots * sizeof(internal::DeskState::Slot);
}

}  // namespace sluice::inspect
