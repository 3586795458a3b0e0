// SPDX-License-Identifier: Apache-2.0
//
// Runtime: the workers that engines share. An engine may have one of its own (Engine::Create makes
// it), several may share one, and a process may have any number of them.
//
// With threads (the usual case) each worker is a thread. Caller-driven, there is one worker and no
// thread: the host's own loop calls Turn, and everything that runs (inspectors, codecs, callbacks)
// runs inside it.
//
// What a host's loop can know of when to turn: Turn itself sleeps until there is something to do,
// so the simplest loop gives it the time until its own next deadline, and has Wake called by who
// gives it other work. A host that must sleep elsewhere turns without waiting, at latest after
// TimeToTurn, and as often as connections may wait: outcomes of the kernel are seen in a turn and
// nowhere else. There is no handle to wait for: Windows documents none for a completion port.
#ifndef SLUICE_RUNTIME_H_
#define SLUICE_RUNTIME_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "sluice/hooks.h"
#include "sluice/metrics.h"

namespace sluice {

namespace io {
class Platform;  // internal to the engine
}

// Each worker's. Memory of receives is chunk_bytes * chunks_max, reserved at the start and touched
// when first used.
struct WorkerOptions {
  std::uint32_t chunk_bytes = 16 * 1024;  // 512 or more
  std::uint32_t chunks_max = 4096;        // 1 or more; flows stop reading when all are in use
  // Connections on their way from other workers; a power of two, 2 or more. When it is full the
  // listening worker keeps them.
  std::size_t handover_max = 4096;
  // When flows starve for memory and no chunk came back for this long, the flow whose peers have
  // taken nothing for longest is reset. More than 0.
  absl::Duration stall_timeout = absl::Seconds(10);
  // Linux: submission entries of the ring, 1..32768; elsewhere not used.
  unsigned queue_depth = 1024;
};

// Guards against rings of proxies, shared by all engines of a runtime.
struct LoopPolicy {
  // Hops of this process that one connection may go through. 1 or more.
  std::uint32_t hops_max = 32;
  // How many more flows toward one destination may be open at the end of a window than at its
  // begin. 1 or more.
  std::uint32_t growth_max = 2048;
  absl::Duration window = absl::Seconds(1);
  // How long a destination is refused once it grew past that.
  absl::Duration rest = absl::Seconds(1);
};

struct RuntimeOptions {
  int workers = 1;  // 1..1024
  // True: no thread is made, see above. Then `workers` must be 1, and `affinity` and `thread` not
  // be set.
  bool caller_driven = false;
  // Threads are called `<thread_name>/<number of the worker>`; Linux shows 15 bytes of it.
  std::string thread_name = "sluice";
  // Processors, numbered as the OS does (Windows: within a processor group, below 64): worker i
  // keeps to those in affinity[i % affinity.size()]. Empty: any.
  std::vector<std::vector<int>> affinity;
  ThreadHook thread;
  MemoryHook memory;
  ClockHook clock;
  LoopPolicy loops;
  WorkerOptions worker;
  // A process of an emulated platform (sluice/emulated.h), which outlives the runtime. Null: the
  // kernel.
  io::Platform* platform = nullptr;
};

class Runtime {
 public:
  // Starts the workers. Fails where completion ports are not to be had, and on options that cannot
  // work, naming the one.
  static absl::StatusOr<std::unique_ptr<Runtime>> Create(
      const RuntimeOptions& options = RuntimeOptions());
  // REQUIRES: its engines are gone (a failed check in every build). Not on a worker's thread.
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  std::size_t workers() const;
  bool caller_driven() const;
  // "iocp" or "io_uring". Any thread.
  static const char* BackendName();

  // ---- Caller-driven only, on the one thread that does all with this runtime and its engines.
  // ----

  // Does what there is to do, a bounded amount; if there is nothing at first it sleeps until there
  // is, for `wait_max` at most. Not re-entrant. False when nothing was done.
  bool Turn(absl::Duration wait_max = absl::ZeroDuration());
  // After how long Turn has something to do by itself, if no outcome comes before: zero when it has
  // already, InfiniteDuration when nothing is timed.
  absl::Duration TimeToTurn() const;
  // Any thread: ends a Turn that sleeps, or the sleep of the next one. With threads: makes them
  // look at the clock again.
  void Wake();

  // ---- Any thread but a worker's; caller-driven: its thread. ----

  // What is held now, over all workers. Waits for each of them.
  LiveCounts Live();
  // Of it and the engines that exist now.
  MemoryBound WorstCaseMemory() const;

 private:
  friend class Engine;
  struct Impl;
  explicit Runtime(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice

#endif  // SLUICE_RUNTIME_H_
