// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/engine.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "engine/base/check.h"
#include "engine/io/local_addresses.h"

namespace sluice::runtime {

namespace {

// Rates are kept in whole nanoseconds between two accepts.
absl::Status CheckRate(const AdmissionLimits& limits) {
  if (limits.accepts_per_second > static_cast<std::uint64_t>(kSecond) ||
      limits.accepts_burst > std::uint64_t{1} << 32) {
    return absl::InvalidArgumentError(
        "limits.accepts_per_second: at most 1000000000, with a burst of at most 4294967296");
  }
  return absl::OkStatus();
}

absl::Status CheckLimits(const EngineOptions& options) {
  if (options.limits.flows_max == 0) {
    return absl::InvalidArgumentError(
        "limits.flows_max: must be at least 1; without it memory has no bound");
  }
  if (options.listener_limits.size() > options.listen.size()) {
    return absl::InvalidArgumentError(
        "listener_limits: more than there are addresses to listen on");
  }
  for (const AdmissionLimits& limits : options.listener_limits) {
    const absl::Status rate = CheckRate(limits);
    if (!rate.ok()) return rate;
  }
  return CheckRate(options.limits);
}

absl::Status CheckInspection(const EngineOptions& options) {
  const flow::FlowPolicy& policy = options.policy;
  if (policy.pending_max > 1u << 24) {
    return absl::InvalidArgumentError("policy.pending_max: at most 16777216");
  }
  switch (policy.pending_default) {
    case Verdict::kPass:
    case Verdict::kDrop:
    case Verdict::kDetach:
    case Verdict::kClose:
    case Verdict::kReset:
      break;
    default:
      return absl::InvalidArgumentError(
          "policy.pending_default: must be kPass, kDrop, kDetach, kClose or kReset");
  }
  if (policy.opens_exceeded != Verdict::kDetach && policy.opens_exceeded != Verdict::kClose &&
      policy.opens_exceeded != Verdict::kReset) {
    return absl::InvalidArgumentError("policy.opens_exceeded: must be kDetach, kClose or kReset");
  }
  if (policy.more_bytes_max < 1) {
    return absl::InvalidArgumentError("policy.more_bytes_max: must be at least 1 byte");
  }
  if (options.inspector_opens_per_second > static_cast<std::uint64_t>(kSecond)) {
    return absl::InvalidArgumentError("inspector_opens_per_second: at most 1000000000");
  }
  if (options.tap != nullptr && options.tap_bytes_max < inspect::TapRing::kBytesMin) {
    return absl::InvalidArgumentError("tap_bytes_max: must be at least 4096 bytes");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> Engine::Create(Runtime& runtime, EngineOptions options) {
  if (options.listen.empty()) {
    return absl::InvalidArgumentError(
        "listen: no address given; at least one is needed, e.g. 127.0.0.1:0");
  }
  if (options.redirector == nullptr) {
    return absl::InvalidArgumentError(
        "redirector: none given; an engine must know where connections go");
  }
  if (options.listener.accepts < 1) {
    return absl::InvalidArgumentError("listener.accepts: at least 1 accept must be outstanding");
  }
  if (options.policy.queue_high < 1024) {
    return absl::InvalidArgumentError("policy.queue_high: must be at least 1024 bytes");
  }
  absl::Status limits = CheckLimits(options);
  if (!limits.ok()) return limits;
  absl::Status inspection = CheckInspection(options);
  if (!inspection.ok()) return inspection;
  return std::unique_ptr<Engine>(new Engine(runtime, std::move(options)));
}

Engine::Engine(Runtime& runtime, EngineOptions options)
    : runtime_(runtime), options_(std::move(options)), admission_(options_.limits) {
  for (std::size_t i = 0; i < options_.listen.size(); ++i) {
    const bool limited = i < options_.listener_limits.size();
    listener_admissions_.push_back(
        std::make_unique<Admission>(limited ? options_.listener_limits[i] : AdmissionLimits{}));
  }
  if (options_.tap != nullptr) tap_reader_ = std::make_unique<inspect::TapReader>(*options_.tap);
  own_listeners_.AddLocalAddresses(io::LocalAddresses());
  for (std::size_t i = 0; i < runtime.workers(); ++i) {
    parts_.push_back(std::make_unique<EnginePart>(*this, runtime.worker(i)));
  }
}

Engine::~Engine() { Stop(0); }

absl::Status Engine::Start() {
  SLUICE_CHECK(!started_);
  started_ = true;
  {
    absl::MutexLock lock(&mutex_);
    parts_left_ = parts_.size();
  }
  if (tap_reader_ != nullptr && !runtime_.caller_driven()) tap_reader_->Start();
  // Each engine keeps to one listening worker, so that its listeners are stopped as one.
  EnginePart& part = *parts_[runtime_.NextListeningWorker()];
  for (const Address& local : options_.listen) {
    OsError error;
    Address bound;
    part.worker().Call([&] { error = part.Listen(local, options_.listener, &bound); });
    if (!error.ok()) {
      Stop(0);
      absl::Status failed = absl::UnavailableError(
          absl::StrCat("cannot listen on ", local.ToString(), ": ", error.ToString()));
      // For who wants the number without reading the text (the C ABI).
      failed.SetPayload("sluice.os_error", absl::Cord(absl::StrCat(error.raw)));
      return failed;
    }
    addresses_.push_back(bound);
    own_listeners_.AddListener(bound, options_.listener.listen.dual_stack);
    runtime_.loop_guard().AddListener(bound);
  }
  // Only now: workers read own_listeners_ and addresses_ without a lock once connections come.
  part.worker().Call([&] { part.BeginAccepting(); });
  return absl::OkStatus();
}

void Engine::OnEachPart(absl::FunctionRef<void(EnginePart&)> work) {
  for (const std::unique_ptr<EnginePart>& part : parts_) {
    part->worker().Call([&] { work(*part); });
  }
}

void Engine::BeginStop() {
  if (!started_ || stopping_) return;
  stopping_ = true;
  // In this order: once no listener gives connections away, what is in the rings is taken before
  // Drain is, because both come through the same port.
  OnEachPart([](EnginePart& part) { part.StopListening(); });
  for (const Address& bound : addresses_) runtime_.loop_guard().RemoveListener(bound);
  OnEachPart([](EnginePart& part) { part.Drain(); });
}

void Engine::TerminateFlows() {
  OnEachPart([](EnginePart& part) { part.TerminateFlows(); });
}

bool Engine::drained() {
  absl::MutexLock lock(&mutex_);
  return parts_left_ == 0;
}

void Engine::Stop(Nanos drain) {
  if (!started_) return;
  BeginStop();
  if (runtime_.caller_driven()) {
    RunUntilDrained(drain);
  } else {
    AwaitDrained(drain);
  }
  started_ = false;
  // A barrier: the workers have left every function of the parts before these are destroyed.
  OnEachPart([](EnginePart&) {});
  if (tap_reader_ != nullptr) tap_reader_->Stop();
}

void Engine::AwaitDrained(Nanos drain) {
  const auto settled = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return parts_left_ == 0 || hurry_;
  };
  const auto drained = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return parts_left_ == 0; };
  {
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(&settled), absl::Nanoseconds(drain));
    if (parts_left_ == 0) return;
  }
  TerminateFlows();
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(&drained));
}

// One worker after the other, so none may sleep for long.
void Engine::RunUntilDrained(Nanos drain) {
  const Instant end = runtime_.worker(0).port().now() + drain;
  const auto hurried = [this] {
    absl::MutexLock lock(&mutex_);
    return hurry_;
  };
  bool terminated = false;
  while (!drained()) {
    const Instant now = runtime_.worker(0).port().now();
    if (!terminated && (now >= end || hurried())) {
      terminated = true;
      TerminateFlows();
    }
    for (std::size_t i = 0; i < runtime_.workers(); ++i) {
      runtime_.worker(i).Turn(now + kMillisecond);
    }
  }
}

void Engine::HurryStop() {
  absl::MutexLock lock(&mutex_);
  hurry_ = true;
}

void Engine::OnPartDrained() {
  absl::MutexLock lock(&mutex_);
  SLUICE_CHECK(parts_left_ > 0);
  --parts_left_;
}

metrics::Snapshot Engine::Metrics() const {
  metrics::Snapshot snapshot;
  for (const std::unique_ptr<EnginePart>& part : parts_) part->counters().AddTo(snapshot);
  if (tap_reader_ != nullptr) {
    snapshot.values[static_cast<std::size_t>(metrics::Counter::k_tap_threw)] +=
        tap_reader_->threw();
  }
  return snapshot;
}

}  // namespace sluice::runtime
