// SPDX-License-Identifier: Apache-2.0
//
// Engines: start, several in one process, limits, drain and stop.
#include <string>
#include <thread>

#include "tests/contract/stream.h"
#include "tests/unit/runtime/proxy_fixture.h"

namespace sluice::runtime {
namespace {

using contract::ReceiveOnce;
using contract::SendAll;
using metrics::Counter;

TEST_F(ProxyTest, OptionsThatCannotWorkAreNamed) {
  MakeRuntime();
  EngineOptions no_listen;
  no_listen.redirector = std::make_unique<redirect::NoneRedirector>(origin_listener_.local());
  EXPECT_NE(Engine::Create(*runtime_, std::move(no_listen)).status().message().find("listen"),
            std::string::npos);
  EngineOptions no_redirector;
  no_redirector.listen = {Address::Loopback(Family::kV4, 0)};
  EXPECT_NE(
      Engine::Create(*runtime_, std::move(no_redirector)).status().message().find("redirector"),
      std::string::npos);
}

TEST_F(ProxyTest, AddressInUseFailsTheStartAndNamesIt) {
  MakeRuntime();
  options_.listen = {Address::Loopback(Family::kV4, 0), origin_listener_.local()};
  engine_ = MakeEngine(origin_listener_.local());
  const absl::Status status = engine_->Start();
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.message().find(origin_listener_.local().ToString()), std::string::npos)
      << status;
  EXPECT_NE(status.message().find("in use"), std::string::npos) << status;
  // The first address, which could be had, was given up again.
  EXPECT_EQ(runtime_->Live().sockets, 0u);
}

TEST_F(ProxyTest, ConnectionsPastTheLimitAreRefused) {
  options_.flows_max = 2;
  StartProxy();
  Connect();
  Connect();
  Ends& refused = ConnectClient(engine_->addresses()[0]);
  EXPECT_TRUE(ClientSeesReset(refused));
  EXPECT_EQ(engine_->Metrics()[Counter::k_refused_limit], 1u);
  EXPECT_EQ(engine_->flows(), 2u);
}

// One engine behind the other, all in one runtime: each knows nothing of the rest.
TEST_F(ProxyTest, FourEnginesInAChainShareOneRuntime) {
  MakeRuntime(2);
  std::vector<std::unique_ptr<Engine>> engines;
  Address upstream = origin_listener_.local();
  for (int i = 0; i < 4; ++i) {
    engines.push_back(MakeEngine(upstream));
    ASSERT_TRUE(engines.back()->Start().ok());
    upstream = engines.back()->addresses()[0];
  }
  Ends& ends = Connect(upstream);
  char buffer[64] = {};
  ASSERT_TRUE(SendAll(loop_, loop_.port(), ends.client, "through four", 12).ok());
  ASSERT_EQ(ReceiveOnce(loop_, loop_.port(), ends.origin, buffer, sizeof buffer).bytes, 12u);
  contract::CloseNow(loop_, loop_.port(), ends.client);
  ASSERT_EQ(ReceiveOnce(loop_, loop_.port(), ends.origin, buffer, sizeof buffer).bytes, 0u);
  contract::CloseNow(loop_, loop_.port(), ends.origin);
  for (const auto& engine : engines) {
    ASSERT_TRUE(Eventually([&] { return engine->Metrics()[Counter::k_closed_finished] == 1; }));
  }
}

// With flows that stay, the less loaded of two workers gets the next one.
TEST_F(ProxyTest, ConnectionsSpreadOverWorkers) {
  StartProxy(4);
  constexpr std::uint64_t kFlows = 40;
  for (std::uint64_t i = 0; i < kFlows; ++i) Connect();
  EXPECT_EQ(engine_->Metrics()[Counter::k_accepted], kFlows);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_GE(runtime_->worker(i).load(), 5u) << "worker " << i;
    EXPECT_LE(runtime_->worker(i).load(), 15u) << "worker " << i;
  }
}

TEST_F(ProxyTest, DrainWaitsForFlowsAndTakesNoNewOnes) {
  // A probe that is still accepted becomes a flow whose other end nobody closes.
  options_.policy.half_closed_timeout = 100 * kMillisecond;
  StartProxy();
  Ends& ends = Connect();
  std::thread stopper([&] { engine_->Stop(3600 * kSecond); });
  // The listener is gone once connecting is refused.
  ASSERT_TRUE(Eventually([&] {
    io::Socket probe;
    if (!loop_.port().Open(probe, Family::kV4).ok()) return false;
    const Outcome outcome =
        contract::ConnectOnce(loop_, loop_.port(), probe, engine_->addresses()[0]);
    contract::CloseNow(loop_, loop_.port(), probe);
    return !outcome.ok();
  }));
  char buffer[16] = {};
  ASSERT_TRUE(SendAll(loop_, loop_.port(), ends.client, "alive", 5).ok());
  EXPECT_EQ(ReceiveOnce(loop_, loop_.port(), ends.origin, buffer, sizeof buffer).bytes, 5u);
  contract::CloseNow(loop_, loop_.port(), ends.client);
  contract::CloseNow(loop_, loop_.port(), ends.origin);
  stopper.join();
  EXPECT_EQ(engine_->Metrics()[Counter::k_closed_drain], 0u);
}

TEST_F(ProxyTest, HurryStopEndsADrain) {
  StartProxy();
  Ends& ends = Connect();
  BothListen(ends);
  std::thread stopper([&] { engine_->Stop(3600 * kSecond); });
  engine_->HurryStop();
  stopper.join();
  ASSERT_TRUE(loop_.RunUntil([&] { return ends.client_recv.arrived(); }));
  EXPECT_EQ(ends.client_recv.code(), ErrorCode::kReset);
  EXPECT_EQ(engine_->Metrics()[Counter::k_closed_drain], 1u);
}

TEST_F(ProxyTest, StopAtOnceEndsFlowsInEveryStage) {
  StartProxy(2);
  for (int i = 0; i < 8; ++i) Connect();
  // These are somewhere between accept and relaying.
  for (int i = 0; i < 8; ++i) ConnectClient(engine_->addresses()[0]);
  engine_->Stop(0);
  EXPECT_EQ(engine_->flows(), 0u);
  EXPECT_EQ(runtime_->Live().flows, 0u);
}

// Everything on the test's own thread: no worker thread exists.
TEST_F(ProxyTest, CallerDrivenRelaysAndStops) {
  caller_driven_ = true;
  StartProxy(2);
  Ends& ends = ConnectClient(engine_->addresses()[0]);
  contract::Accept accept;
  loop_.port().Accept(accept, origin_listener_);
  ASSERT_TRUE(Driven([&] { return accept.arrived(); }));
  ASSERT_TRUE(loop_.port().Adopt(ends.origin, accept.Take()).ok());
  ASSERT_TRUE(SendAll(loop_, loop_.port(), ends.client, "x", 1).ok());
  contract::Recv received;
  char byte = 0;
  const contract::IoBuffer buffer{&byte, 1};
  loop_.port().Recv(received, ends.origin, absl::MakeConstSpan(&buffer, 1));
  ASSERT_TRUE(Driven([&] { return received.arrived(); }));
  EXPECT_EQ(byte, 'x');
  // Nobody else runs the workers while Stop waits, so it does.
  engine_->Stop(0);
  EXPECT_EQ(engine_->Metrics()[Counter::k_closed_drain], 1u);
  EXPECT_EQ(runtime_->Live().flows, 0u);
}

}  // namespace
}  // namespace sluice::runtime
