// SPDX-License-Identifier: Apache-2.0
//
// Chain: a rig whose vendors' proxies are engines, on threads of their own. The rig is the outside:
// applications, the origin, the vendors' driver. The heaviest vendor comes first.
#ifndef SLUICE_TESTS_REDIRECT_CHAIN_RIG_H_
#define SLUICE_TESTS_REDIRECT_CHAIN_RIG_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "engine/base/log.h"
#include "engine/redirect/wfp/wfp_redirector.h"
#include "engine/runtime/engine.h"
#include "engine/runtime/runtime.h"
#include "tests/contract/limits.h"
#include "tests/redirect/rig.h"
#include "tests/redirect/spy_platform.h"

namespace sluice::emulated {

// The lines logged during its life. Make it before the first engine, and destroy it after the last.
class LogCapture {
 public:
  LogCapture() {
    SetLogSink(
        [](void* self, LogLevel /*level*/, absl::string_view line) {
          auto* log = static_cast<LogCapture*>(self);
          const absl::MutexLock lock(&log->mutex_);
          absl::StrAppend(&log->text_, line, "\n");
        },
        this);
  }
  ~LogCapture() { SetLogSink(nullptr, nullptr); }
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  std::string text() const {
    const absl::MutexLock lock(&mutex_);
    return text_;
  }

 private:
  mutable absl::Mutex mutex_;
  std::string text_ ABSL_GUARDED_BY(mutex_);
};

struct ChainOptions {
  Way way = Way::kInline;
  Knobs knobs;
  int workers = 1;
  ProcessOptions process;          // whose the engines are
  bool manual_completion = false;  // with Way::kPend: controls wait for CompletePended
};

// How one engine of a chain differs from the ordinary.
struct HopOptions {
  VendorOptions vendor;
  flow::FlowPolicy policy;
  redirect::WfpOptions wfp;
  std::vector<Address> listen = {Address::Loopback(Family::kV4, 0)};
  std::vector<Address> sources;
};

class Chain {
 public:
  explicit Chain(const ChainOptions& options)
      : rig(Outside(options)), spy(rig.platform->AddProcess(options.process)) {
    runtime::RuntimeOptions runtime_options;
    runtime_options.workers = options.workers;
    runtime_options.worker.port.platform = &spy;
    auto made = runtime::Runtime::Create(runtime_options);
    EXPECT_TRUE(made.ok()) << made.status();
    runtime_ = std::move(*made);
  }
  explicit Chain(Way way, const Knobs& knobs = Knobs(), int workers = 1)
      : Chain(ChainOptions{way, knobs, workers, ProcessOptions(), false}) {}
  Chain(Way way, const Knobs& knobs, const ProcessOptions& process)
      : Chain(ChainOptions{way, knobs, 1, process, false}) {}
  ~Chain() { Stop(); }
  Chain(const Chain&) = delete;
  Chain& operator=(const Chain&) = delete;

  // Everything ends, and nothing is left of it.
  void Stop() {
    for (const auto& engine : engines) engine->Stop(0);
    engines.clear();
    if (runtime_ == nullptr) return;
    EXPECT_TRUE(runtime_->Live().AllZero());
    runtime_->Stop();
    runtime_.reset();
  }

  runtime::Engine& Add(const VendorOptions& vendor = VendorOptions()) {
    HopOptions hop;
    hop.vendor = vendor;
    return Add(std::move(hop));
  }
  runtime::Engine& Add(HopOptions hop) {
    runtime::EngineOptions options;
    options.name = std::string(1, static_cast<char>('A' + engines.size()));
    options.listen = hop.listen;
    options.policy = hop.policy;
    options.sources = hop.sources;
    options.redirector = std::make_unique<redirect::WfpRedirector>(std::move(hop.wfp));
    auto engine = runtime::Engine::Create(*runtime_, std::move(options));
    EXPECT_TRUE(engine.ok()) << engine.status();
    EXPECT_TRUE((*engine)->Start().ok());
    engines.push_back(std::move(*engine));
    hop.vendor.name = engines.back()->options().name;
    hop.vendor.sublayer_weight = static_cast<std::uint16_t>(1000 - engines.size());
    hop.vendor.listeners = engines.back()->addresses();
    EXPECT_TRUE(rig.platform->AddVendor(hop.vendor).ok());
    return *engines.back();
  }

  runtime::Runtime& runtime() { return *runtime_; }
  redirect::WfpRedirector& redirector(std::size_t index) {
    return static_cast<redirect::WfpRedirector&>(engines[index]->redirector());
  }
  std::uint64_t Counted(std::size_t index, metrics::Counter counter) {
    return engines[index]->Metrics()[counter];
  }
  bool Await(std::size_t index, metrics::Counter counter, std::uint64_t count) {
    return rig.RunUntil([&] { return Counted(index, counter) >= count; });
  }
  // So many controls wait for CompletePended.
  bool AwaitPended(std::size_t count) {
    return rig.RunUntil([&] { return rig.platform->pended() == count; });
  }
  // Exactly so many of them: without the limit, what the engine asks next may be answered too.
  void Answer(std::size_t count) { EXPECT_EQ(rig.platform->CompletePended(count), count); }

  // An application's connect to `destination`; the client socket.
  io::Socket& Client(const Address& destination) {
    io::Socket& client = rig.Open(rig.app_port(), destination.family());
    const Outcome outcome = rig.Connect(client, destination);
    EXPECT_TRUE(outcome.ok()) << outcome.error.ToString();
    return client;
  }
  // An application's connect to `destination` that a proxy resets. True when that is what happens;
  // the reset may come before the connect's own outcome is heard of.
  bool IsCut(const Address& destination) {
    io::Socket& client = rig.Open(rig.app_port(), destination.family());
    Outcome outcome = rig.Connect(client, destination);
    if (outcome.ok()) rig.Receive(client, &outcome);
    rig.Close(client);
    if (outcome.ok() && outcome.bytes == 0 &&
        contract::WhyNot(contract::Ability::kRemembersReset) != nullptr)
      return true;
    return outcome.error.code == ErrorCode::kReset;
  }
  // A message from `client` reaches the origin and its answer comes back. The origin's socket; null
  // if nothing came.
  io::Socket* Converse(io::Socket& client, const std::string& message = "there") {
    EXPECT_TRUE(rig.Send(client, message));
    io::Socket* origin = rig.Accept(rig.origin());
    if (origin == nullptr) return nullptr;
    EXPECT_EQ(rig.Receive(*origin), message);
    EXPECT_TRUE(rig.Send(*origin, "back to " + message));
    EXPECT_EQ(rig.Receive(client), "back to " + message);
    return origin;
  }

  Rig rig;
  SpyPlatform spy;  // the engines' process
  std::vector<std::unique_ptr<runtime::Engine>> engines;

 private:
  static RigOptions Outside(const ChainOptions& chain) {
    RigOptions options;
    options.way = chain.way;
    options.knobs = chain.knobs;
    options.manual_completion = chain.manual_completion;
    options.with_vendor = false;
    return options;
  }

  std::unique_ptr<runtime::Runtime> runtime_;
};

}  // namespace sluice::emulated

#endif  // SLUICE_TESTS_REDIRECT_CHAIN_RIG_H_
