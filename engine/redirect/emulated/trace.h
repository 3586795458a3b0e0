// SPDX-License-Identifier: Apache-2.0
//
// TraceRing: the last connects, what each vendor saw and did. Bounded; with capacity 0 it costs
// nothing. Text is built when asked for, not when recorded. Any thread.
#ifndef SLUICE_REDIRECT_EMULATED_TRACE_H_
#define SLUICE_REDIRECT_EMULATED_TRACE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/types/span.h"
#include "engine/base/mutex.h"
#include "sluice/emulated.h"

namespace sluice::emulated {

class TraceRing {
 public:
  explicit TraceRing(std::size_t capacity) : capacity_(capacity) {}

  bool enabled() const { return capacity_ != 0; }
  void Add(const TraceRecord& record) ABSL_LOCKS_EXCLUDED(mutex_);
  // The source of a connect, once its socket has one.
  void SetSource(std::uint64_t sequence, const Address& source) ABSL_LOCKS_EXCLUDED(mutex_);
  // Oldest first.
  std::vector<TraceRecord> Records() const ABSL_LOCKS_EXCLUDED(mutex_);
  void Clear() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  const std::size_t capacity_;
  mutable Mutex mutex_;
  std::vector<TraceRecord> records_ ABSL_GUARDED_BY(mutex_);
  std::size_t next_ ABSL_GUARDED_BY(mutex_) = 0;  // where the next one goes, once full
};

// One line a connect, those of one application connection together and in order. `labels` names
// vendors.
std::string FormatTrace(absl::Span<const TraceRecord> records,
                        absl::Span<const std::string> labels);

}  // namespace sluice::emulated

#endif  // SLUICE_REDIRECT_EMULATED_TRACE_H_
