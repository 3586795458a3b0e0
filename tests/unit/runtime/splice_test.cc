// SPDX-License-Identifier: Apache-2.0
//
// Flows that move much and that nobody inspects: their bytes stay in the kernel, where it has a
// way.
#include "tests/contract/limits.h"
#include "tests/contract/stream.h"
#include "tests/unit/runtime/proxy_fixture.h"

namespace sluice::runtime {
namespace {

using metrics::Counter;

constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20;

class Passing final : public inspect::Inspector {
 public:
  inspect::Verdict OnData(const inspect::FlowInfo&, inspect::Direction, memory::Chain&,
                          inspect::Later&) override {
    return inspect::Verdict::kPass;
  }
};

class SpliceTest : public ProxyTest {
 protected:
  // A stream each way, far more than any socket holds, to a reader that takes it in small pieces.
  void RelayMuch() {
    StartProxy();
    Ends& ends = Connect();
    contract::StreamSender up(1, kBytes, 1 << 20);
    contract::StreamSender down(2, kBytes, 1 << 20);
    contract::StreamReader at_origin(1, 50000);
    contract::StreamReader at_client(2, 50000);
    io::Port& port = loop_.port();
    up.Start(port, ends.client);
    down.Start(port, ends.origin);
    at_origin.Start(port, ends.origin);
    at_client.Start(port, ends.client);
    ASSERT_TRUE(loop_.RunUntil([&] { return up.done() && down.done(); }));
    ASSERT_TRUE(port.ShutdownSend(ends.client).ok());
    ASSERT_TRUE(port.ShutdownSend(ends.origin).ok());
    ASSERT_TRUE(loop_.RunUntil([&] { return at_origin.ended() && at_client.ended(); }));
    EXPECT_TRUE(at_origin.end_of_stream() && at_origin.intact());
    EXPECT_TRUE(at_client.end_of_stream() && at_client.intact());
    EXPECT_EQ(at_origin.received(), kBytes);
    EXPECT_EQ(at_client.received(), kBytes);
    ASSERT_TRUE(Await(Counter::k_closed_finished, 1));
    EXPECT_EQ(runtime_->Live().pooled, 0u) << "a pipe was not given back";
  }
  std::uint64_t spliced() { return engine_->Metrics()[Counter::k_bytes_spliced]; }

  static constexpr std::uint64_t kBytes = 32 * kMebibyte;
};

// All but what comes first, by which it is found to be much.
TEST_F(SpliceTest, MuchThatNobodyInspectsStaysInTheKernel) {
  SLUICE_NEEDS(contract::Ability::kPipes);
  RelayMuch();
  EXPECT_GE(spliced(), kBytes);
}

TEST_F(SpliceTest, NothingDoesWhenSomebodyLooks) {
  Passing inspector;
  options_.inspector = &inspector;
  RelayMuch();
  EXPECT_EQ(spliced(), 0u);
}

TEST_F(SpliceTest, NothingDoesWhenThePolicySaysNo) {
  options_.policy.splice = false;
  RelayMuch();
  EXPECT_EQ(spliced(), 0u);
}

// A flow that moved much, and now little, has no pipe while it waits.
TEST_F(SpliceTest, AFlowThatWaitsHoldsNoPipe) {
  StartProxy();
  Ends& ends = Connect();
  contract::StreamSender up(1, 8 * kMebibyte, 1 << 20);
  contract::StreamReader at_origin(1, 50000);
  up.Start(loop_.port(), ends.client);
  at_origin.Start(loop_.port(), ends.origin);
  ASSERT_TRUE(loop_.RunUntil([&] { return at_origin.received() == 8 * kMebibyte; }));
  EXPECT_TRUE(Eventually([&] { return runtime_->Live().pooled == 0; }));
  contract::CloseNow(loop_, loop_.port(), ends.client);
  EXPECT_TRUE(loop_.RunUntil([&] { return at_origin.ended(); }));
}

// A reset while pipes are full of what nobody takes.
TEST_F(SpliceTest, AResetInTheMiddleGivesEverythingBack) {
  StartProxy();
  Ends& ends = Connect();
  contract::StreamSender up(1, kBytes, 1 << 20);
  up.Start(loop_.port(), ends.client);
  ASSERT_TRUE(Eventually([&] { return runtime_->Live().pooled > 0; }));
  loop_.port().Abort(ends.origin);
  ASSERT_TRUE(Eventually([&] { return up.done() && runtime_->Live().flows == 0; }));
  EXPECT_TRUE(up.failed());
  EXPECT_EQ(runtime_->Live().pooled, 0u);
}

}  // namespace
}  // namespace sluice::runtime
