// SPDX-License-Identifier: Apache-2.0
//
// Engines through the public API: alone, several on one pool, stopping, limits, and where
// connections go.
#include "sluice/engine.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "engine/base/mutex.h"
#include "gmock/gmock.h"
#include "sluice/emulated.h"
#include "sluice/log.h"
#include "tests/unit/api/api_fixture.h"

namespace sluice::api {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(ApiTest, AnEngineWithWorkersOfItsOwnRelays) {
  StartEngine();
  EXPECT_EQ(engine_->runtime().workers(), 1u);
  Ends& ends = Connect();
  PassBothWays(ends);
  EXPECT_EQ(engine_->flows(), 1u);
  EXPECT_EQ(engine_->metrics()["connected"], 1u);
  // Counted when a send is over, which may be after its bytes were read.
  EXPECT_TRUE(Await("bytes_up", 5));
  EXPECT_TRUE(Await("bytes_down", 8));
  EXPECT_EQ(engine_->metrics()["bytes_down"], 8u);
  contract::CloseNow(loop_, loop_.port(), ends.client);
  contract::CloseNow(loop_, loop_.port(), ends.origin);
  ASSERT_TRUE(Await("joined", 1));
  engine_->Stop(absl::Seconds(30));
  EXPECT_EQ(engine_->metrics()["closed_drain"], 0u);
  EXPECT_TRUE(engine_->runtime().Live().AllZero());
  engine_->Stop(absl::Seconds(30));
}

// Each in front of the one before it, on two workers; the last one goes to the origin.
TEST_F(ApiTest, SeveralEnginesShareOnePool) {
  RuntimeOptions pool;
  pool.workers = 2;
  MakeRuntime(pool);
  std::vector<std::unique_ptr<Engine>> engines;
  Address upstream = origin();
  for (int i = 0; i < 3; ++i) {
    EngineOptions options;
    options.listen = {Address::Loopback(Family::kV4, 0)};
    options.redirect = Redirect::To(upstream);
    engines.push_back(MakeEngine(*runtime_, std::move(options)));
    ASSERT_NE(engines.back(), nullptr);
    EXPECT_EQ(&engines.back()->runtime(), runtime_.get());
    upstream = engines.back()->addresses()[0];
  }
  Ends& ends = Connect(upstream);
  PassBothWays(ends);
  EXPECT_EQ(runtime_->Live().flows, 3u);
  for (const auto& engine : engines) EXPECT_EQ(engine->metrics()["connected"], 1u);
  // One ends, and the flow with it; the others live on.
  engines[1]->Stop(absl::ZeroDuration());
  EXPECT_EQ(engines[1]->metrics()["closed_drain"], 1u);
  ASSERT_TRUE(Eventually([&] { return engines[2]->metrics()["joined"] == 1; }));
  PassBothWays(Connect(engines[0]->addresses()[0]));
  EXPECT_EQ(engines[2]->metrics()["closed_drain"], 0u);
}

TEST_F(ApiTest, EnginesOfDifferentPoolsKnowNothingOfEachOther) {
  StartEngine();
  EngineOptions other;
  other.listen = {Address::Loopback(Family::kV4, 0)};
  other.redirect = Redirect::To(origin());
  auto second = Engine::Create(std::move(other));
  ASSERT_TRUE(second.ok());
  ASSERT_TRUE((*second)->Start().ok());
  PassBothWays(Connect((*second)->addresses()[0]));
  EXPECT_EQ(engine_->metrics()["accepted"], 0u);
  EXPECT_EQ((*second)->metrics()["accepted"], 1u);
  EXPECT_EQ(engine_->runtime().Live().flows, 0u);
  second->reset();
  PassBothWays(Connect());
}

TEST_F(ApiTest, AnAddressInUseFailsTheStartAndIsNamed) {
  options_.listen = {Address::Loopback(Family::kV4, 0), origin()};
  auto engine = Engine::Create(std::move(options_));
  ASSERT_TRUE(engine.ok());
  const absl::Status started = (*engine)->Start();
  EXPECT_THAT(std::string(started.message()), HasSubstr(origin().ToString()));
  EXPECT_EQ((*engine)->runtime().Live().sockets, 0u);
}

TEST_F(ApiTest, LimitsOfEngineAndListenerHold) {
  options_.listen = {Address::Loopback(Family::kV4, 0), Address::Loopback(Family::kV4, 0)};
  options_.limits.flows_max = 2;
  options_.listener_limits = {FlowLimits{.flows_max = 1}};
  StartEngine();
  ASSERT_EQ(engine_->addresses().size(), 2u);
  Connect(engine_->addresses()[0]);
  EXPECT_TRUE(IsReset(ConnectClient(engine_->addresses()[0])));
  Connect(engine_->addresses()[1]);
  EXPECT_TRUE(IsReset(ConnectClient(engine_->addresses()[1])));
  EXPECT_EQ(engine_->metrics()["refused_flows"], 2u);
}

// The last word comes once, on a thread of its own, when everything was given back.
TEST_F(ApiTest, AStopThatWasBegunSaysWhenItIsOver) {
  StartEngine();
  PassBothWays(Connect());
  std::atomic<int> words{0};
  std::atomic<bool> held{true};
  const std::thread::id self = std::this_thread::get_id();
  engine_->BeginStop(absl::InfiniteDuration(), [&] {
    EXPECT_NE(std::this_thread::get_id(), self);
    held = !engine_->runtime().Live().AllZero();
    ++words;
  });
  // New connections are refused while the old one lives on.
  ASSERT_TRUE(Eventually([&] {
    ConnectClient(engine_->addresses()[0]);
    return !client_outcome_.ok();
  }));
  PassBothWays(*ends_.front());
  EXPECT_EQ(words, 0);
  engine_->HurryStop();
  ASSERT_TRUE(Eventually([&] { return words == 1; }));
  EXPECT_FALSE(held);
  EXPECT_GE(engine_->metrics()["closed_drain"], 1u);
  engine_->Stop();
  EXPECT_EQ(words, 1);
}

TEST_F(ApiTest, StopWaitsForAStopThatWasBegun) {
  StartEngine();
  Connect();
  std::atomic<int> words{0};
  engine_->BeginStop(absl::Milliseconds(50), [&] { ++words; });
  engine_->Stop(absl::Hours(1));
  EXPECT_EQ(words, 1);
  EXPECT_EQ(engine_->metrics()["closed_drain"], 1u);
}

TEST_F(ApiTest, TheEndOfAnEngineHurriesItsStop) {
  StartEngine();
  Connect();
  std::atomic<int> words{0};
  engine_->BeginStop(absl::InfiniteDuration(), [&] { ++words; });
  engine_.reset();
  EXPECT_EQ(words, 1);
}

TEST_F(ApiTest, MetricsHaveNamesAndHelp) {
  StartEngine();
  PassBothWays(Connect());
  const Metrics metrics = engine_->metrics();
  for (const Metric& metric : metrics.all()) {
    EXPECT_FALSE(metric.name.empty());
    EXPECT_FALSE(metric.help.empty()) << metric.name;
    EXPECT_EQ(metrics.Find(metric.name), metric.value);
  }
  EXPECT_EQ(metrics.Find("connected"), 1u);
  EXPECT_EQ(metrics.Find("no such counter"), std::nullopt);
  EXPECT_EQ(metrics["no such counter"], 0u);
}

TEST_F(ApiTest, MemoryIsBoundedByTheEnginesThatExist) {
  MakeRuntime();
  const MemoryBound bare = runtime_->WorstCaseMemory();
  EXPECT_GE(bare.workers, std::size_t{64} << 20);
  EXPECT_EQ(bare.flows, 0u);
  options_.limits.flows_max = 1000;
  StartEngine();
  const MemoryBound with = runtime_->WorstCaseMemory();
  EXPECT_GT(with.flows, 0u);
  EXPECT_GT(with.listeners, 0u);
  EXPECT_THAT(with.ToString(), HasSubstr("at most "));
  engine_.reset();
  EXPECT_EQ(runtime_->WorstCaseMemory().total(), bare.total());
}

// Remembers what it was asked, and says what the test wants.
// What it answers, and what it was asked last.
class Table final : public OwnRedirect {
 public:
  bool Find(const Address& client, const Address& local, FoundOrigin* origin) override {
    const MutexLock lock(mutex_);
    asked_client_ = client;
    asked_local_ = local;
    *origin = answer_;
    return known_;
  }
  void Set(bool known, const FoundOrigin& answer) {
    const MutexLock lock(mutex_);
    known_ = known;
    answer_ = answer;
  }
  Address asked_client() {
    const MutexLock lock(mutex_);
    return asked_client_;
  }
  Address asked_local() {
    const MutexLock lock(mutex_);
    return asked_local_;
  }

 private:
  Mutex mutex_;
  FoundOrigin answer_ ABSL_GUARDED_BY(mutex_);
  bool known_ ABSL_GUARDED_BY(mutex_) = false;
  Address asked_client_ ABSL_GUARDED_BY(mutex_);
  Address asked_local_ ABSL_GUARDED_BY(mutex_);
};

TEST_F(ApiTest, AnOwnPlatformSaysWhereConnectionsGo) {
  Table table;
  FoundOrigin answer;
  answer.destination = origin();
  answer.process_path = std::string(300, 'p');
  answer.context = std::string(3000, 'c');
  table.Set(true, answer);
  options_.redirect = Redirect::Own(&table);
  StartEngine();
  Ends& ends = Connect();
  PassBothWays(ends);
  EXPECT_EQ(table.asked_local(), engine_->addresses()[0]);
  EXPECT_EQ(table.asked_client(), ends.client.local());
  engine_->Stop(absl::ZeroDuration());
  EXPECT_TRUE(engine_->runtime().Live().AllZero());
}

TEST_F(ApiTest, WhatAnOwnPlatformDoesNotKnowIsRefused) {
  Table table;
  FoundOrigin answer;
  answer.destination = origin();
  table.Set(false, answer);
  options_.redirect = Redirect::Own(&table);
  StartEngine();
  EXPECT_TRUE(IsReset(ConnectClient(engine_->addresses()[0])));
  ASSERT_TRUE(Await("closed_not_redirected", 1));
  answer.destination = origin().WithPort(0);
  table.Set(true, answer);
  EXPECT_TRUE(IsReset(ConnectClient(engine_->addresses()[0])));
  ASSERT_TRUE(Await("closed_not_redirected", 2));
  // More than a buffer holds.
  answer.destination = origin();
  answer.context = std::string(65537, 'c');
  table.Set(true, answer);
  EXPECT_TRUE(IsReset(ConnectClient(engine_->addresses()[0])));
  ASSERT_TRUE(Await("closed_query_failed", 1));
  engine_->Stop(absl::ZeroDuration());
}

TEST_F(ApiTest, ByPolicyWhatIsNotKnownGoesDirectly) {
  Table table;
  options_.redirect = Redirect::Own(&table);
  options_.policy.on_query_failure = OnQueryFailure::kDirect;
  options_.policy.direct_destination = origin();
  StartEngine();
  PassBothWays(Connect());
  EXPECT_EQ(engine_->metrics()["direct_without_query"], 1u);
  engine_->Stop(absl::ZeroDuration());
}

// A codec of the embedder's own, and the known ones behind it.
class TextContext final : public ContextCodec {
 public:
  const char* name() const override { return "text"; }
  std::optional<Origin> Decode(absl::Span<const std::byte> bytes) const override {
    const absl::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const absl::StatusOr<Address> destination = Address::Parse(text);
    if (!destination.ok() || destination->tcp_port() == 0) return std::nullopt;
    return Origin{*destination, Address(), 0};
  }
  std::string Encode(const Origin& origin) const override { return origin.destination.ToString(); }
};

class WfpApiTest : public ApiTest {
 protected:
  // The engine is a vendor's proxy on the emulated platform; its callout attaches `context`.
  void StartVendor(WfpRedirectOptions wfp, const std::string& context) {
    options_.redirect = Redirect::Wfp(std::move(wfp));
    RuntimeOptions runtime;
    runtime.platform = platform_.process();
    StartEngine(runtime);
    ASSERT_NE(engine_, nullptr);
    emulated::VendorOptions vendor;
    vendor.name = "acme";
    vendor.listeners = engine_->addresses();
    vendor.destinations = {origin()};
    vendor.make_context = [context](const emulated::ClassifyValues&) { return context; };
    ASSERT_TRUE(platform_.AddVendor(vendor).ok());
    platform_.AdoptForeign(engine_->addresses()[0], origin());
  }
  // Outlives the ports, which end in TearDown.
  emulated::Platform platform_;
};

TEST_F(WfpApiTest, OwnAndKnownLayoutsAreRead) {
  WfpRedirectOptions wfp;
  wfp.codecs.push_back(std::make_unique<TextContext>());
  StartVendor(std::move(wfp), origin().ToString());
  PassBothWays(Connect());
  EXPECT_EQ(engine_->metrics()["redirect_queries"], 1u);
  EXPECT_EQ(engine_->metrics()["redirect_bad_context"], 0u);
  EXPECT_GT(engine_->metrics()["redirect_records_bytes"], 0u);
}

TEST_F(WfpApiTest, KnownLayoutsAreReadUnlessUnwanted) {
  WfpRedirectOptions wfp;
  wfp.codecs.push_back(std::make_unique<TextContext>());
  StartVendor(std::move(wfp), SluiceLayout()->Encode(Origin{origin(), Address(), 7}));
  PassBothWays(Connect());
}

TEST_F(WfpApiTest, UnwantedLayoutsAreRefused) {
  WfpRedirectOptions wfp;
  wfp.codecs.push_back(std::make_unique<TextContext>());
  wfp.standard_codecs = false;
  StartVendor(std::move(wfp), SluiceLayout()->Encode(Origin{origin(), Address(), 7}));
  EXPECT_TRUE(IsReset(ConnectClient(engine_->addresses()[0])));
  ASSERT_TRUE(Await("closed_bad_context", 1));
  EXPECT_EQ(engine_->metrics()["redirect_bad_context"], 1u);
}

TEST_F(WfpApiTest, ConnectionsWithoutAContextAreAskedAbout) {
  Table table;
  FoundOrigin answer;
  answer.destination = origin();
  answer.process_path = "/bin/app";
  table.Set(true, answer);
  WfpRedirectOptions wfp;
  wfp.without_context = &table;
  StartVendor(std::move(wfp), "");
  PassBothWays(Connect());
  EXPECT_EQ(table.asked_local(), engine_->addresses()[0]);
  EXPECT_EQ(engine_->metrics()["redirect_no_context"], 1u);
  engine_->Stop(absl::ZeroDuration());
}

// Lines begin with the name of their engine.
TEST_F(ApiTest, TheLogSaysWhichEngineSpeaks) {
  struct Lines {
    std::string last;
    std::atomic<int> count{0};
  } lines;
  SetLogSink(
      [](void* user, LogLevel level, absl::string_view line) {
        if (level != LogLevel::kWarning) return;
        static_cast<Lines*>(user)->last = std::string(line);
        ++static_cast<Lines*>(user)->count;
      },
      &lines);
  options_.name = "acme";
  options_.limits.flows_max = 1;
  StartEngine();
  Connect();
  EXPECT_TRUE(IsReset(ConnectClient(engine_->addresses()[0])));
  EXPECT_TRUE(Eventually([&] { return lines.count > 0; }));
  engine_.reset();
  SetLogSink(nullptr, nullptr);
  EXPECT_THAT(lines.last, ::testing::StartsWith("acme: limit flows_max=1 reached"));
}

}  // namespace
}  // namespace sluice::api
