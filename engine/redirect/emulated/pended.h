// SPDX-License-Identifier: Apache-2.0
//
// PendedControls: control requests that were not answered at once. They end on the platform's own
// thread soon after, or when a test says so; exactly once each, whoever comes first: the thread, a
// cancel, the socket's closing. `complete` is called with no lock held. Any thread.
#ifndef SLUICE_REDIRECT_EMULATED_PENDED_H_
#define SLUICE_REDIRECT_EMULATED_PENDED_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "engine/base/mutex.h"
#include "engine/base/prng.h"
#include "engine/io/platform.h"

namespace sluice::emulated {

class PendedControls {
 public:
  // Gives the answer at the time the request ends. Runs with no lock held.
  using Answer = io::ControlReply (*)(void* owner, const io::ControlRequest& request);

  // `manual`: requests end only through Complete, cancel or close.
  PendedControls(void* owner, Answer answer, bool manual, std::uint64_t seed)
      : owner_(owner), answer_(answer), manual_(manual), prng_(seed) {}
  // REQUIRES: nothing is pended; the ports are gone.
  ~PendedControls();

  void Add(const io::ControlRequest& request, bool any_order) ABSL_LOCKS_EXCLUDED(mutex_);
  // Ends up to `limit`; returns how many.
  std::size_t Complete(std::size_t limit) ABSL_LOCKS_EXCLUDED(mutex_);
  // With kStatusCancelled. Unknown tickets are ignored.
  void Cancel(void* ticket) ABSL_LOCKS_EXCLUDED(mutex_);
  void CancelSocket(io::NativeHandle socket) ABSL_LOCKS_EXCLUDED(mutex_);
  std::size_t size() const { return size_.load(std::memory_order_acquire); }

 private:
  struct Item {
    io::ControlRequest request;
    bool any_order = false;
  };

  bool TakeNext(io::ControlRequest* request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TakeAt(std::size_t index, io::ControlRequest* request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Loop() ABSL_LOCKS_EXCLUDED(mutex_);

  void* const owner_;
  const Answer answer_;
  const bool manual_;
  std::atomic<std::size_t> size_{0};  // items_.size(), readable without the lock

  Mutex mutex_;
  Condition work_;
  std::deque<Item> items_ ABSL_GUARDED_BY(mutex_);
  Prng prng_ ABSL_GUARDED_BY(mutex_);
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_ ABSL_GUARDED_BY(mutex_);  // made when first needed
};

}  // namespace sluice::emulated

#endif  // SLUICE_REDIRECT_EMULATED_PENDED_H_
