// SPDX-License-Identifier: Apache-2.0
//
// TapReader: the other side of an engine's taps: takes the frames out of the rings of all workers
// and calls the tap. With a thread, or by Drain on a caller-driven runtime.
//
// One word says that the thread sleeps, and only then does whoever wrote take a lock and wake it:
// first writing and then looking here, first saying so and then looking at the rings there, all
// sequentially consistent, leave no frame behind. The sleep itself is a condition and not a wait on
// the word: libstdc++ 12 loses wake-ups of std::atomic where it has no futex, as under MinGW.
#ifndef SLUICE_INSPECT_TAP_READER_H_
#define SLUICE_INSPECT_TAP_READER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/mutex.h"
#include "engine/inspect/tap_ring.h"
#include "sluice/tap.h"

namespace sluice::inspect {

class TapReader {
 public:
  explicit TapReader(Tap& tap) : tap_(tap) {}
  TapReader(const TapReader&) = delete;
  TapReader& operator=(const TapReader&) = delete;
  // Stops.
  ~TapReader();

  // Before Start. The reader's.
  TapRing& AddRing(std::size_t bytes);
  void Start();
  // Any thread: frames were published.
  void Wake();
  // Tells what is in the rings and ends the thread. REQUIRES: nobody writes any more. Idempotent.
  void Stop();

  // Without Start: tells up to `limit` records of a ring; false when it is empty then.
  bool Drain(TapRing& ring, int limit);

  // Any thread: how many records the tap threw at.
  std::uint64_t threw() const { return threw_.load(std::memory_order_relaxed); }

 private:
  enum State : std::uint32_t { kBusy, kAsleep, kStopping };

  void Run();
  void Sleep();
  void WakeUp();
  bool DrainAll();
  bool AllEmpty() const;
  void Tell(const std::byte* frame, std::size_t size);

  Tap& tap_;
  std::vector<std::unique_ptr<TapRing>> rings_;
  alignas(64) std::atomic<std::uint32_t> state_{kBusy};
  Mutex mutex_;      // between looking at state_ and falling asleep
  Condition woken_;  // state_ is no longer kAsleep
  std::atomic<std::uint64_t> threw_{0};
  Instant said_;  // when a throw was last said in the log
  std::thread thread_;
};

}  // namespace sluice::inspect

#endif  // SLUICE_INSPECT_TAP_READER_H_
