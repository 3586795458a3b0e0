// SPDX-License-Identifier: Apache-2.0
//
// Worker: a thread with its port, timers, slab and flows. What lives on a worker is touched by its
// thread alone; others reach it through Call, GiveConnection and the port's Post and Wake.
//
// A caller-driven worker has no thread of its own: whoever made it calls Turn, always on one
// thread, which is then meant by "its thread".
//
// A turn: the port's handlers, due timers, starved pumps, then the flows that joined are freed.
// Each part has a budget (law 5).
#ifndef SLUICE_RUNTIME_WORKER_H_
#define SLUICE_RUNTIME_WORKER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/notification.h"
#include "engine/base/mpsc_ring.h"
#include "engine/flow/flow.h"
#include "engine/flow/flow_pools.h"
#include "engine/io/message.h"
#include "engine/io/port.h"
#include "engine/io/timer_wheel.h"
#include "engine/memory/buffer_pool.h"
#include "engine/memory/pool.h"
#include "engine/memory/slab.h"
#include "sluice/metrics.h"

namespace sluice::runtime {

class EnginePart;

struct WorkerOptions {
  io::PortOptions port;
  memory::SlabOptions slab;
  // Connections on their way from other workers; a power of two. A full ring makes the listener's
  // worker keep them (law 5).
  std::size_t handover_max = 4096;
  // When flows starve for memory and no chunk came back for this long, the flow whose peers have
  // taken nothing for longest is reset. Nothing else ends a circle of hops that wait for each
  // other's memory, and readers that never read must not stop everybody else.
  Nanos stall_timeout = 10 * kSecond;
  // Of its thread: its name, the processors it keeps to (empty: any), and who is told of it.
  std::string thread_name;
  std::vector<int> processors;
  ThreadHook thread_hook = {};
};

using LiveCounts = sluice::LiveCounts;

class Worker {
 public:
  // Makes the port; the thread starts with Start, or never: then Turn is the caller's to call.
  static absl::StatusOr<std::unique_ptr<Worker>> Create(int index, const WorkerOptions& options);
  // REQUIRES: never started, or stopped.
  ~Worker();

  // Returns when the thread is set up and its hook has run. On failure there is no thread: its
  // processors are not to be had.
  OsError Start();
  // Ends the thread and the port. REQUIRES: every engine part on it is gone; not called on the
  // worker's own thread, unless the worker is caller-driven: then only there.
  void Stop();
  // One turn, which sleeps until there is something to do or `until`. Its thread only. False when
  // there was nothing to do: then nothing is left to be done before NextTimer.
  bool Turn(Instant until = Instant::Never());
  // Its thread only. May be earlier than the first deadline.
  Instant NextTimer() const { return timers_.Next(); }
  // Any thread: makes a turn that sleeps return soon. REQUIRES: not stopped.
  void Wake() { port_->Wake(); }

  int index() const { return index_; }
  // Any thread but the worker's own: runs `work` on the worker and waits until it is done. On a
  // caller-driven worker `work` runs at once. REQUIRES: not stopped.
  void Call(absl::FunctionRef<void()> work);
  // Any thread: gives an accepted connection to this worker. False when its ring is full.
  bool GiveConnection(EnginePart* part, io::AcceptedSocket accepted, std::uint32_t listener);
  // Any thread: flows living here or on their way, for choosing the less loaded of two.
  std::uint32_t load() const { return load_.load(std::memory_order_relaxed); }

  // Worker thread only, as is all below.
  io::Port& port() { return *port_; }
  io::TimerWheel& timers() { return timers_; }
  memory::Slab& slab() { return slab_; }
  memory::BufferPool& buffers() { return buffers_; }
  flow::FlowPools& pools() { return pools_; }
  flow::StarvedList& starved() { return starved_; }
  // Takes every connection given so far, whatever their number.
  void TakeAllConnections();
  // Null when there is no memory.
  flow::Flow* MakeFlow(flow::FlowHost& host);
  // The flow is freed at the end of this turn.
  void Retire(flow::Flow& flow) { retired_.PushBack(flow); }
  // Verdicts that the engine parts here wait for: their desks count in it.
  std::uint64_t& verdicts() { return verdicts_; }
  // What a worker with these options allocates before any flow.
  static std::size_t BytesFor(const WorkerOptions& options);
  LiveCounts Live() const;
  io::PortStats port_stats() const;

 private:
  struct Handover {
    EnginePart* part = nullptr;
    io::AcceptedSocket accepted;
    std::uint32_t listener = 0;
  };

  Worker(int index, const WorkerOptions& options, std::unique_ptr<io::Port> port);
  void Run(OsError* error, absl::Notification* set_up);
  void EndPort();
  std::size_t ResumeStarved();
  void WatchStall();
  void OnStall();
  void FreeRetired();
  void TakeConnections();
  bool TakeOneConnection();
  void AddLoad(std::int32_t count);

  const int index_;
  std::unique_ptr<io::Port> port_;
  io::PortStats final_stats_;  // of port_ when it was destroyed
  io::TimerWheel timers_;
  memory::Slab slab_;
  memory::BufferPool buffers_;
  flow::FlowPools pools_;
  flow::StarvedList starved_;
  IntrusiveList<flow::Flow, flow::WorkerTag> all_flows_;
  const Nanos stall_timeout_;
  const std::string thread_name_;
  const std::vector<int> processors_;
  const ThreadHook thread_hook_;
  io::Timer stall_timer_;                // runs while flows starve
  std::uint64_t given_back_before_ = 0;  // the slab's count when the timer was started
  IntrusiveList<flow::Flow, flow::LiveTag> retired_;
  memory::Pool<flow::Flow> flows_;
  std::uint64_t verdicts_ = 0;
  MpscRing<Handover> ring_;
  io::Message take_connections_;
  std::atomic<std::uint32_t> load_{0};
  std::atomic<bool> stop_{false};
  bool in_turn_ = false;
  absl::Notification may_destroy_port_;  // notified when Stop no longer touches the port
  std::thread thread_;
};

}  // namespace sluice::runtime

#endif  // SLUICE_RUNTIME_WORKER_H_
