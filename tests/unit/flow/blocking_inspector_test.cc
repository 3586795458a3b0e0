// SPDX-License-Identifier: Apache-2.0
//
// Inspectors that block, through a whole engine: no flow waits but their own.
#include "sluice/blocking_inspector.h"

#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>

#include "engine/base/mutex.h"
#include "tests/unit/runtime/proxy_fixture.h"

namespace sluice::runtime {
namespace {

using contract::ReceiveOnce;
using contract::SendAll;
using metrics::Counter;

// Does what the test wrote down; a call whose bytes begin with "block" waits for the gate.
class Handler final : public BlockingHandler {
 public:
  std::function<Verdict(BlockingFlow&, const BlockingOpen&, Answer*)> on_open;
  std::function<Verdict(BlockingFlow&, const BlockingData&, Answer*)> on_data;

  const char* name() const override { return "blocker"; }
  Verdict OnOpen(BlockingFlow& flow, const BlockingOpen& open, Answer* answer) override {
    Enter(flow);
    const Verdict verdict = on_open ? on_open(flow, open, answer) : Verdict::kPass;
    Leave(flow);
    return verdict;
  }
  Verdict OnData(BlockingFlow& flow, const BlockingData& data, Answer* answer) override {
    Enter(flow);
    if (data.bytes.substr(0, 5) == "block") WaitForGate();
    Verdict verdict = Verdict::kPass;
    try {
      if (on_data) verdict = on_data(flow, data, answer);
    } catch (...) {
      Leave(flow);
      throw;
    }
    Leave(flow);
    return verdict;
  }
  void OnEnd(BlockingFlow& flow) override {
    Enter(flow);
    const MutexLock lock(mutex_);
    ++ends_;
    EXPECT_TRUE(ended_.insert({flow.id, true}).second) << "twice";
    running_.erase(flow.id);
  }

  void OpenGate() {
    const MutexLock lock(mutex_);
    open_ = true;
    opened_.notify_all();
  }
  int blocked() {
    const MutexLock lock(mutex_);
    return blocked_;
  }
  int ends() {
    const MutexLock lock(mutex_);
    return ends_;
  }

 private:
  // One at a time for each flow, and none after its end.
  void Enter(BlockingFlow& flow) {
    const MutexLock lock(mutex_);
    EXPECT_FALSE(running_[flow.id]);
    EXPECT_EQ(ended_.count(flow.id), 0u);
    running_[flow.id] = true;
  }
  void Leave(BlockingFlow& flow) {
    const MutexLock lock(mutex_);
    running_[flow.id] = false;
  }
  void WaitForGate() {
    const MutexLock lock(mutex_);
    ++blocked_;
    while (!open_) opened_.wait(mutex_);
    --blocked_;
  }

  Mutex mutex_;
  Condition opened_;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
  int blocked_ ABSL_GUARDED_BY(mutex_) = 0;
  int ends_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::uint64_t, bool> running_ ABSL_GUARDED_BY(mutex_);
  std::map<std::uint64_t, bool> ended_ ABSL_GUARDED_BY(mutex_);
};

class BlockingInspectorTest : public ProxyTest {
 protected:
  void SetUp() override {
    ProxyTest::SetUp();
    options_.policy.pending_timeout = 3600 * kSecond;
    options_.policy.more_timeout = 3600 * kSecond;
    blocking_.threads = 2;
    blocking_.ask_open = false;
  }
  // A failed test must not hang: the engine first, then the threads.
  void TearDown() override {
    handler_.OpenGate();
    ProxyTest::TearDown();
    inspector_.reset();
  }

  void StartBlocking(int workers = 1) {
    inspector_ = std::make_unique<BlockingInspector>(handler_, blocking_);
    options_.inspector = inspector_.get();
    StartProxy(workers);
  }
  void Send(io::Socket& socket, const std::string& text) {
    ASSERT_TRUE(SendAll(loop_, loop_.port(), socket, text.data(), text.size()).ok());
  }
  std::string Receive(io::Socket& socket) {
    char buffer[256] = {};
    const Outcome outcome = ReceiveOnce(loop_, loop_.port(), socket, buffer, sizeof buffer);
    return outcome.ok() ? std::string(buffer, outcome.bytes) : outcome.error.ToString();
  }
  // A flow whose call blocks.
  Ends& Block(int count) {
    Ends& ends = Connect();
    Send(ends.client, "block");
    EXPECT_TRUE(Eventually([&] { return handler_.blocked() == count; }));
    return ends;
  }
  [[nodiscard]] bool AwaitWaiting(std::size_t count) {
    return Eventually([&] { return inspector_->stats().waiting == count; });
  }

  Handler handler_;
  BlockingOptions blocking_;
  std::unique_ptr<BlockingInspector> inspector_;
};

TEST_F(BlockingInspectorTest, VerdictsComeFromItsThreads) {
  blocking_.ask_open = true;
  std::atomic<std::uint64_t> client_port{0};
  handler_.on_open = [&](BlockingFlow& flow, const BlockingOpen& open, Answer* answer) {
    EXPECT_FALSE(open.redirected);
    EXPECT_EQ(flow.destination, Address::Loopback(Family::kV4, 1));
    client_port = flow.client.tcp_port();
    flow.user = this;
    answer->destination = origin_listener_.local();
    return Verdict::kPass;
  };
  handler_.on_data = [&](BlockingFlow& flow, const BlockingData& data, Answer* answer) {
    EXPECT_EQ(flow.user, this);
    EXPECT_EQ(flow.destination, origin_listener_.local());
    if (data.direction == Direction::kDown) return Verdict::kPass;
    EXPECT_EQ(data.bytes, "question");
    answer->replacement = "other";
    answer->inject_down = "wait: ";
    return Verdict::kReplace;
  };
  inspector_ = std::make_unique<BlockingInspector>(handler_, blocking_);
  options_.inspector = inspector_.get();
  MakeRuntime();
  engine_ = MakeEngine(Address::Loopback(Family::kV4, 1));
  ASSERT_TRUE(engine_->Start().ok());
  Ends& ends = Connect();
  Send(ends.client, "question");
  EXPECT_EQ(Receive(ends.origin), "other");
  EXPECT_EQ(Receive(ends.client), "wait: ");
  Send(ends.origin, "answer");
  EXPECT_EQ(Receive(ends.client), "answer");
  EXPECT_NE(client_port.load(), 0u);
  engine_->Stop(0);
  ASSERT_TRUE(Eventually([&] { return handler_.ends() == 1; }));
  const BlockingStats stats = inspector_->stats();
  EXPECT_EQ(stats.calls, 3u);
  EXPECT_EQ(stats.bytes_copied, 14u);
  EXPECT_GT(stats.longest_ns, 0);
  EXPECT_EQ(engine_->Metrics()[Counter::k_pended], 3u);
}

TEST_F(BlockingInspectorTest, MoreGathersBytes) {
  handler_.on_data = [](BlockingFlow&, const BlockingData& data, Answer*) {
    return data.bytes.size() < 6 && !data.must_decide ? Verdict::kMore : Verdict::kPass;
  };
  StartBlocking();
  Ends& ends = Connect();
  for (const char* part : {"ab", "cd", "ef"}) {
    const std::uint64_t before = inspector_->stats().calls;
    Send(ends.client, part);
    ASSERT_TRUE(Eventually([&] { return inspector_->stats().calls == before + 1; }));
  }
  EXPECT_EQ(Receive(ends.origin), "abcdef");
  Send(ends.client, "end");
  ASSERT_TRUE(Eventually([&] { return inspector_->stats().calls == 4; }));
  ASSERT_TRUE(loop_.port().ShutdownSend(ends.client).ok());
  EXPECT_EQ(Receive(ends.origin), "end");
  EXPECT_EQ(Receive(ends.origin), "");
}

TEST_F(BlockingInspectorTest, ABlockedCallHoldsUpItsOwnFlowOnly) {
  StartBlocking();
  Ends& blocked = Block(1);
  Ends& other = Connect();
  for (int i = 0; i < 50; ++i) {
    Send(other.client, "question");
    EXPECT_EQ(Receive(other.origin), "question");
  }
  ASSERT_TRUE(Await(Counter::k_bytes_up, 50u * 8));
  EXPECT_EQ(inspector_->stats().running, 1u);
  handler_.OpenGate();
  EXPECT_EQ(Receive(blocked.origin), "block");
}

// Handler checks that; here is much of it.
TEST_F(BlockingInspectorTest, CallsOfOneFlowAreOneAtATimeAndInOrder) {
  blocking_.threads = 4;
  handler_.on_data = [](BlockingFlow&, const BlockingData&, Answer*) {
    std::this_thread::yield();
    return Verdict::kPass;
  };
  StartBlocking(2);
  constexpr std::size_t kFlows = 8;
  const int rounds = contract::Rounds(40);
  for (std::size_t i = 0; i < kFlows; ++i) Connect();
  for (int round = 0; round < rounds; ++round) {
    const std::string text = std::to_string(round);
    for (const auto& ends : ends_) {
      Send(ends->client, text);
      Send(ends->origin, text);
    }
    for (const auto& ends : ends_) {
      EXPECT_EQ(Receive(ends->origin), text);
      EXPECT_EQ(Receive(ends->client), text);
    }
  }
  EXPECT_EQ(inspector_->stats().calls, 2 * kFlows * static_cast<unsigned>(rounds));
  engine_->Stop(0);
  EXPECT_TRUE(Eventually([&] { return handler_.ends() == static_cast<int>(kFlows); }));
  EXPECT_TRUE(Eventually([&] { return inspector_->stats().flows == 0; }));
}

// With the same flow's other direction waiting while one call runs, on a pool with a free thread.
TEST_F(BlockingInspectorTest, TheOtherDirectionWaitsForItsTurn) {
  StartBlocking();
  Ends& ends = Block(1);
  Send(ends.origin, "down");
  ASSERT_TRUE(AwaitWaiting(1));
  loop_.Settle();
  EXPECT_EQ(inspector_->stats().running, 1u);
  handler_.OpenGate();
  EXPECT_EQ(Receive(ends.client), "down");
  EXPECT_EQ(Receive(ends.origin), "block");
}

TEST_F(BlockingInspectorTest, AFullQueueHasItsVerdictAtOnce) {
  blocking_.threads = 1;
  blocking_.queue_max = 1;
  StartBlocking();
  Block(1);
  Ends& waits = Connect();
  Send(waits.client, "waits");
  ASSERT_TRUE(AwaitWaiting(1));
  Ends& refused = Connect();
  Send(refused.client, "refused");
  EXPECT_TRUE(ClientSeesReset(refused));
  EXPECT_EQ(inspector_->stats().overloaded, 1u);
  EXPECT_EQ(engine_->Metrics()[Counter::k_pended], 2u);
  handler_.OpenGate();
  EXPECT_EQ(Receive(waits.origin), "waits");
}

TEST_F(BlockingInspectorTest, OverloadMayPass) {
  blocking_.threads = 1;
  blocking_.queue_bytes_max = 10;
  blocking_.overload = Verdict::kPass;
  StartBlocking();
  Block(1);
  Ends& ends = Connect();
  Send(ends.client, "eleven byte");
  EXPECT_EQ(Receive(ends.origin), "eleven byte");
  EXPECT_EQ(inspector_->stats().overloaded, 1u);
}

TEST_F(BlockingInspectorTest, AnOverloadedOpenIsRefused) {
  blocking_.threads = 1;
  blocking_.queue_max = 1;
  blocking_.ask_open = true;
  StartBlocking();
  Block(1);
  ConnectClient(engine_->addresses()[0]);
  ASSERT_TRUE(AwaitWaiting(1));
  Ends& refused = ConnectClient(engine_->addresses()[0]);
  EXPECT_TRUE(ClientSeesReset(refused));
  ASSERT_TRUE(Await(Counter::k_closed_inspector, 1));
  EXPECT_EQ(handler_.ends(), 0);
  handler_.OpenGate();
  contract::Accept accept;
  loop_.port().Accept(accept, origin_listener_);
  ASSERT_TRUE(loop_.RunUntil([&] { return accept.arrived(); }));
  io::Port::Discard(accept.Take(), loop_.port().platform());
}

TEST_F(BlockingInspectorTest, WhatThrowsGivesTheDefaultVerdict) {
  options_.policy.pending_default = Verdict::kPass;
  handler_.on_data = [](BlockingFlow&, const BlockingData&, Answer* answer) -> Verdict {
    answer->replacement = "half done";
    throw std::runtime_error("of the test");
  };
  StartBlocking();
  Ends& ends = Connect();
  Send(ends.client, "passes");
  EXPECT_EQ(Receive(ends.origin), "passes");
  EXPECT_TRUE(Eventually([&] { return inspector_->stats().threw == 1; }));
  EXPECT_EQ(engine_->Metrics()[Counter::k_pending_expired], 0u);
}

TEST_F(BlockingInspectorTest, WhatIsNotAllowedGivesTheDefaultVerdict) {
  handler_.on_data = [](BlockingFlow&, const BlockingData&, Answer*) { return Verdict::kPend; };
  StartBlocking();
  Ends& ends = Connect();
  Send(ends.client, "question");
  EXPECT_TRUE(ClientSeesReset(ends));
  EXPECT_TRUE(Eventually([&] { return inspector_->stats().bad_verdict == 1; }));
}

TEST_F(BlockingInspectorTest, ALateVerdictIsCounted) {
  options_.policy.pending_timeout = 50 * kMillisecond;
  options_.policy.pending_default = Verdict::kPass;
  StartBlocking();
  Ends& ends = Block(1);
  EXPECT_EQ(Receive(ends.origin), "block");
  EXPECT_EQ(inspector_->stats().late, 0u);
  handler_.OpenGate();
  EXPECT_TRUE(Eventually([&] { return inspector_->stats().late == 1; }));
}

TEST_F(BlockingInspectorTest, SlowCallsAreCounted) {
  blocking_.slow_after_ns = 1;
  StartBlocking();
  Ends& ends = Connect();
  Send(ends.client, "question");
  EXPECT_EQ(Receive(ends.origin), "question");
  EXPECT_TRUE(Eventually([&] { return inspector_->stats().slow == 1; }));
}

TEST_F(BlockingInspectorTest, OneDirectionOnly) {
  blocking_.look_down = false;
  StartBlocking();
  Ends& ends = Connect();
  Send(ends.origin, "down");
  EXPECT_EQ(Receive(ends.client), "down");
  Send(ends.client, "up");
  EXPECT_EQ(Receive(ends.origin), "up");
  EXPECT_EQ(inspector_->stats().calls, 1u);
}

// While one call blocks and one waits: that one has the default verdict at once, and Stop waits for
// the other.
TEST_F(BlockingInspectorTest, StopGivesUpWhatWaits) {
  blocking_.threads = 1;
  options_.policy.pending_default = Verdict::kPass;
  StartBlocking();
  Ends& blocked = Block(1);
  Ends& waits = Connect();
  Send(waits.client, "waits");
  ASSERT_TRUE(AwaitWaiting(1));
  std::atomic<bool> stopped{false};
  std::thread stopping([&] {
    inspector_->Stop();
    stopped.store(true);
  });
  EXPECT_EQ(Receive(waits.origin), "waits");
  EXPECT_EQ(inspector_->stats().abandoned, 1u);
  EXPECT_FALSE(stopped.load());
  // The engine goes on, and does not ask any more.
  Send(waits.client, "refused");
  EXPECT_TRUE(ClientSeesReset(waits));
  handler_.OpenGate();
  EXPECT_EQ(Receive(blocked.origin), "block");
  stopping.join();
  EXPECT_EQ(inspector_->stats().calls, 1u);
  EXPECT_EQ(handler_.ends(), 1) << "of the only one that was called for";
  inspector_->Stop();
}

// The engine has gone when its calls end, and when they begin.
TEST_F(BlockingInspectorTest, OutlivesItsEngineWithCallsUnderWay) {
  blocking_.threads = 1;
  StartBlocking(2);
  Block(1);
  Ends& waits = Connect();
  Send(waits.client, "waits");
  ASSERT_TRUE(AwaitWaiting(1));
  engine_->Stop(0);
  engine_.reset();
  EXPECT_EQ(inspector_->stats().abandoned, 1u);
  EXPECT_EQ(inspector_->stats().flows, 1u);
  handler_.OpenGate();
  EXPECT_TRUE(Eventually([&] { return handler_.ends() == 1; }));
  inspector_.reset();
}

TEST_F(BlockingInspectorTest, IsDestroyedWhileACallIsUnderWay) {
  StartBlocking();
  Block(1);
  engine_->Stop(0);
  engine_.reset();
  std::thread opening([&] { handler_.OpenGate(); });
  inspector_.reset();
  opening.join();
  EXPECT_EQ(handler_.ends(), 1);
}

// Flows that end, engines that end and a pool that stops, all at once.
TEST_F(BlockingInspectorTest, StopRacesWithFlowsThatEnd) {
  MakeRuntime(2);
  const int rounds = contract::Rounds(40);
  for (int round = 0; round < rounds; ++round) {
    Handler handler;
    BlockingInspector inspector(handler, blocking_);
    options_.inspector = &inspector;
    engine_ = MakeEngine(origin_listener_.local());
    ASSERT_TRUE(engine_->Start().ok());
    for (int i = 0; i < 4; ++i) {
      Ends& ends = Connect();
      Send(ends.client, "question");
      Send(ends.origin, "answer");
    }
    std::thread stopping([&] {
      for (int i = 0; i < round; ++i) std::this_thread::yield();
      inspector.Stop();
    });
    for (std::size_t i = ends_.size() - 4; i < ends_.size(); ++i) {
      loop_.port().Abort(ends_[i]->client);
    }
    engine_->Stop(0);
    engine_.reset();
    stopping.join();
    EXPECT_EQ(inspector.stats().flows, 0u);
    EXPECT_EQ(inspector.stats().waiting, 0u);
  }
}

}  // namespace
}  // namespace sluice::runtime
