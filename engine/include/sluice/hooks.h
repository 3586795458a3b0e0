// SPDX-License-Identifier: Apache-2.0
//
// Hooks of a runtime: functions of the embedder that are called instead of the OS, or when a thread
// begins and ends. Given once, in RuntimeOptions, and borrowed for as long as the runtime exists.
// All are plain functions with a `user` of their own; null means that the engine does it itself.
// None of them may throw.
#ifndef SLUICE_HOOKS_H_
#define SLUICE_HOOKS_H_

#include <cstddef>
#include <cstdint>

namespace sluice {

// The large and the many: chunks with their headers and links, and the pools of receives, sends,
// opening flows, flows, and buffers of records and contexts. Most of it is taken by
// Runtime::Create; the pools of flows and of buffers grow as their number does and give back at the
// end of the runtime. What is small and made once does not come here (runtimes, engines, listeners,
// hand-over rings, rings of taps, tables of the loop guard and of sources, text for the log), nor
// does what the C++ library and the OS take for threads and sockets.
struct MemoryHook {
  // Null when there is none: refused at the start, it fails Runtime::Create; later it ends the
  // connection that wanted it. Aligned for any object (std::max_align_t). Any thread, several at a
  // time.
  void* (*allocate)(void* user, std::size_t bytes) = nullptr;
  // What `allocate` gave, with the same size. Set both or none.
  void (*free)(void* user, void* memory, std::size_t bytes) = nullptr;
  void* user = nullptr;
};

// The time that deadlines and timeouts of flows, rates and guards are counted in.
//
// Waits are those of the OS: a worker that sleeps until a deadline sleeps for the difference to
// `now_ns`, then asks again. Whoever moves a clock of its own by a leap calls Runtime::Wake. The
// drain of Engine::Stop is counted by the OS's clock where workers have threads, and by this one
// where they have none: then it must move while Stop runs the turns.
struct ClockHook {
  // Nanoseconds since any origin before the first call: positive, and never less than before. Each
  // worker's thread, once or twice a turn, several at a time.
  std::int64_t (*now_ns)(void* user) = nullptr;
  void* user = nullptr;
};

// On the worker's own thread, named and pinned already: before it serves anything, and when it
// serves nothing any more. Runtime::Create returns after every `started` has.
struct ThreadHook {
  void (*started)(void* user, int worker) = nullptr;
  void (*stopping)(void* user, int worker) = nullptr;
  void* user = nullptr;
};

}  // namespace sluice

#endif  // SLUICE_HOOKS_H_
