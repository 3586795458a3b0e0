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

class Passing final : public Inspector {
 public:
  Verdict OnData(InspectedFlow&, Direction, Bytes&, DataCall&) override { return Verdict::kPass; }
};

class SpliceTest : public ProxyTest {
 protected:
  void SetUp() override {
    SLUICE_NEEDS(contract::Ability::kPipes);
    ProxyTest::SetUp();
  }
  void RelayMuch() { RelayBothWays(kBytes, 1 << 20); }
  std::uint64_t spliced() { return engine_->Metrics()[Counter::k_bytes_spliced]; }

  // Far more than any socket holds.
  static constexpr std::uint64_t kBytes = 32 * kMebibyte;
};

// All but what comes first, by which it is found to be much.
TEST_F(SpliceTest, MuchThatNobodyInspectsStaysInTheKernel) {
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

// A flow that moved much, and now nothing, has no pipe while it waits.
TEST_F(SpliceTest, AFlowThatWaitsHoldsNoPipe) {
  StartProxy();
  Ends& ends = Connect();
  contract::StreamSender up(1, kBytes, 1 << 20);
  contract::StreamReader at_origin(1, 50000);
  up.Start(loop_.port(), ends.client);
  at_origin.Start(loop_.port(), ends.origin);
  ASSERT_TRUE(loop_.RunUntil([&] { return at_origin.received() == kBytes; }));
  EXPECT_GT(spliced(), 0u);
  EXPECT_TRUE(Eventually([&] { return runtime_->Live().pooled == 0; }));
  EXPECT_EQ(runtime_->Live().flows, 1u);
  contract::CloseNow(loop_, loop_.port(), ends.client);
  EXPECT_TRUE(loop_.RunUntil([&] { return at_origin.ended(); }));
}

// A reset while a pipe holds what nobody takes: beside it only the send that waits is pooled. By
// then nothing has moved for 25 looks. Small chunks, because less than one goes by memory.
TEST_F(SpliceTest, AResetGivesAFullPipeBack) {
  slab_ = memory::SlabOptions{512, 4096};
  StartProxy();
  Ends& ends = Connect();
  contract::StreamSender up(1, 2 * kBytes, 1 << 20);
  up.Start(loop_.port(), ends.client);
  std::uint64_t before = 0;
  int unmoved = 0;
  ASSERT_TRUE(Eventually([&] {
    unmoved = spliced() == before ? unmoved + 1 : 0;
    before = spliced();
    return before > 0 && unmoved >= 25;
  }));
  ASSERT_EQ(runtime_->Live().pooled, 2u);
  loop_.port().Abort(ends.origin);
  ASSERT_TRUE(Eventually([&] { return up.done() && runtime_->Live().flows == 0; }));
  EXPECT_TRUE(up.failed());
  EXPECT_EQ(runtime_->Live().pooled, 0u);
}

}  // namespace
}  // namespace sluice::runtime
