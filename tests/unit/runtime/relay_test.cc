// SPDX-License-Identifier: Apache-2.0
//
// What passes through a flow, and how it ends.
#include <string>

#include "tests/contract/stream.h"
#include "tests/unit/runtime/proxy_fixture.h"

namespace sluice::runtime {
namespace {

using contract::ReceiveOnce;
using contract::SendAll;
using metrics::Counter;

constexpr std::size_t kMebibyte = std::size_t{1} << 20;

// Passing through must copy nothing in user space: the counter of copied bytes stays at zero while
// two megabytes cross the engine.
TEST_F(ProxyTest, RelaysBothWaysWithoutCopyingAByte) {
  RelayBothWays(kMebibyte, 30000);
  const metrics::Snapshot metrics = engine_->Metrics();
  EXPECT_EQ(metrics[Counter::k_bytes_up], kMebibyte);
  EXPECT_EQ(metrics[Counter::k_bytes_down], kMebibyte);
  runtime_->worker(0).Call([&] { EXPECT_EQ(runtime_->worker(0).slab().copied_bytes, 0u); });
}

// A FIN must not shut the other direction: request, FIN, then a late answer.
TEST_F(ProxyTest, ClientFinLeavesTheAnswerOpen) {
  StartProxy();
  Ends& ends = Connect();
  io::Port& port = loop_.port();
  ASSERT_TRUE(SendAll(loop_, port, ends.client, "request", 7).ok());
  ASSERT_TRUE(port.ShutdownSend(ends.client).ok());
  char buffer[64] = {};
  ASSERT_EQ(ReceiveOnce(loop_, port, ends.origin, buffer, sizeof buffer).bytes, 7u);
  const Outcome fin = ReceiveOnce(loop_, port, ends.origin, buffer, sizeof buffer);
  ASSERT_TRUE(fin.ok());
  ASSERT_EQ(fin.bytes, 0u);
  ASSERT_TRUE(SendAll(loop_, port, ends.origin, "late answer", 11).ok());
  ASSERT_EQ(ReceiveOnce(loop_, port, ends.client, buffer, sizeof buffer).bytes, 11u);
  EXPECT_EQ(std::string(buffer, 11), "late answer");
  ASSERT_TRUE(port.ShutdownSend(ends.origin).ok());
  EXPECT_EQ(ReceiveOnce(loop_, port, ends.client, buffer, sizeof buffer).bytes, 0u);
  ASSERT_TRUE(Await(Counter::k_closed_finished, 1));
}

// The same the other way round: a server that greets, ends its side, and still listens.
TEST_F(ProxyTest, OriginFinLeavesTheRequestOpen) {
  StartProxy();
  Ends& ends = Connect();
  io::Port& port = loop_.port();
  ASSERT_TRUE(SendAll(loop_, port, ends.origin, "greeting", 8).ok());
  ASSERT_TRUE(port.ShutdownSend(ends.origin).ok());
  char buffer[64] = {};
  ASSERT_EQ(ReceiveOnce(loop_, port, ends.client, buffer, sizeof buffer).bytes, 8u);
  ASSERT_EQ(ReceiveOnce(loop_, port, ends.client, buffer, sizeof buffer).bytes, 0u);
  ASSERT_TRUE(SendAll(loop_, port, ends.client, "still here", 10).ok());
  ASSERT_EQ(ReceiveOnce(loop_, port, ends.origin, buffer, sizeof buffer).bytes, 10u);
  ASSERT_TRUE(port.ShutdownSend(ends.client).ok());
  ASSERT_TRUE(Await(Counter::k_closed_finished, 1));
}

TEST_F(ProxyTest, ResetOfTheClientReachesTheOriginAsReset) {
  StartProxy();
  Ends& ends = Connect();
  BothListen(ends);
  loop_.port().Abort(ends.client);
  ASSERT_TRUE(loop_.RunUntil([&] { return ends.origin_recv.arrived(); }));
  EXPECT_EQ(ends.origin_recv.code(), ErrorCode::kReset);
  ASSERT_TRUE(Await(Counter::k_closed_reset, 1));
}

TEST_F(ProxyTest, ResetOfTheOriginReachesTheClientAsReset) {
  StartProxy();
  Ends& ends = Connect();
  BothListen(ends);
  loop_.port().Abort(ends.origin);
  ASSERT_TRUE(loop_.RunUntil([&] { return ends.client_recv.arrived(); }));
  EXPECT_EQ(ends.client_recv.code(), ErrorCode::kReset);
  ASSERT_TRUE(Await(Counter::k_closed_reset, 1));
}

// The client has ended its stream, so nothing is received from it any more; that it is gone must
// not wait for the origin's next byte, which may never come.
TEST_F(ProxyTest, ResetBehindAFinReachesTheOriginAsReset) {
  SLUICE_NEEDS(contract::Ability::kTellsOfLateReset);
  StartProxy();
  Ends& ends = Connect();
  io::Port& port = loop_.port();
  char byte;
  ASSERT_TRUE(port.ShutdownSend(ends.client).ok());
  ASSERT_EQ(ReceiveOnce(loop_, port, ends.origin, &byte, 1).bytes, 0u);
  port.Abort(ends.client);
  EXPECT_TRUE(Eventually([&] { return port.WasReset(ends.origin); }));
  ASSERT_TRUE(Await(Counter::k_closed_reset, 1));
}

TEST_F(ProxyTest, RefusedUpstreamResetsTheClient) {
  MakeRuntime();
  contract::ClosedTcpPort closed(loop_, Family::kV4);
  engine_ = MakeEngine(closed.address());
  ASSERT_TRUE(engine_->Start().ok());
  Ends& ends = ConnectClient(engine_->addresses()[0]);
  EXPECT_TRUE(ClientSeesReset(ends));
  ASSERT_TRUE(Await(Counter::k_closed_connect_failed, 1));
  EXPECT_EQ(engine_->Metrics()[Counter::k_connect_errors], 1u);
}

// The destination is our own listener: connecting would come back for ever.
TEST_F(ProxyTest, LoopGuardEndsAConnectionToOurselves) {
  MakeRuntime();
  contract::ClosedTcpPort reserved(loop_, Family::kV4);
  const Address own = reserved.address();
  reserved.Release();
  options_.listen = {own};
  engine_ = MakeEngine(own);
  ASSERT_TRUE(engine_->Start().ok());
  Ends& ends = ConnectClient(own);
  EXPECT_TRUE(ClientSeesReset(ends));
  ASSERT_TRUE(Await(Counter::k_closed_loop_guard, 1));
  EXPECT_EQ(engine_->Metrics()[Counter::k_accepted], 1u);
}

TEST_F(ProxyTest, IdleFlowEndsAtItsTimeout) {
  options_.policy.idle_timeout = 100 * kMillisecond;
  StartProxy();
  Connect();
  ASSERT_TRUE(Await(Counter::k_closed_idle, 1));
}

// Without a timeout of its own a half-closed pair lives as long as an idle one: an hour.
TEST_F(ProxyTest, HalfClosedFlowHasItsOwnTimeout) {
  options_.policy.half_closed_timeout = 100 * kMillisecond;
  StartProxy();
  Ends& ends = Connect();
  ASSERT_TRUE(loop_.port().ShutdownSend(ends.client).ok());
  ASSERT_TRUE(Await(Counter::k_closed_half_closed, 1));
  EXPECT_EQ(engine_->Metrics()[Counter::k_closed_idle], 0u);
}

// A reader that does not read must stop the sender, not fill the slab: one flow may hold its queue
// and the chunks of one receive.
TEST_F(ProxyTest, SlowReaderStopsTheSenderAndLosesNothing) {
  options_.policy.queue_high = 64 * 1024;
  StartProxy();
  Ends& ends = Connect();
  io::Port& port = loop_.port();
  const std::uint64_t total = 64 * kMebibyte;
  contract::StreamSender sender(3, total, kMebibyte);
  sender.Start(port, ends.client);
  loop_.Settle();
  EXPECT_FALSE(sender.done());
  runtime_->worker(0).Call([&] {
    const memory::Slab& slab = runtime_->worker(0).slab();
    EXPECT_LE(std::uint64_t{slab.used()} * slab.chunk_bytes(),
              options_.policy.queue_high + 2 * io::RecvOp::kBuffersMax * slab.chunk_bytes());
  });
  contract::StreamReader reader(3, kMebibyte);
  reader.Start(port, ends.origin);
  ASSERT_TRUE(loop_.RunUntil([&] { return sender.done(); }));
  ASSERT_TRUE(port.ShutdownSend(ends.client).ok());
  ASSERT_TRUE(loop_.RunUntil([&] { return reader.ended(); }));
  EXPECT_TRUE(reader.intact());
  EXPECT_EQ(reader.received(), total);
}

// More flows than chunks: each gets its turn, none is lost.
TEST_F(ProxyTest, EmptySlabDelaysFlowsAndEndsNone) {
  slab_ = memory::SlabOptions{4096, 4};
  options_.policy.queue_high = 8192;
  options_.policy.splice = false;
  StartProxy();
  constexpr std::size_t kFlows = 12;
  std::vector<std::unique_ptr<contract::StreamSender>> senders;
  std::vector<std::unique_ptr<contract::StreamReader>> readers;
  for (std::size_t i = 0; i < kFlows; ++i) {
    Ends& ends = Connect();
    senders.push_back(std::make_unique<contract::StreamSender>(i, 300000, 20000));
    readers.push_back(std::make_unique<contract::StreamReader>(i, 50000));
    readers.back()->Start(loop_.port(), ends.origin);
    senders.back()->Start(loop_.port(), ends.client);
  }
  const auto all_sent = [&] {
    for (const auto& sender : senders) {
      if (!sender->done()) return false;
    }
    return true;
  };
  ASSERT_TRUE(loop_.RunUntil(all_sent));
  for (const auto& ends : ends_) ASSERT_TRUE(loop_.port().ShutdownSend(ends->client).ok());
  for (const auto& reader : readers) {
    ASSERT_TRUE(loop_.RunUntil([&] { return reader->ended(); }));
    EXPECT_TRUE(reader->intact());
    EXPECT_EQ(reader->received(), 300000u);
  }
  EXPECT_GT(engine_->Metrics()[Counter::k_starved], 0u);
}

// Readers that never read hold all chunks while one more flow waits for one: of those that hold
// some, one is reset, and then nobody waits any more.
TEST_F(ProxyTest, WhoHoldsMemoryThatOthersWaitForIsReset) {
  slab_ = memory::SlabOptions{4096, 2};
  stall_timeout_ = 200 * kMillisecond;
  options_.policy.splice = false;
  StartProxy();
  std::vector<std::unique_ptr<contract::StreamSender>> senders;
  for (std::uint64_t i = 0; i < 3; ++i) {
    // More than the sockets of both legs take; a queue may grow to what is left, so to one chunk.
    senders.push_back(std::make_unique<contract::StreamSender>(i, 64u << 20, 1u << 20));
    senders.back()->Start(loop_.port(), Connect().client);
  }
  ASSERT_TRUE(Await(Counter::k_closed_stalled, 1));
  const auto failed = [&] {
    return std::count_if(senders.begin(), senders.end(), [](const auto& s) { return s->failed(); });
  };
  EXPECT_TRUE(Eventually([&] { return failed() == 1 && runtime_->Live().chunks == 2; }));
  EXPECT_EQ(engine_->Metrics()[Counter::k_closed_stalled], 1u);
  for (const auto& ends : ends_) contract::CloseNow(loop_, loop_.port(), ends->client);
}

// An idle flow holds no chunk, and wakes when data comes.
TEST_F(ProxyTest, QuietFlowHoldsNoChunk) {
  options_.policy.quiet_after = 20 * kMillisecond;
  StartProxy();
  Ends& ends = Connect();
  ASSERT_TRUE(Eventually([&] { return runtime_->Live().chunks == 0; }));
  char buffer[16] = {};
  ASSERT_TRUE(SendAll(loop_, loop_.port(), ends.client, "wake", 4).ok());
  ASSERT_EQ(ReceiveOnce(loop_, loop_.port(), ends.origin, buffer, sizeof buffer).bytes, 4u);
  ASSERT_TRUE(Eventually([&] { return runtime_->Live().chunks == 0; }));
  ASSERT_TRUE(SendAll(loop_, loop_.port(), ends.origin, "again", 5).ok());
  ASSERT_EQ(ReceiveOnce(loop_, loop_.port(), ends.client, buffer, sizeof buffer).bytes, 5u);
}

class DropDown final : public Inspector {
 public:
  Verdict OnData(InspectedFlow&, Direction direction, Bytes& data, DataCall&) override {
    if (direction == Direction::kDown) return Verdict::kDrop;
    return data.size() == 5 ? Verdict::kReset : Verdict::kPass;
  }
};

TEST_F(ProxyTest, InspectorPassesDropsAndResets) {
  DropDown inspector;
  options_.inspector = &inspector;
  StartProxy();
  Ends& ends = Connect();
  io::Port& port = loop_.port();
  char buffer[16] = {};
  ASSERT_TRUE(SendAll(loop_, port, ends.client, "pass", 4).ok());
  ASSERT_EQ(ReceiveOnce(loop_, port, ends.origin, buffer, sizeof buffer).bytes, 4u);
  ASSERT_TRUE(SendAll(loop_, port, ends.origin, "dropped", 7).ok());
  ASSERT_TRUE(SendAll(loop_, port, ends.client, "reset", 5).ok());
  EXPECT_TRUE(ClientSeesReset(ends));
  ASSERT_TRUE(Await(Counter::k_closed_inspector, 1));
  EXPECT_EQ(engine_->Metrics()[Counter::k_bytes_down], 0u);
}

}  // namespace
}  // namespace sluice::runtime
