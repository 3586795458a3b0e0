// SPDX-License-Identifier: Apache-2.0
#include "tests/cost/chain.h"

#include <ctime>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/redirect/none/none_redirector.h"
#include "engine/redirect/wfp/wfp_redirector.h"
#include "tests/cost/allocations.h"

namespace sluice::cost {
namespace {

double ThreadCpuSeconds() {
#if defined(__linux__)
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
#else
  return 0;
#endif
}

}  // namespace

Chain::Chain(const ChainOptions& options, const Address& destination) : options_(options) {
  if (options.emulated) {
    emulated::PlatformOptions platform;
    platform.knobs.max_hops = static_cast<std::uint32_t>(options.depth) + 1;
    platform_ = std::make_unique<emulated::Platform>(platform);
  }
  runtime::RuntimeOptions runtime_options;
  runtime_options.caller_driven = options.caller_driven;
  // On the emulated platform all hops have the same destination, so a few hundred clients that
  // begin at once before many hops look like a storm.
  runtime_options.loops.growth_max = 1 << 20;
  if (platform_ != nullptr) runtime_options.worker.port.platform = platform_->process();
  absl::StatusOr<std::unique_ptr<runtime::Runtime>> runtime =
      runtime::Runtime::Create(runtime_options);
  SLUICE_CHECK(runtime.ok());
  runtime_ = *std::move(runtime);
  front_ = destination;
  for (int hop = options.depth; hop > 0; --hop) front_ = AddEngine(hop, destination, front_);
  if (platform_ != nullptr) platform_->AdoptForeign(front_, destination);
}

Chain::~Chain() {
  // From the first hop on.
  while (!engines_.empty()) {
    engines_.back()->Stop(0);
    engines_.pop_back();
  }
  runtime_->Stop();
}

Address Chain::AddEngine(int hop, const Address& destination, const Address& next) {
  runtime::EngineOptions options;
  options.name = absl::StrCat("hop", hop);
  options.listen = {Address::Loopback(Family::kV4, 0)};
  options.inspector = options_.inspector;
  if (platform_ != nullptr) {
    options.redirector = std::make_unique<redirect::WfpRedirector>();
  } else {
    options.redirector = std::make_unique<redirect::NoneRedirector>(next);
  }
  const std::string name = options.name;
  absl::StatusOr<std::unique_ptr<runtime::Engine>> engine =
      runtime::Engine::Create(*runtime_, std::move(options));
  SLUICE_CHECK(engine.ok());
  SLUICE_CHECK((*engine)->Start().ok());
  engines_.push_back(*std::move(engine));
  const Address local = engines_.back()->addresses().front();
  if (platform_ == nullptr) return local;
  emulated::VendorOptions vendor;
  vendor.name = name;
  vendor.sublayer_weight = static_cast<std::uint16_t>(0x8000 - hop);
  vendor.listeners = {local};
  vendor.destinations = {destination};
  SLUICE_CHECK(platform_->AddVendor(vendor).ok());
  return local;
}

Chain::Spent Chain::spent() {
  Spent spent;
  worker().Call([&] {
    spent.allocations = ThreadAllocations();
    spent.calls = worker().port_stats().calls.total();
    spent.cpu_seconds = ThreadCpuSeconds();
  });
  for (const auto& engine : engines_) {
    const metrics::Snapshot metrics = engine->Metrics();
    spent.joined += metrics[metrics::Counter::k_joined];
    spent.copied += metrics[metrics::Counter::k_bytes_copied];
    spent.spliced += metrics[metrics::Counter::k_bytes_spliced];
  }
  return spent;
}

}  // namespace sluice::cost
