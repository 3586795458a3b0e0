// SPDX-License-Identifier: Apache-2.0
//
// BlockingPool: the threads and the queue behind a BlockingInspector. Any thread.
//
// A flow is in `ready_` exactly while it has something to be called for and no call of it runs: so
// calls of one flow are one at a time, and flows take turns. It belongs to the pool, from Add until
// OnEnd was called after End.
#ifndef SLUICE_INSPECT_BLOCKING_POOL_H_
#define SLUICE_INSPECT_BLOCKING_POOL_H_

#include <cstddef>
#include <list>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "engine/base/clock.h"
#include "engine/base/intrusive_list.h"
#include "engine/base/mutex.h"
#include "engine/inspect/guarded_calls.h"
#include "sluice/blocking_inspector.h"

namespace sluice::inspect {

// A call of OnOpen or OnData that waits.
struct BlockingCall {
  bool opens = false;
  BlockingOpen open;
  Direction direction = Direction::kUp;
  std::string bytes;
  bool ended = false;
  bool must_decide = false;
  Address destination;  // as known when it was asked
  Pending token;
};

class BlockingPool {
 public:
  struct AllTag {};
  struct ReadyTag {};
  struct Flow : ListNode<AllTag>, ListNode<ReadyTag> {
    BlockingFlow view;  // the running call's, else under the pool's lock
    // Under the pool's lock.
    std::list<BlockingCall> calls;
    bool running = false;  // a thread, or Stop, has it
    bool heard = false;    // the handler was called for it, and not yet for its end
    bool ended = false;
  };

  BlockingPool(BlockingHandler& handler, const BlockingOptions& options);
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;
  // Stops.
  ~BlockingPool();

  BlockingHandler& handler() const { return handler_; }
  const BlockingOptions& options() const { return options_; }

  Flow* Add(const InspectedFlow& flow) ABSL_LOCKS_EXCLUDED(mutex_);
  // Room for a call with so many bytes; counts and is false when there is none. Push or GiveBack
  // follows.
  bool Reserve(std::size_t bytes) ABSL_LOCKS_EXCLUDED(mutex_);
  void GiveBack(std::size_t bytes) ABSL_LOCKS_EXCLUDED(mutex_);
  void Push(Flow& flow, BlockingCall call) ABSL_LOCKS_EXCLUDED(mutex_);
  // Nobody looks at the flow any more. Calls of it that have not begun are forgotten.
  void End(Flow& flow) ABSL_LOCKS_EXCLUDED(mutex_);

  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);
  BlockingStats stats() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // What a thread has taken: a call, or the end of the flow.
  struct Taken {
    Flow* flow = nullptr;
    bool end = false;
    std::list<BlockingCall> call;  // one, or none
  };

  void Run() ABSL_LOCKS_EXCLUDED(mutex_);
  // Waits; false when the pool stops.
  bool Take(Taken& taken) ABSL_LOCKS_EXCLUDED(mutex_);
  void RunCall(Flow& flow, BlockingCall& call) ABSL_LOCKS_EXCLUDED(mutex_);
  // Whether the flow is the caller's to forget now; else End will.
  bool RunEnd(Flow& flow) ABSL_LOCKS_EXCLUDED(mutex_);
  void Forget(Flow& flow) ABSL_LOCKS_EXCLUDED(mutex_);
  void NoteTime(Nanos took) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ForgetReady() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes what has not begun of a flow to `given_up`.
  void Abandon(Flow& flow, std::list<BlockingCall>& given_up) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  BlockingHandler& handler_;
  const BlockingOptions options_;
  mutable Mutex mutex_;
  Condition came_;
  IntrusiveList<Flow, AllTag> all_ ABSL_GUARDED_BY(mutex_);
  IntrusiveList<Flow, ReadyTag> ready_ ABSL_GUARDED_BY(mutex_);
  std::size_t reserved_ ABSL_GUARDED_BY(mutex_) = 0;  // waiting, and those about to
  std::size_t reserved_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  BlockingStats stats_ ABSL_GUARDED_BY(mutex_);
  Instant said_ ABSL_GUARDED_BY(mutex_);  // when a slow call was last said in the log
  std::uint64_t silent_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace sluice::inspect

#endif  // SLUICE_INSPECT_BLOCKING_POOL_H_
