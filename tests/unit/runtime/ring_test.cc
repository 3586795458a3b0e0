// SPDX-License-Identifier: Apache-2.0
//
// Rings of engines: each one's upstream is the next one's listener, so that a single connection
// would go round until descriptors run out. No engine sees its own listener as destination; the
// guards behind that must end it.
#include "tests/unit/runtime/proxy_fixture.h"

#if defined(__linux__)
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#endif

namespace sluice::runtime {
namespace {

using metrics::Counter;

class RingTest : public ProxyTest {
 protected:
  void MakeGuardedRuntime(const redirect::LoopPolicy& loops) {
    RuntimeOptions options;
    options.loops = loops;
    absl::StatusOr<std::unique_ptr<Runtime>> runtime = Runtime::Create(options);
    ASSERT_TRUE(runtime.ok()) << runtime.status();
    runtime_ = *std::move(runtime);
  }
  // Engines 0..count-1, each connecting to the next, the last one to the first.
  void StartRing(std::size_t count, const redirect::LoopPolicy& loops) {
    MakeGuardedRuntime(loops);
    contract::ClosedTcpPort reserved(loop_, Family::kV4);
    const Address first = reserved.address();
    Address upstream = first;
    for (std::size_t i = 1; i < count; ++i) {
      ring_.push_back(MakeEngine(upstream));
      ASSERT_TRUE(ring_.back()->Start().ok());
      upstream = ring_.back()->addresses()[0];
    }
    reserved.Release();
    options_.listen = {first};
    ring_.push_back(MakeEngine(upstream));
    ASSERT_TRUE(ring_.back()->Start().ok());
  }

  std::uint64_t Sum(Counter counter) {
    std::uint64_t sum = 0;
    for (const auto& engine : ring_) sum += engine->Metrics()[counter];
    return sum;
  }

  void TearDown() override {
    ring_.clear();
    ProxyTest::TearDown();
  }

  std::vector<std::unique_ptr<Engine>> ring_;
};

TEST_F(RingTest, HopBudgetEndsARingOfThree) {
  redirect::LoopPolicy loops;
  loops.hops_max = 10;
  StartRing(3, loops);
  Ends& ends = ConnectClient(ring_.back()->addresses()[0]);
  EXPECT_TRUE(ClientSeesReset(ends));
  ASSERT_TRUE(Eventually([&] { return Sum(Counter::k_joined) == Sum(Counter::k_accepted); }));
  EXPECT_GE(Sum(Counter::k_closed_hop_budget), 1u);
  // One connect a hop; a few more where an accept was faster than the registration of its connect.
  EXPECT_LE(Sum(Counter::k_connected), 40u);
}

// An onward socket is registered, which costs a system call, only when its connection can come
// back.
TEST_F(RingTest, OnlyOnwardSocketsToListenersOfOursAreRegistered) {
  MakeRuntime();
  ring_.push_back(MakeEngine(origin_listener_.local()));
  ASSERT_TRUE(ring_.back()->Start().ok());
  Connect(ring_.back()->addresses()[0]);
  ASSERT_TRUE(Eventually([&] { return Sum(Counter::k_connected) == 1; }));
  EXPECT_EQ(runtime_->loop_guard().outbound(), 0u);
  ring_.push_back(MakeEngine(ring_.back()->addresses()[0]));
  ASSERT_TRUE(ring_.back()->Start().ok());
  Connect(ring_.back()->addresses()[0]);
  ASSERT_TRUE(Eventually([&] { return Sum(Counter::k_connected) == 3; }));
  EXPECT_EQ(runtime_->loop_guard().outbound(), 1u);
}

#if defined(__linux__)
// The TCP port of the last client.
class ClientPort final : public Inspector {
 public:
  Verdict OnOpen(InspectedFlow& flow, OpenCall& /*call*/) override {
    port = flow.client.tcp_port();
    return Verdict::kPass;
  }
  Verdict OnData(InspectedFlow&, Direction, Bytes&, DataCall&) override { return Verdict::kPass; }
  std::atomic<std::uint16_t> port{0};
};

// As a driver in the kernel does it: whoever connects is not told where it was really sent.
class ToldRedirector final : public redirect::Redirector {
 public:
  explicit ToldRedirector(const Address& destination) : told_(destination) {}
  const char* name() const override { return "told"; }
  void Query(redirect::QueryOp& operation, const redirect::WorkerView& worker,
             io::Socket& accepted) override {
    told_.Query(operation, worker, accepted);
  }
  void Carry(redirect::CarryOp& operation, const redirect::WorkerView& worker, io::Socket& onward,
             const redirect::QueryOp& query) override {
    told_.Carry(operation, worker, onward, query);
  }

 private:
  redirect::NoneRedirector told_;
};

class SharedPortTest : public RingTest {
 protected:
  void SetUp() override {
    RingTest::SetUp();
    redirect::LoopPolicy loops;
    loops.hops_max = 1;
    MakeGuardedRuntime(loops);
  }
  // A client from this very port, through a proxy; what becomes of it is the test's to see.
  void ConnectFrom(std::uint32_t port, const Address& proxy) {
    ends_.push_back(std::make_unique<Ends>());
    Ends& ends = *ends_.back();
    ASSERT_TRUE(loop_.port().Open(ends.client, proxy.family()).ok());
    constexpr int kLocalPortRange = 51;  // IP_LOCAL_PORT_RANGE, Linux 6.3
    const std::uint32_t range = port << 16 | port;
    if (setsockopt(static_cast<int>(ends.client.native()), IPPROTO_IP, kLocalPortRange, &range,
                   sizeof range) != 0) {
      GTEST_SKIP() << "no IP_LOCAL_PORT_RANGE here to choose a shared port with";
    }
    ConnectEnds(ends, proxy);
    if (ends.reset_at_once) return;
    ASSERT_EQ(ends.client.local().tcp_port(), port);
  }

  ClientPort onward_;
};

// The kernel gives one port to connections with different destinations, and a client's count of
// hops begins at none all the same.
TEST_F(SharedPortTest, AClientWithThePortOfAnOnwardConnectionIsNoHop) {
  options_.inspector = &onward_;
  ring_.push_back(MakeEngine(origin_listener_.local()));
  ASSERT_TRUE(ring_.back()->Start().ok());
  options_.inspector = nullptr;
  ring_.push_back(MakeEngine(ring_.back()->addresses()[0]));
  ASSERT_TRUE(ring_.back()->Start().ok());
  const Address proxy = ring_.back()->addresses()[0];
  Connect(proxy);
  ASSERT_NE(onward_.port, 0u);
  ConnectFrom(onward_.port, proxy);
  if (IsSkipped() || HasFatalFailure()) return;
  ASSERT_TRUE(Eventually([&] { return Sum(Counter::k_connected) == 4; }));
  EXPECT_EQ(Sum(Counter::k_closed_hop_budget), 0u);
}

// One that has the port and, as the redirector says, the destination of an onward connection is
// that connection, come back by way of a driver.
TEST_F(SharedPortTest, AnOnwardConnectionThatADriverSendsBackIsAHop) {
  EngineOptions options;
  options.listen = options_.listen;
  options.redirector = std::make_unique<ToldRedirector>(origin_listener_.local());
  auto engine = Engine::Create(*runtime_, std::move(options));
  ASSERT_TRUE(engine.ok()) << engine.status();
  ring_.push_back(*std::move(engine));
  ASSERT_TRUE(ring_.back()->Start().ok());
  const Address proxy = ring_.back()->addresses()[0];
  const Ends& first = Connect(proxy);
  ConnectFrom(first.origin.peer().tcp_port(), proxy);
  if (IsSkipped() || HasFatalFailure()) return;
  contract::Accept accept;
  loop_.port().Accept(accept, origin_listener_);
  ASSERT_TRUE(loop_.RunUntil([&] { return accept.arrived(); }));
  ASSERT_TRUE(loop_.port().Adopt(ends_.back()->origin, accept.Take()).ok());
  EXPECT_EQ(Sum(Counter::k_closed_hop_budget), 0u);
  ConnectFrom(ends_.back()->origin.peer().tcp_port(), proxy);
  EXPECT_TRUE(ClientSeesReset(*ends_.back()));
  ASSERT_TRUE(Eventually([&] { return Sum(Counter::k_closed_hop_budget) == 1; }));
}
#endif

// The breaker alone: a budget that is never spent, as if the hops were in other processes.
TEST_F(RingTest, StormBreakerEndsARingWithoutABudget) {
  redirect::LoopPolicy loops;
  loops.hops_max = 1000000;
  loops.growth_max = 50;
  // Wine takes a reset that finds no receive armed for an end of stream, and a hundred come at
  // once.
  options_.policy.half_closed_timeout = kSecond;
  StartRing(2, loops);
  Ends& ends = ConnectClient(ring_.back()->addresses()[0]);
  EXPECT_TRUE(ClientSeesReset(ends));
  ASSERT_TRUE(Eventually([&] { return Sum(Counter::k_joined) == Sum(Counter::k_accepted); }));
  EXPECT_GE(Sum(Counter::k_closed_storm), 1u);
  EXPECT_LE(Sum(Counter::k_connected), 101u);
  EXPECT_EQ(runtime_->loop_guard().outbound(), 0u);
  EXPECT_EQ(runtime_->loop_guard().destinations(), 0u);
}

}  // namespace
}  // namespace sluice::runtime
