// SPDX-License-Identifier: Apache-2.0
//
// Mutex: std::mutex with Clang's thread-safety annotations. The emulated platform sits in the path
// of every connection and takes some twenty short locks there; absl::Mutex as Debian builds it
// checks for deadlocks on each of them, which made it the largest cost of all.
#ifndef SLUICE_REDIRECT_EMULATED_MUTEX_H_
#define SLUICE_REDIRECT_EMULATED_MUTEX_H_

#include <condition_variable>
#include <mutex>

#include "absl/base/thread_annotations.h"

namespace sluice::emulated {

class ABSL_LOCKABLE Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { mutex_.lock(); }
  void unlock() ABSL_UNLOCK_FUNCTION() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex) : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Waits with a Mutex held: `condition.wait(mutex)`.
using Condition = std::condition_variable_any;

}  // namespace sluice::emulated

#endif  // SLUICE_REDIRECT_EMULATED_MUTEX_H_
