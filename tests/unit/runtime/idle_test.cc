// SPDX-License-Identifier: Apache-2.0
//
// What a flow holds of its worker's pools: landings and sends while bytes move, an opening until it
// is connected, nothing while it is idle. And what happens when there is no memory for another one.
#include <atomic>
#include <new>

#include "engine/base/tsan.h"
#include "tests/contract/stream.h"
#include "tests/unit/runtime/proxy_fixture.h"

namespace {

// How many blocks pools are still given; negative: all they ask for.
std::atomic<int> blocks_left{-1};

}  // namespace

#if SLUICE_TSAN == 0
// What pools allocate with.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  if (blocks_left == 0) return nullptr;
  if (blocks_left > 0) --blocks_left;
  return ::operator new(size);
}
#endif

namespace sluice::runtime {
namespace {

using contract::ReceiveOnce;
using contract::SendAll;
using metrics::Counter;

class IdleTest : public ProxyTest {
 protected:
  void TearDown() override {
    blocks_left = -1;
    ProxyTest::TearDown();
  }
  std::uint64_t Turns() {
    std::uint64_t turns = 0;
    Worker& worker = runtime_->worker(0);
    worker.Call([&] { turns = worker.port_stats().turns; });
    return turns;
  }
  void Exchange(Ends& ends) {
    char buffer[16];
    ASSERT_TRUE(SendAll(loop_, loop_.port(), ends.client, "there", 5).ok());
    ASSERT_EQ(ReceiveOnce(loop_, loop_.port(), ends.origin, buffer, sizeof buffer).bytes, 5u);
    ASSERT_TRUE(SendAll(loop_, loop_.port(), ends.origin, "back", 4).ok());
    ASSERT_EQ(ReceiveOnce(loop_, loop_.port(), ends.client, buffer, sizeof buffer).bytes, 4u);
  }
};

// Two receives, each with its chunk; the opening and both sends were given back.
TEST_F(IdleTest, AFlowThatMayReceiveHoldsTwoLandings) {
  options_.policy.quiet_after = 3600 * kSecond;
  StartProxy();
  Exchange(Connect());
  ASSERT_TRUE(Eventually([&] { return runtime_->Live().pooled == 2; }))
      << runtime_->Live().pooled << " held";
  EXPECT_EQ(runtime_->Live().chunks, 2u);
}

TEST_F(IdleTest, AQuietFlowHoldsTwoWaitsAndNothingElse) {
  options_.policy.quiet_after = 20 * kMillisecond;
  StartProxy();
  const std::uint64_t accepts = runtime_->Live().operations;
  Ends& ends = Connect();
  for (int round = 0; round < 2; ++round) {
    Exchange(ends);
    ASSERT_TRUE(Eventually([&] { return runtime_->Live().pooled == 0; }))
        << runtime_->Live().pooled << " held";
    const LiveCounts live = runtime_->Live();
    EXPECT_EQ(live.flows, 1u);
    EXPECT_EQ(live.chunks, 0u);
    EXPECT_EQ(live.buffers, 0u);
    EXPECT_EQ(live.operations, accepts + 2);
  }
}

// A chunk only for bytes that are there: nothing is held between them, and nothing has to look.
TEST_F(IdleTest, AFlowThatWaitsFirstHoldsNothingBetweenExchanges) {
  options_.policy.quiet_after = 0;
  StartProxy();
  const std::uint64_t accepts = runtime_->Live().operations;
  Ends& ends = Connect();
  for (int round = 0; round < 3; ++round) {
    Exchange(ends);
    ASSERT_TRUE(Eventually([&] { return runtime_->Live().operations == accepts + 2; }));
    const LiveCounts live = runtime_->Live();
    EXPECT_EQ(live.pooled, 0u);
    EXPECT_EQ(live.chunks, 0u);
  }
  const std::uint64_t before = Turns();
  for (int look = 0; look < 50; ++look) loop_.Turn(0, loop_.port().now() + 2 * kMillisecond);
  EXPECT_LE(Turns() - before, 10u);
}

// Nobody takes what is sent: the send stays, and so does what it was taken from.
TEST_F(IdleTest, AStuckSendIsHeldUntilTheFlowEnds) {
  options_.policy.quiet_after = 20 * kMillisecond;
  options_.policy.splice = false;
  StartProxy();
  Ends& ends = Connect();
  contract::StreamSender sender(1, std::uint64_t{64} << 20, 1 << 20);
  sender.Start(loop_.port(), ends.client);
  ASSERT_TRUE(Eventually([&] {
    const LiveCounts live = runtime_->Live();
    return live.chunks > 0 && live.pooled == 1;
  })) << runtime_->Live().pooled
      << " held";
  contract::CloseNow(loop_, loop_.port(), ends.origin);
  ASSERT_TRUE(Eventually([&] { return sender.done() && runtime_->Live().flows == 0; }));
  EXPECT_EQ(runtime_->Live().pooled, 0u);
}

class WithoutMemoryTest : public IdleTest {
 protected:
  void SetUp() override {
    IdleTest::SetUp();
    if (SLUICE_TSAN != 0) GTEST_SKIP() << "ThreadSanitizer needs the operator new of its own";
  }
};

// A refused client sees a reset, is counted, and the next one is served.
TEST_F(WithoutMemoryTest, ForAFlowAClientIsRefused) {
  StartProxy();
  blocks_left = 0;
  Ends& refused = ConnectClient(engine_->addresses()[0]);
  EXPECT_TRUE(ClientSeesReset(refused));
  EXPECT_EQ(engine_->Metrics()[Counter::k_refused_memory], 1u);
  EXPECT_EQ(engine_->Metrics()[Counter::k_joined], 0u);
  blocks_left = -1;
  Exchange(Connect());
}

TEST_F(WithoutMemoryTest, ForAnOpeningAFlowEndsForWantOfResources) {
  StartProxy();
  blocks_left = 1;
  Ends& refused = ConnectClient(engine_->addresses()[0]);
  EXPECT_TRUE(ClientSeesReset(refused));
  EXPECT_TRUE(Await(Counter::k_closed_no_resources, 1));
  blocks_left = -1;
  Exchange(Connect());
}

}  // namespace
}  // namespace sluice::runtime
