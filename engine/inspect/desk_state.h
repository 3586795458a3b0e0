// SPDX-License-Identifier: Apache-2.0
//
// DeskState: what a VerdictDesk and its tokens share. Private to this room. Any thread; freed with
// the last of them.
#ifndef SLUICE_INSPECT_DESK_STATE_H_
#define SLUICE_INSPECT_DESK_STATE_H_

#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "engine/base/clock.h"
#include "engine/base/mutex.h"
#include "engine/inspect/verdict_desk.h"
#include "sluice/pending.h"
#include "sluice/verdict.h"

namespace sluice::inspect::internal {

class DeskState {
 public:
  explicit DeskState(const DeskOptions& options);

  void Retain() { references_.fetch_add(1, std::memory_order_relaxed); }
  void Release();

  const DeskOptions& options() const { return options_; }

  // From a token.
  bool Resolve(Ticket ticket, Answer answer) ABSL_LOCKS_EXCLUDED(mutex_);

  // From the desk.
  Ticket Begin(void* owner, Instant deadline) ABSL_LOCKS_EXCLUDED(mutex_);
  bool Withdraw(Ticket ticket) ABSL_LOCKS_EXCLUDED(mutex_);
  bool PopResolved(void** owner, Answer* answer) ABSL_LOCKS_EXCLUDED(mutex_);
  bool PopExpired(Instant now, void** owner) ABSL_LOCKS_EXCLUDED(mutex_);
  Instant NextDeadline() ABSL_LOCKS_EXCLUDED(mutex_);
  bool HasResolved() ABSL_LOCKS_EXCLUDED(mutex_);
  void Close() ABSL_LOCKS_EXCLUDED(mutex_);

  struct Slot {
    enum class State : std::uint8_t { kFree, kWaiting, kAnswered };
    void* owner = nullptr;
    Instant deadline;
    std::uint32_t generation = 0;  // of the current use, or of the last one
    std::uint32_t prev = Ticket::kNoSlot;
    std::uint32_t next = Ticket::kNoSlot;
    State state = State::kFree;
    Verdict verdict = Verdict::kPend;
    std::unique_ptr<Answer> details;  // when there is more to it than the verdict
  };

 private:
  // A list of slots by number, oldest first. A slot is in exactly one: the one of its state.
  struct List {
    std::uint32_t first = Ticket::kNoSlot;
    std::uint32_t last = Ticket::kNoSlot;
  };

  List& ListOf(Slot::State state) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Move(std::uint32_t index, Slot::State state) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Holds(Ticket ticket) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const DeskOptions options_;
  std::atomic<std::uint32_t> references_{1};
  Mutex mutex_;
  const std::unique_ptr<Slot[]> slots_ ABSL_GUARDED_BY(mutex_);
  List lists_[3] ABSL_GUARDED_BY(mutex_);
  Instant last_deadline_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace sluice::inspect::internal

#endif  // SLUICE_INSPECT_DESK_STATE_H_
