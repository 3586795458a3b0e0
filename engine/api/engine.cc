// SPDX-License-Identifier: Apache-2.0
#include "sluice/engine.h"

#include <algorithm>
#include <utility>

#include "engine/api/impl.h"
#include "engine/api/options.h"
#include "engine/base/check.h"
#include "engine/metrics/metrics.h"

namespace sluice {
namespace {

void AddWfp(const redirect::WfpCounters& wfp, std::vector<Metric>& all) {
  all.push_back({"redirect_queries", "connections that the platform was asked about", wfp.queries});
  all.push_back({"redirect_absent", "of these, without records", wfp.not_redirected});
  all.push_back({"redirect_no_context", "with records and without a context", wfp.no_context});
  all.push_back({"redirect_bad_context", "with a context of no known layout", wfp.bad_context});
  all.push_back({"redirect_growths", "queries repeated with a larger buffer", wfp.Growths()});
  all.push_back({"redirect_confirmations", "queries repeated because the answer was ambiguous",
                 wfp.confirmations});
  all.push_back({"redirect_records_bytes", "the largest records seen", wfp.largest_records});
}

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> Engine::Create(EngineOptions options,
                                                       const RuntimeOptions& runtime) {
  absl::StatusOr<std::unique_ptr<Runtime>> own = Runtime::Create(runtime);
  if (!own.ok()) return own.status();
  Runtime& made = **own;
  return CreateOn(made, std::move(options), *std::move(own));
}

absl::StatusOr<std::unique_ptr<Engine>> Engine::Create(Runtime& runtime, EngineOptions options) {
  return CreateOn(runtime, std::move(options), nullptr);
}

absl::StatusOr<std::unique_ptr<Engine>> Engine::CreateOn(Runtime& runtime, EngineOptions options,
                                                         std::unique_ptr<Runtime> own) {
  const absl::Status checked = api::Check(options);
  if (!checked.ok()) return checked;
  Redirect::Impl* redirect = options.redirect.impl_.get();
  if (redirect == nullptr) {
    return absl::InvalidArgumentError(
        "redirect: connections go nowhere; Redirect::To, Wfp or Own says where");
  }
  if (!redirect->problem.ok()) return redirect->problem;
  auto impl = std::make_unique<Impl>();
  impl->wfp = redirect->wfp;
  runtime::EngineOptions inside = api::Inside(options);
  inside.redirector = std::move(redirect->redirector);
  absl::StatusOr<std::unique_ptr<runtime::Engine>> made =
      runtime::Engine::Create(*runtime.impl_->runtime, std::move(inside));
  if (!made.ok()) return made.status();
  impl->engine = *std::move(made);
  impl->runtime = &runtime;
  impl->own_runtime = std::move(own);
  const MutexLock lock(runtime.impl_->mutex);
  runtime.impl_->engines.push_back(impl.get());
  return std::unique_ptr<Engine>(new Engine(std::move(impl)));
}

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Engine::~Engine() {
  SLUICE_CHECK(impl_->stopper.get_id() != std::this_thread::get_id());
  HurryStop();
  Stop(absl::ZeroDuration());
  Runtime::Impl& runtime = *impl_->runtime->impl_;
  const MutexLock lock(runtime.mutex);
  runtime.engines.erase(std::find(runtime.engines.begin(), runtime.engines.end(), impl_.get()));
}

absl::Status Engine::Start() {
  SLUICE_CHECK(!impl_->started);
  impl_->started = true;
  if (impl_->runtime->caller_driven()) impl_->runtime->impl_->idle = false;
  return impl_->engine->Start();
}

const std::vector<Address>& Engine::addresses() const { return impl_->engine->addresses(); }

void Engine::Stop(absl::Duration drain) {
  Impl& impl = *impl_;
  if (!impl.started) return;
  if (impl.stopper.get_id() == std::this_thread::get_id()) return;
  if (impl.stopper.joinable()) return impl.stopper.join();
  impl.engine->Stop(absl::ToInt64Nanoseconds(std::max(drain, absl::ZeroDuration())));
  if (!impl.runtime->caller_driven()) return;
  Runtime::Impl& runtime = *impl.runtime->impl_;
  runtime.idle = false;
  const auto begun = std::find(runtime.stopping.begin(), runtime.stopping.end(), &impl);
  if (begun != runtime.stopping.end()) runtime.FinishStop(impl);
}

void Engine::BeginStop(absl::Duration drain, std::function<void()> stopped) {
  Impl& impl = *impl_;
  SLUICE_CHECK(impl.started && !impl.stop_begun);
  impl.stop_begun = true;
  impl.stopped = std::move(stopped);
  const Nanos nanos = absl::ToInt64Nanoseconds(std::max(drain, absl::ZeroDuration()));
  if (!impl.runtime->caller_driven()) {
    impl.stopper = std::thread([&impl, nanos] {
      impl.engine->Stop(nanos);
      if (impl.stopped) impl.stopped();
    });
    return;
  }
  Runtime::Impl& runtime = *impl.runtime->impl_;
  impl.engine->BeginStop();
  impl.terminate_at = runtime.Now() + nanos;
  runtime.stopping.push_back(&impl);
  runtime.idle = false;
}

void Engine::HurryStop() {
  impl_->engine->HurryStop();
  impl_->hurried.store(true, std::memory_order_release);
  if (impl_->runtime->caller_driven()) impl_->runtime->Wake();
}

Runtime& Engine::runtime() { return *impl_->runtime; }

std::uint64_t Engine::flows() const { return impl_->engine->flows(); }

Metrics Engine::metrics() const {
  const metrics::Snapshot snapshot = impl_->engine->Metrics();
  std::vector<Metric> all;
  all.reserve(metrics::kCounterCount + 8);
  for (std::size_t i = 0; i < metrics::kCounterCount; ++i) {
    const auto counter = static_cast<metrics::Counter>(i);
    all.push_back(
        {metrics::CounterName(counter), metrics::CounterHelp(counter), snapshot[counter]});
  }
  if (impl_->wfp != nullptr) AddWfp(impl_->wfp->counters(), all);
  return Metrics(std::move(all));
}

}  // namespace sluice
