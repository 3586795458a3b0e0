// SPDX-License-Identifier: Apache-2.0
//
// VerdictDesk: where verdicts that come later are waited for. One for each pair of worker and
// engine, with a fixed number of slots, so that stuck inspectors cost a known amount of memory.
//
//   slot: free -> waiting -> (answered) -> free
//                 Begin       Resolve      TakeResolved, Withdraw, Expire
//
// Each use of a slot has a generation of its own, so a token whose slot is used by somebody else by
// now is recognised as stale.
//
// Threads: all methods are the owner's (the worker's); tokens are answered on any thread. What both
// touch is under one short lock, taken only for bytes that do wait. The first answer of a batch
// calls `wake` under that lock, so that none is called once Close has returned.
#ifndef SLUICE_INSPECT_VERDICT_DESK_H_
#define SLUICE_INSPECT_VERDICT_DESK_H_

#include <cstddef>
#include <cstdint>

#include "absl/functional/function_ref.h"
#include "engine/base/clock.h"
#include "sluice/pending.h"
#include "sluice/verdict.h"

namespace sluice::inspect {

struct DeskOptions {
  std::uint32_t slots = 1024;
  // What a token says that is given up unanswered. REQUIRES: not kPend.
  Verdict given_up = Verdict::kReset;
  // Goes up and down with `waiting`, for the sum over several desks of one thread. May be null.
  std::uint64_t* waiting_total = nullptr;
  // Answers are there to be taken. Called on any thread; must not block and not come back here.
  void* wake_owner = nullptr;
  void (*wake)(void* owner) = nullptr;
};

class VerdictDesk {
 public:
  // Who waited, and what was said.
  using Answered = absl::FunctionRef<void(void* owner, Answer& answer)>;
  using Expired = absl::FunctionRef<void(void* owner)>;

  explicit VerdictDesk(const DeskOptions& options);
  VerdictDesk(const VerdictDesk&) = delete;
  VerdictDesk& operator=(const VerdictDesk&) = delete;
  // REQUIRES: nobody waits.
  ~VerdictDesk();

  // `owner` begins to wait; an empty token when all slots are taken or the desk is closed.
  // REQUIRES: deadlines never fall from one call to the next, so that one list holds them in order.
  Pending Begin(void* owner, Instant deadline, Ticket* ticket);
  // Stops waiting; its token is stale from here on. False when it was answered or expired and told
  // so.
  bool Withdraw(Ticket ticket);

  // Tells up to `limit` owners their answers, in the order they came; returns how many. Owners may
  // begin and withdraw meanwhile.
  int TakeResolved(int limit, Answered answered);
  // Tells up to `limit` owners whose deadline has come and who have no answer yet.
  int Expire(Instant now, int limit, Expired expired);
  // Never when nobody waits without an answer.
  Instant NextDeadline() const;
  bool HasResolved() const;

  // No wake and no Begin after this. REQUIRES: nobody waits. Idempotent.
  void Close();

  // How many wait now, answered or not.
  std::uint32_t waiting() const { return waiting_; }

  // What a desk with `slots` slots allocates, at its start.
  static std::size_t BytesFor(std::uint32_t slots);

 private:
  void Count(int change);

  internal::DeskState* const state_;  // counted: tokens may outlive the desk
  std::uint32_t waiting_ = 0;
};

// Later: where a callback of an inspector gets its token. Lives for one call. Worker-only.
class Later {
 public:
  // `desk` may be null: then there is no token to be had.
  Later(VerdictDesk* desk, void* owner, Instant deadline)
      : desk_(desk), owner_(owner), deadline_(deadline) {}
  Later(const Later&) = delete;
  Later& operator=(const Later&) = delete;

  // The token, once; empty the second time, and when the desk is full.
  Pending Take() {
    if (desk_ == nullptr || ticket_.valid()) return Pending();
    return desk_->Begin(owner_, deadline_, &ticket_);
  }
  // What was taken.
  Ticket ticket() const { return ticket_; }

 private:
  VerdictDesk* const desk_;
  void* const owner_;
  const Instant deadline_;
  Ticket ticket_;
};

}  // namespace sluice::inspect

#endif  // SLUICE_INSPECT_VERDICT_DESK_H_
