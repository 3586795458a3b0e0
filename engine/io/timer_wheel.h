// SPDX-License-Identifier: Apache-2.0
//
// TimerWheel: deadlines of one worker. Starting, moving and stopping a timer cost O(1) whatever
// their number; a turn with nothing due costs one look at six bitmaps. One thread.
//
// Six levels of 64 slots; a tick is one millisecond, so level L holds timers whose tick first
// differs from the current one in the L-th group of six bits. A slot of a higher level is emptied
// into lower ones when the wheel gets there. Timers never fire early, and late by less than a tick
// plus what the caller's own turn takes. Deadlines beyond the wheel (2 years) are kept at its edge
// and looked at again there.
#ifndef SLUICE_IO_TIMER_WHEEL_H_
#define SLUICE_IO_TIMER_WHEEL_H_

#include <cstdint>

#include "engine/base/clock.h"
#include "engine/base/intrusive_list.h"

namespace sluice::io {

class TimerWheel;

struct TimerTag {};

// Embedded in its owner; must be stopped before it is destroyed.
class Timer : public ListNode<TimerTag> {
 public:
  using Handler = void (*)(void* owner);

  Timer() = default;

  void Bind(void* owner, Handler handler) {
    owner_ = owner;
    handler_ = handler;
  }
  template <auto Method, typename Owner>
  void Bind(Owner* owner) {
    Bind(owner, [](void* self) { (static_cast<Owner*>(self)->*Method)(); });
  }

  // True from Start until its handler runs or Stop.
  bool running() const { return linked(); }
  Instant deadline() const { return deadline_; }

 private:
  friend class TimerWheel;
  void* owner_ = nullptr;
  Handler handler_ = nullptr;
  Instant deadline_;
  std::int8_t level_ = -1;  // -1: in the due list, or stopped
  std::uint8_t slot_ = 0;
};

class TimerWheel {
 public:
  explicit TimerWheel(Instant now);

  // Starts, or moves, `timer`. A deadline in the past fires in the next Advance.
  void Start(Timer& timer, Instant deadline);
  void Stop(Timer& timer);

  // No timer is due before this; Never when none runs. May be earlier than the first deadline (a
  // slot to be emptied), so a wake-up may find nothing due.
  Instant Next() const;
  // Runs up to `budget` handlers of timers due at `now`; returns how many. Handlers may start and
  // stop any timer. What the budget left is due at once: Next() says so.
  int Advance(Instant now, int budget);

  std::uint64_t running() const { return running_; }

 private:
  static constexpr int kLevels = 6;
  static constexpr int kBits = 6;
  static constexpr int kSlots = 1 << kBits;
  static constexpr std::uint64_t kTicksMax = (std::uint64_t{1} << (kLevels * kBits)) - 1;
  using List = IntrusiveList<Timer, TimerTag>;

  // Rounded up, so that a timer is never early.
  std::uint64_t TickOf(Instant deadline) const;
  void Insert(Timer& timer);
  void Unlink(Timer& timer);
  // The tick at which the first occupied slot must be looked at, with its place; false when none.
  bool FirstSlot(std::uint64_t* tick, int* level, int* slot) const;
  void EmptySlot(int level, int slot);

  const Instant origin_;
  std::uint64_t tick_ = 0;  // everything before it has been moved to due_
  std::uint64_t running_ = 0;
  std::uint64_t occupied_[kLevels] = {};
  List slots_[kLevels][kSlots];
  List due_;
};

}  // namespace sluice::io

#endif  // SLUICE_IO_TIMER_WHEEL_H_
