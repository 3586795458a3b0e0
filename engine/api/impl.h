// SPDX-License-Identifier: Apache-2.0
//
// What stands behind the public Runtime, Engine and Redirect.
#ifndef SLUICE_API_IMPL_H_
#define SLUICE_API_IMPL_H_

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "engine/base/clock.h"
#include "engine/base/mutex.h"
#include "engine/redirect/redirector.h"
#include "engine/redirect/wfp/wfp_redirector.h"
#include "engine/runtime/engine.h"
#include "engine/runtime/runtime.h"
#include "sluice/engine.h"
#include "sluice/redirect.h"
#include "sluice/runtime.h"

namespace sluice {

struct Redirect::Impl {
  absl::Status problem;  // what is wrong with it, for Engine::Create
  std::unique_ptr<redirect::Redirector> redirector;
  const redirect::WfpRedirector* wfp = nullptr;  // the same, if it is one
};

struct Engine::Impl {
  std::unique_ptr<Runtime> own_runtime;  // goes last
  Runtime* runtime = nullptr;
  const redirect::WfpRedirector* wfp = nullptr;
  std::unique_ptr<runtime::Engine> engine;
  bool started = false;
  bool stop_begun = false;
  std::function<void()> stopped;
  std::thread stopper;  // of BeginStop, with threads
  // Of BeginStop, caller-driven.
  Instant terminate_at = Instant::Never();
  bool terminated = false;
  std::atomic<bool> hurried{false};
};

struct Runtime::Impl {
  explicit Impl(runtime::RuntimeOptions runtime_options) : options(std::move(runtime_options)) {}

  Instant Now() const { return ReadClock(options.worker.port.clock); }
  // Caller-driven only.
  void AttendStops();
  Instant NextStop() const;
  void FinishStop(Engine::Impl& engine);

  const runtime::RuntimeOptions options;
  std::unique_ptr<runtime::Runtime> runtime;
  Mutex mutex;
  std::vector<const Engine::Impl*> engines ABSL_GUARDED_BY(mutex);
  // Caller-driven only: whether all was done when the last turn ended, and whose stop was begun.
  bool idle = false;
  bool in_turn = false;
  std::vector<Engine::Impl*> stopping;
};

}  // namespace sluice

#endif  // SLUICE_API_IMPL_H_
