// SPDX-License-Identifier: Apache-2.0
//
// Handles: what stands behind the opaque types of sluice.h. A handle of something that the engine
// owns for one call (flow, bytes) is that object's own address.
#ifndef SLUICE_CAPI_HANDLES_H_
#define SLUICE_CAPI_HANDLES_H_

#include <atomic>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "sluice/emulated.h"
#include "sluice/engine.h"
#include "sluice/metrics.h"
#include "sluice/pending.h"
#include "sluice/runtime.h"
#include "sluice/sluice.h"

struct sluice_process {
  sluice::io::Platform* platform = nullptr;
  sluice_platform* owner = nullptr;
};

struct sluice_platform {
  explicit sluice_platform(const sluice::emulated::PlatformOptions& options) : machine(options) {
    first.platform = machine.process();
    first.owner = this;
  }

  sluice::emulated::Platform machine;
  sluice_process first;
  std::atomic<int> runtimes{0};
  absl::Mutex mutex;
  // A deque, because addresses of its elements are given out.
  std::deque<sluice_process> processes ABSL_GUARDED_BY(mutex);
};

struct sluice_trace {
  std::vector<sluice::emulated::TraceRecord> records;
};

struct sluice_metrics {
  sluice::Metrics metrics;
};

struct sluice_pending {
  sluice::Pending pending;
};

struct sluice_runtime {
  sluice_runtime() = default;
  sluice_runtime(const sluice_runtime&) = delete;
  sluice_runtime& operator=(const sluice_runtime&) = delete;
  ~sluice_runtime() {
    owned.reset();
    if (process != nullptr) --process->owner->runtimes;
  }

  void LiveOn(sluice_process* where) {
    process = where;
    if (process != nullptr) ++process->owner->runtimes;
  }

  std::unique_ptr<sluice::Runtime> owned;  // null: an engine's
  sluice::Runtime* runtime = nullptr;
  sluice_process* process = nullptr;
  std::atomic<int> engines{0};
};

namespace sluice::capi {
// The callbacks of one engine, as C++ objects.
struct Callbacks;
struct CallbacksDeleter {
  void operator()(Callbacks* callbacks) const;
};
}  // namespace sluice::capi

struct sluice_engine {
  ~sluice_engine();

  sluice_runtime own_runtime;  // without `owned`: the engine's
  sluice_runtime* runtime = nullptr;
  std::unique_ptr<sluice::capi::Callbacks, sluice::capi::CallbacksDeleter> callbacks;
  std::unique_ptr<sluice::Engine> engine;  // goes first
  sluice_blocking* blocking = nullptr;     // held
  bool started = false;
  bool stopped = false;  // or begun to
};

#endif  // SLUICE_CAPI_HANDLES_H_
