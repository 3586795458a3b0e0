// SPDX-License-Identifier: Apache-2.0
//
// The turn: sleep, dequeue, finish, dispatch.
#include <algorithm>

#include "engine/base/check.h"
#include "engine/io/windows/errors.h"
#include "engine/io/windows/impl.h"

namespace sluice::io {
namespace {

// Rounded up: a wait that ends too early costs a turn, and the kernel may end one a clock tick
// early or late as it is. RunOnce then returns 0 and its caller comes again.
DWORD MillisUntil(Instant deadline, Instant now) {
  if (deadline == Instant::Never()) return INFINITE;
  if (deadline <= now) return 0;
  const Nanos left = deadline - now;
  const Nanos millis = left / kMillisecond + (left % kMillisecond != 0 ? 1 : 0);
  return static_cast<DWORD>(std::min<Nanos>(millis, INFINITE - 1));
}

}  // namespace

int Port::Impl::RunOnce(Instant deadline, Budget budget) {
  SLUICE_CHECK(!in_turn_);
  SLUICE_CHECK(budget.handlers > 0);
  const DWORD thread = GetCurrentThreadId();
  if (owner_ == 0) owner_ = thread;
  SLUICE_CHECK(owner_ == thread);
  in_turn_ = true;
  ++stats().turns;
  Collect(deadline, budget.handlers);
  now_ = ReadClock(clock_);
  const int ran = Dispatch(budget.handlers);
  bank_.Refill(&stats().calls);
  in_turn_ = false;
  return ran;
}

// Makes outcomes ready: starts receives, takes packets, sleeps if there is nothing else to do.
void Port::Impl::Collect(Instant deadline, int handlers_max) {
  // Outcomes that came at once must not starve those that come by packet, nor pay for a look at an
  // empty port in each turn.
  if (HasReady() && blind_turns_ < kBlindTurnsMax) {
    ++blind_turns_;
    return;
  }
  blind_turns_ = 0;
  if (packets_of_last_look_ >= kBusyPackets) {
    StartReceives(late_receives_);
    late_receives_ = waiting_receives_.size();
    packets_of_last_look_ = Dequeue(0, handlers_max);
    if (HasWork()) return;
  }
  StartReceives(waiting_receives_.size());
  late_receives_ = 0;
  LookOrSleep(deadline, handlers_max);
}

void Port::Impl::LookOrSleep(Instant deadline, int handlers_max) {
  DWORD timeout_ms = 0;
  if (!HasWork()) timeout_ms = MillisUntil(deadline, ReadClock(clock_));
  const bool sleeps = timeout_ms != 0 && PrepareSleep();
  if (sleeps) ++stats().waits;
  packets_of_last_look_ = Dequeue(sleeps ? timeout_ms : 0, handlers_max);
  if (sleeps) EndSleep();
}

// One call takes up to a batch and waits only if there is nothing; a full batch means there may be
// more.
int Port::Impl::Dequeue(DWORD timeout_ms, int entries_max) {
  OVERLAPPED_ENTRY entries[kBatch];
  int taken = 0;
  for (;;) {
    ULONG count = 0;
    Count(Call::k_turn);
    if (!GetQueuedCompletionStatusEx(completion_port_, entries, kBatch, &count, timeout_ms,
                                     FALSE)) {
      // The port is ours and open, so this is the time limit. (Wine does not wake a waiter when the
      // handle is closed, Windows does with 735; neither can happen here.)
      SLUICE_DCHECK(GetLastError() == WAIT_TIMEOUT);
      return taken;
    }
    for (ULONG i = 0; i < count; ++i) OnPacket(entries[i]);
    taken += static_cast<int>(count);
    if (count < kBatch) return taken;
    if (taken >= entries_max) return taken;
    timeout_ms = 0;
  }
}

void Port::Impl::OnPacket(const OVERLAPPED_ENTRY& entry) {
  if (entry.lpOverlapped == nullptr) return;  // a wake-up: that the wait ended was all it was for
  SLUICE_DCHECK(entry.lpCompletionKey == kSocketKey);
  Operation& operation = *reinterpret_cast<NativeBlock*>(entry.lpOverlapped)->self;
  // A packet for an operation that is not armed would be a second outcome.
  SLUICE_CHECK(operation.state_ == Operation::State::kArmed);
  const OsError error = ErrorOfStatus(static_cast<NtStatus>(entry.lpOverlapped->Internal));
  const Outcome outcome{entry.dwNumberOfBytesTransferred, error};
  switch (operation.verb_) {
    case Verb::kAccept:
      return FinishAccept(static_cast<AcceptOp&>(operation), error);
    case Verb::kConnect:
      return FinishConnect(static_cast<ConnectOp&>(operation), error);
    case Verb::kSend:
      return FinishSend(operation, outcome);
    case Verb::kRecv:
    case Verb::kAwaitReadable:
    case Verb::kControl:
      return Finish(operation, outcome);
    case Verb::kNone:
    case Verb::kDefer:
      break;
  }
  SLUICE_CHECK(false);  // no other verb reaches the kernel
}

// Any thread, after NeedsKick said that the owner sleeps. A posted packet costs non-paged pool, so
// it is only ever a wake-up; what there is to do stands in the message queue.
void Port::Impl::Kick() {
  const BOOL posted = PostQueuedCompletionStatus(completion_port_, 0, kWakeKey, nullptr);
  SLUICE_CHECK(posted != FALSE);  // a lost wake-up is a hang
}

// For the destructor: takes back from the kernel whatever it holds.
void Port::Impl::JoinArmed() {
  // Far longer than any cancellation takes. The alternative to giving up would be to free memory
  // that the kernel, or a replaced WSAIoctl, still writes to.
  constexpr Nanos kPatience = 30 * kSecond;
  constexpr DWORD kStep_ms = 100;
  ForEachArmed([this](Operation& operation) { Cancel(operation); });
  const Instant give_up = Instant::Now() + kPatience;
  while (armed_count() != 0) {
    Dequeue(kStep_ms, static_cast<int>(kBatch));
    SLUICE_CHECK(Instant::Now() < give_up);
  }
}

}  // namespace sluice::io
