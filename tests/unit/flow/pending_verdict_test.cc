// SPDX-License-Identifier: Apache-2.0
//
// Verdicts that come later, through a whole engine: what waits for them, and what happens when they
// do not come.
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/base/mutex.h"
#include "tests/contract/stream.h"
#include "tests/unit/runtime/proxy_fixture.h"

namespace sluice::runtime {
namespace {

using contract::ReceiveOnce;
using contract::SendAll;
using metrics::Counter;

// Wants to think about everything that goes up; the test has the tokens.
class Thinker final : public Inspector {
 public:
  enum class Mode { kPass, kKeep, kDrop, kAnswerAtOnce, kWithoutToken, kTakeButPass };

  Verdict OnData(InspectedFlow&, Direction direction, Bytes& data, DataCall& call) override {
    if (direction == Direction::kDown) return Verdict::kPass;
    const MutexLock lock(mutex_);
    ++asked_;
    bytes_ += data.size();
    if (mode_ == Mode::kPass) return Verdict::kPass;
    if (mode_ == Mode::kWithoutToken) return Verdict::kPend;
    Pending token = call.TakeLater();
    if (mode_ == Mode::kAnswerAtOnce) {
      EXPECT_TRUE(token.Resolve(Verdict::kPass));
    }
    if (mode_ == Mode::kKeep || mode_ == Mode::kTakeButPass) tokens_.push_back(std::move(token));
    return mode_ == Mode::kTakeButPass ? Verdict::kPass : Verdict::kPend;
  }

  void set_mode(Mode mode) {
    const MutexLock lock(mutex_);
    mode_ = mode;
  }
  int asked() {
    const MutexLock lock(mutex_);
    return asked_;
  }
  std::uint64_t bytes() {
    const MutexLock lock(mutex_);
    return bytes_;
  }
  // The oldest one; empty when there is none.
  Pending TakeToken() {
    const MutexLock lock(mutex_);
    if (tokens_.empty()) return Pending();
    Pending token = std::move(tokens_.front());
    tokens_.erase(tokens_.begin());
    return token;
  }

 private:
  Mutex mutex_;
  Mode mode_ ABSL_GUARDED_BY(mutex_) = Mode::kKeep;
  int asked_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<Pending> tokens_ ABSL_GUARDED_BY(mutex_);
};

class PendingVerdictTest : public ProxyTest {
 protected:
  void SetUp() override {
    ProxyTest::SetUp();
    options_.inspector = &thinker_;
    // Only tests of the deadline want to see it.
    options_.policy.pending_timeout = 3600 * kSecond;
  }

  void Send(Ends& ends, const std::string& text) {
    ASSERT_TRUE(SendAll(loop_, loop_.port(), ends.client, text.data(), text.size()).ok());
  }
  // A client whose bytes wait for a verdict.
  Ends& ConnectAndPend(const std::string& text = "held") {
    const std::uint64_t before = engine_->Metrics()[Counter::k_pended];
    Ends& ends = Connect();
    Send(ends, text);
    EXPECT_TRUE(Await(Counter::k_pended, before + 1));
    return ends;
  }
  std::string Receive(io::Socket& socket) {
    char buffer[64] = {};
    const Outcome outcome = ReceiveOnce(loop_, loop_.port(), socket, buffer, sizeof buffer);
    return outcome.ok() ? std::string(buffer, outcome.bytes) : outcome.error.ToString();
  }

  Thinker thinker_;
};

TEST_F(PendingVerdictTest, BytesWaitForTheVerdictAndPass) {
  StartProxy();
  Ends& ends = ConnectAndPend();
  const contract::IoBuffer buffer{&ends.origin_byte, 1};
  loop_.port().Recv(ends.origin_recv, ends.origin, absl::MakeConstSpan(&buffer, 1));
  loop_.Settle();
  EXPECT_FALSE(ends.origin_recv.arrived());
  EXPECT_EQ(runtime_->Live().verdicts, 1u);
  EXPECT_TRUE(thinker_.TakeToken().Resolve(Verdict::kPass));
  ASSERT_TRUE(loop_.RunUntil([&] { return ends.origin_recv.arrived(); }));
  EXPECT_EQ(ends.origin_byte, 'h');
  EXPECT_EQ(Receive(ends.origin), "eld");
  EXPECT_EQ(runtime_->Live().verdicts, 0u);
}

TEST_F(PendingVerdictTest, TheOtherDirectionGoesOnMeanwhile) {
  StartProxy();
  Ends& ends = ConnectAndPend();
  ASSERT_TRUE(SendAll(loop_, loop_.port(), ends.origin, "down", 4).ok());
  EXPECT_EQ(Receive(ends.client), "down");
  EXPECT_EQ(engine_->Metrics()[Counter::k_bytes_up], 0u);
}

TEST_F(PendingVerdictTest, DroppedBytesAreForgottenAndTheFlowGoesOn) {
  StartProxy();
  Ends& ends = ConnectAndPend();
  EXPECT_TRUE(thinker_.TakeToken().Resolve(Verdict::kDrop));
  Send(ends, "next");
  ASSERT_TRUE(Await(Counter::k_pended, 2));
  EXPECT_TRUE(thinker_.TakeToken().Resolve(Verdict::kPass));
  EXPECT_EQ(Receive(ends.origin), "next");
}

TEST_F(PendingVerdictTest, AResetEndsTheFlow) {
  StartProxy();
  Ends& ends = ConnectAndPend();
  EXPECT_TRUE(thinker_.TakeToken().Resolve(Verdict::kReset));
  EXPECT_TRUE(ClientSeesReset(ends));
  ASSERT_TRUE(Await(Counter::k_closed_inspector, 1));
  EXPECT_EQ(engine_->Metrics()[Counter::k_bytes_up], 0u);
}

TEST_F(PendingVerdictTest, TheFinWaitsBehindHeldBytes) {
  StartProxy();
  Ends& ends = ConnectAndPend();
  ASSERT_TRUE(loop_.port().ShutdownSend(ends.client).ok());
  loop_.Settle();
  EXPECT_TRUE(thinker_.TakeToken().Resolve(Verdict::kPass));
  EXPECT_EQ(Receive(ends.origin), "held");
  EXPECT_EQ(Receive(ends.origin), "");
}

// A pended direction reads nothing: the peer's window fills, not our memory.
TEST_F(PendingVerdictTest, NothingIsReceivedWhileAVerdictIsPending) {
  StartProxy();
  Ends& ends = Connect();
  contract::StreamSender sender(5, std::uint64_t{64} << 20, 1 << 20);
  sender.Start(loop_.port(), ends.client);
  ASSERT_TRUE(Await(Counter::k_pended, 1));
  loop_.Settle();
  EXPECT_EQ(thinker_.asked(), 1);
  EXPECT_FALSE(sender.done());
  EXPECT_LE(runtime_->Live().chunks, 2 * io::RecvOp::kBuffersMax);
  thinker_.set_mode(Thinker::Mode::kAnswerAtOnce);
  EXPECT_TRUE(thinker_.TakeToken().Resolve(Verdict::kPass));
  contract::StreamReader reader(5, 1 << 20);
  reader.Start(loop_.port(), ends.origin);
  ASSERT_TRUE(loop_.RunUntil([&] { return sender.done(); }));
  ASSERT_TRUE(loop_.port().ShutdownSend(ends.client).ok());
  ASSERT_TRUE(loop_.RunUntil([&] { return reader.ended(); }));
  EXPECT_TRUE(reader.intact());
  EXPECT_EQ(reader.received(), std::uint64_t{64} << 20);
}

TEST_F(PendingVerdictTest, AnAnswerBeforeOnDataReturnedCounts) {
  thinker_.set_mode(Thinker::Mode::kAnswerAtOnce);
  StartProxy();
  Ends& ends = Connect();
  Send(ends, "quick");
  EXPECT_EQ(Receive(ends.origin), "quick");
  EXPECT_EQ(engine_->Metrics()[Counter::k_pended], 1u);
}

TEST_F(PendingVerdictTest, AMissedDeadlineIsTheDefaultVerdict) {
  options_.policy.pending_timeout = 50 * kMillisecond;
  StartProxy();
  Ends& ends = ConnectAndPend();
  EXPECT_TRUE(ClientSeesReset(ends));
  ASSERT_TRUE(Await(Counter::k_closed_inspector, 1));
  EXPECT_EQ(engine_->Metrics()[Counter::k_pending_expired], 1u);
  EXPECT_FALSE(thinker_.TakeToken().Resolve(Verdict::kPass));
}

// The second flow began to wait when the timer ran for the first one already.
TEST_F(PendingVerdictTest, EveryFlowHasItsOwnDeadline) {
  options_.policy.pending_timeout = 50 * kMillisecond;
  options_.policy.pending_default = Verdict::kPass;
  StartProxy();
  Ends& first = ConnectAndPend("first");
  Ends& second = ConnectAndPend("second");
  EXPECT_EQ(Receive(first.origin), "first");
  EXPECT_EQ(Receive(second.origin), "second");
  EXPECT_EQ(engine_->Metrics()[Counter::k_pending_expired], 2u);
}

TEST_F(PendingVerdictTest, ADroppedTokenIsTheDefaultVerdictAtOnce) {
  thinker_.set_mode(Thinker::Mode::kDrop);
  StartProxy();
  Ends& ends = ConnectAndPend();
  EXPECT_TRUE(ClientSeesReset(ends));
  EXPECT_EQ(engine_->Metrics()[Counter::k_pending_expired], 0u);
}

TEST_F(PendingVerdictTest, AFullDeskIsTheDefaultVerdictAtOnce) {
  options_.policy.pending_max = 2;
  StartProxy();
  ConnectAndPend();
  ConnectAndPend();
  Ends& refused = Connect();
  Send(refused, "one too many");
  EXPECT_TRUE(ClientSeesReset(refused));
  EXPECT_EQ(engine_->Metrics()[Counter::k_refused_pending], 1u);
  EXPECT_EQ(engine_->Metrics()[Counter::k_pended], 2u);
  EXPECT_EQ(runtime_->Live().verdicts, 2u);
}

TEST_F(PendingVerdictTest, PendingWithoutATokenIsTheDefaultVerdict) {
  thinker_.set_mode(Thinker::Mode::kWithoutToken);
  options_.policy.pending_default = Verdict::kPass;
  StartProxy();
  Ends& ends = Connect();
  Send(ends, "passes");
  EXPECT_EQ(Receive(ends.origin), "passes");
  EXPECT_EQ(engine_->Metrics()[Counter::k_refused_pending], 1u);
}

TEST_F(PendingVerdictTest, ATokenNobodyWaitsForIsStale) {
  thinker_.set_mode(Thinker::Mode::kTakeButPass);
  StartProxy();
  Ends& ends = Connect();
  Send(ends, "passes");
  EXPECT_EQ(Receive(ends.origin), "passes");
  EXPECT_FALSE(thinker_.TakeToken().Resolve(Verdict::kReset));
  EXPECT_EQ(runtime_->Live().verdicts, 0u);
}

TEST_F(PendingVerdictTest, AFlowThatEndsWithdraws) {
  StartProxy();
  Ends& ends = ConnectAndPend();
  loop_.port().Abort(ends.origin);
  ASSERT_TRUE(Await(Counter::k_closed_reset, 1));
  EXPECT_EQ(runtime_->Live().verdicts, 0u);
  EXPECT_FALSE(thinker_.TakeToken().Resolve(Verdict::kPass));
}

// What the client said before its reset still reaches the origin, once it may.
TEST_F(PendingVerdictTest, HeldBytesAreHandedOnBeforeAReset) {
  options_.policy.linger_timeout = 3600 * kSecond;
  StartProxy();
  Ends& ends = ConnectAndPend();
  loop_.port().Abort(ends.client);
  // No receive waits on the client's side; sending to it tells.
  ASSERT_TRUE(SendAll(loop_, loop_.port(), ends.origin, "answer", 6).ok());
  loop_.Settle();
  EXPECT_EQ(engine_->flows(), 1u);
  EXPECT_TRUE(thinker_.TakeToken().Resolve(Verdict::kPass));
  EXPECT_EQ(Receive(ends.origin), "held");
  ASSERT_TRUE(Await(Counter::k_closed_reset, 1));
}

// The same with bytes before the held ones that are still being sent: their end is not the end.
TEST_F(PendingVerdictTest, AResetWaitsForHeldBytesBehindAQueue) {
  constexpr std::uint64_t kBytes = std::uint64_t{24} << 20;
  options_.policy.linger_timeout = 3600 * kSecond;
  options_.policy.queue_high = 2 * kBytes;
  thinker_.set_mode(Thinker::Mode::kPass);
  StartProxy();
  Ends& ends = Connect();
  contract::StreamSender sender(6, kBytes, 1 << 20);
  sender.Start(loop_.port(), ends.client);
  ASSERT_TRUE(loop_.RunUntil([&] { return sender.done(); }));
  ASSERT_TRUE(Eventually([&] { return thinker_.bytes() == kBytes; }));
  thinker_.set_mode(Thinker::Mode::kKeep);
  Send(ends, "held");
  ASSERT_TRUE(Await(Counter::k_pended, 1));
  ASSERT_LT(engine_->Metrics()[Counter::k_bytes_up], kBytes) << "all was sent at once";
  loop_.port().Abort(ends.client);
  ASSERT_TRUE(SendAll(loop_, loop_.port(), ends.origin, "answer", 6).ok());
  std::vector<char> buffer(1 << 20);
  for (std::uint64_t received = 0; received < kBytes;) {
    const Outcome outcome =
        ReceiveOnce(loop_, loop_.port(), ends.origin, buffer.data(), buffer.size());
    ASSERT_TRUE(outcome.ok() && outcome.bytes > 0) << "after " << received;
    received += outcome.bytes;
  }
  loop_.Settle();
  EXPECT_TRUE(thinker_.TakeToken().Resolve(Verdict::kPass));
  EXPECT_EQ(Receive(ends.origin), "held");
  ASSERT_TRUE(Await(Counter::k_closed_reset, 1));
}

TEST_F(PendingVerdictTest, AnEngineStopsWhileVerdictsArePending) {
  StartProxy(2);
  for (int i = 0; i < 4; ++i) ConnectAndPend();
  // Answered, but perhaps not taken yet when the engine stops.
  thinker_.TakeToken().Resolve(Verdict::kPass);
  engine_->Stop(0);
  EXPECT_EQ(runtime_->Live().verdicts, 0u);
  Pending second = thinker_.TakeToken();
  EXPECT_FALSE(second.Resolve(Verdict::kPass));
  engine_.reset();
  EXPECT_FALSE(thinker_.TakeToken().Resolve(Verdict::kPass));
}

// Many flows, answered by another thread while the engine's own goes on.
TEST_F(PendingVerdictTest, VerdictsOfAnotherThreadReachTheirFlows) {
  StartProxy(2);
  constexpr std::size_t kFlows = 24;
  constexpr int kPieces = 20;
  for (std::size_t i = 0; i < kFlows; ++i) Connect();
  std::atomic<bool> stop{false};
  std::thread answering([&] {
    while (!stop.load()) {
      Pending token = thinker_.TakeToken();
      const bool had = static_cast<bool>(token);
      EXPECT_EQ(token.Resolve(Verdict::kPass), had);
      if (!had) std::this_thread::yield();
    }
  });
  for (int piece = 0; piece < kPieces; ++piece) {
    for (const auto& ends : ends_) Send(*ends, "0123456789");
    for (const auto& ends : ends_) EXPECT_EQ(Receive(ends->origin), "0123456789");
  }
  stop.store(true);
  answering.join();
  EXPECT_EQ(engine_->Metrics()[Counter::k_pended], kFlows * kPieces);
}

// An answer may come between the end of a flow and its last outcome.
TEST_F(PendingVerdictTest, AnswersRaceWithFlowsThatEnd) {
  MakeRuntime();
  const int rounds = contract::Rounds(60);
  for (int round = 0; round < rounds; ++round) {
    engine_ = MakeEngine(origin_listener_.local());
    ASSERT_TRUE(engine_->Start().ok());
    std::vector<Pending> tokens;
    for (int i = 0; i < 8; ++i) {
      ConnectAndPend();
      tokens.push_back(thinker_.TakeToken());
    }
    std::thread answering([&] {
      for (Pending& token : tokens) {
        token.Resolve(Verdict::kPass);
        for (int i = 0; i < round; ++i) std::this_thread::yield();
      }
    });
    engine_->Stop(0);
    answering.join();
    EXPECT_EQ(runtime_->Live().verdicts, 0u);
  }
}

}  // namespace
}  // namespace sluice::runtime
