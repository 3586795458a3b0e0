// SPDX-License-Identifier: Apache-2.0
#include "engine/io/timer_wheel.h"

#include <algorithm>
#include <bit>

#include "engine/base/check.h"

namespace sluice::io {

TimerWheel::TimerWheel(Instant now) : origin_(now) {}

std::uint64_t TimerWheel::TickOf(Instant deadline) const {
  if (deadline <= origin_) return 0;
  const auto elapsed = static_cast<std::uint64_t>(deadline - origin_);
  return elapsed / kMillisecond + (elapsed % kMillisecond != 0 ? 1 : 0);
}

void TimerWheel::Start(Timer& timer, Instant deadline) {
  SLUICE_CHECK(timer.handler_ != nullptr);
  if (timer.linked()) Stop(timer);
  timer.deadline_ = deadline;
  ++running_;
  Insert(timer);
}

void TimerWheel::Stop(Timer& timer) {
  if (!timer.linked()) return;
  Unlink(timer);
  --running_;
}

void TimerWheel::Unlink(Timer& timer) {
  if (timer.level_ < 0) {
    due_.Remove(timer);
    return;
  }
  List& list = slots_[timer.level_][timer.slot_];
  list.Remove(timer);
  if (list.empty()) occupied_[timer.level_] &= ~(std::uint64_t{1} << timer.slot_);
  timer.level_ = -1;
}

void TimerWheel::Insert(Timer& timer) {
  const std::uint64_t tick = std::min(TickOf(timer.deadline_), tick_ | kTicksMax);
  if (tick <= tick_) {
    timer.level_ = -1;
    due_.PushBack(timer);
    return;
  }
  // The highest group of bits in which the deadline differs from now is its level.
  const int level = (63 - std::countl_zero(tick ^ tick_)) / kBits;
  const auto slot = static_cast<std::uint8_t>((tick >> (level * kBits)) & (kSlots - 1));
  timer.level_ = static_cast<std::int8_t>(level);
  timer.slot_ = slot;
  slots_[level][slot].PushBack(timer);
  occupied_[level] |= std::uint64_t{1} << slot;
}

bool TimerWheel::FirstSlot(std::uint64_t* tick, int* level, int* slot) const {
  // Slots of a lower level come before any of a higher one: they share all higher bits with now.
  for (int i = 0; i < kLevels; ++i) {
    if (occupied_[i] == 0) continue;
    const int first = std::countr_zero(occupied_[i]);
    const int shift = i * kBits;
    const std::uint64_t above = tick_ >> shift >> kBits << kBits;
    *tick = (above | static_cast<std::uint64_t>(first)) << shift;
    *level = i;
    *slot = first;
    return true;
  }
  return false;
}

void TimerWheel::EmptySlot(int level, int slot) {
  List& list = slots_[level][slot];
  occupied_[level] &= ~(std::uint64_t{1} << slot);
  while (Timer* timer = list.PopFront()) Insert(*timer);
}

Instant TimerWheel::Next() const {
  if (!due_.empty()) return origin_;
  std::uint64_t tick;
  int level;
  int slot;
  if (!FirstSlot(&tick, &level, &slot)) return Instant::Never();
  return origin_ + static_cast<Nanos>(tick) * kMillisecond;
}

int TimerWheel::Advance(Instant now, int budget) {
  const std::uint64_t now_tick =
      now <= origin_ ? 0 : static_cast<std::uint64_t>(now - origin_) / kMillisecond;
  std::uint64_t tick;
  int level;
  int slot;
  while (FirstSlot(&tick, &level, &slot) && tick <= now_tick) {
    SLUICE_DCHECK(tick >= tick_);
    tick_ = tick;
    EmptySlot(level, slot);
  }
  tick_ = std::max(tick_, now_tick);
  int ran = 0;
  // A handler that starts a timer already due must not keep this loop alive: it waits for the next
  // turn.
  std::size_t due = due_.size();
  while (due > 0 && ran < budget) {
    Timer* timer = due_.PopFront();
    if (timer == nullptr) break;
    --due;
    --running_;
    ++ran;
    timer->handler_(timer->owner_);
  }
  return ran;
}

}  // namespace sluice::io
