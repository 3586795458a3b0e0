// SPDX-License-Identifier: Apache-2.0
//
// What an inspector says of a connection before it is connected; what it says later; rates.
#include <stdexcept>
#include <string>

#include "engine/base/mutex.h"
#include "tests/unit/flow/inspection_fixture.h"

namespace sluice::runtime {
namespace {

using metrics::Counter;

class OpenTest : public InspectionTest {
 protected:
  // Pends every connection; the test has the token.
  void PendOpening() {
    inspector_.on_open = [this](InspectedFlow&, OpenCall& call) {
      inspector_.Keep(call.TakeLater());
      return Verdict::kPend;
    };
  }
  // Pends all that goes up.
  void PendData() {
    inspector_.on_data = [this](Direction direction, Bytes&, DataCall& call) {
      if (direction == Direction::kDown) return Verdict::kPass;
      inspector_.Keep(call.TakeLater());
      return Verdict::kPend;
    };
  }
  Ends& ConnectAndPend() {
    StartProxy();
    Ends& ends = Connect();
    Send(ends.client, "held");
    EXPECT_TRUE(Await(Counter::k_pended, 1));
    return ends;
  }
};

TEST_F(OpenTest, TellsWhereTheConnectionWasGoing) {
  Mutex mutex;
  Address client;
  Address destination;
  inspector_.on_open = [&](InspectedFlow& flow, OpenCall& call) {
    const MutexLock lock(mutex);
    client = flow.client;
    destination = flow.destination;
    EXPECT_EQ(call.info().pid, 0u);
    EXPECT_FALSE(call.info().redirected);
    return Verdict::kPass;
  };
  StartProxy();
  Ends& ends = Connect();
  Send(ends.client, "x");
  EXPECT_EQ(Receive(ends.origin), "x");
  const MutexLock lock(mutex);
  EXPECT_EQ(client, ends.client.local());
  EXPECT_EQ(destination, origin_listener_.local());
}

TEST_F(OpenTest, AResetComesBeforeTheOriginHearsOfIt) {
  inspector_.on_open = [](InspectedFlow&, OpenCall&) { return Verdict::kReset; };
  StartProxy();
  EXPECT_TRUE(ClientSeesReset(ConnectClient(engine_->addresses()[0])));
  ASSERT_TRUE(Await(Counter::k_closed_inspector, 1));
  EXPECT_EQ(Count(Counter::k_connected), 0u);
  EXPECT_EQ(inspector_.ended(), 1);
}

TEST_F(OpenTest, CloseIsAFin) {
  inspector_.on_open = [](InspectedFlow&, OpenCall&) { return Verdict::kClose; };
  StartProxy();
  Ends& ends = ConnectClient(engine_->addresses()[0]);
  EXPECT_EQ(Receive(ends.client), "");
  ASSERT_TRUE(Await(Counter::k_closed_inspector, 1));
}

TEST_F(OpenTest, DetachedAtOnceIsNeverAskedAbout) {
  inspector_.on_open = [](InspectedFlow&, OpenCall&) { return Verdict::kDetach; };
  StartProxy();
  Ends& ends = Connect();
  Send(ends.client, "x");
  EXPECT_EQ(Receive(ends.origin), "x");
  EXPECT_EQ(inspector_.asked(), 0);
  EXPECT_EQ(inspector_.detached(), 1);
}

TEST_F(OpenTest, OnlyTheDirectionsItWantsAreAskedAbout) {
  inspector_.on_open = [](InspectedFlow&, OpenCall& call) {
    call.Look(false, true);
    return Verdict::kPass;
  };
  inspector_.on_data = [](Direction direction, Bytes&, DataCall&) {
    EXPECT_EQ(direction, Direction::kDown);
    return Verdict::kPass;
  };
  StartProxy();
  Ends& ends = Connect();
  Send(ends.client, "x");
  EXPECT_EQ(Receive(ends.origin), "x");
  Send(ends.origin, "y");
  EXPECT_EQ(Receive(ends.client), "y");
  EXPECT_EQ(inspector_.asked(), 1);
}

TEST_F(OpenTest, TheDestinationMayBeAnother) {
  io::Socket other;
  ASSERT_TRUE(contract::ListenLoopback(loop_.port(), other, Family::kV4));
  const Address wanted = other.local();
  inspector_.on_open = [&](InspectedFlow&, OpenCall& call) {
    call.SetDestination(wanted);
    return Verdict::kPass;
  };
  StartProxy();
  Ends& ends = ConnectClient(engine_->addresses()[0]);
  contract::Accept accept;
  loop_.port().Accept(accept, other);
  ASSERT_TRUE(loop_.RunUntil([&] { return accept.arrived(); }));
  ASSERT_TRUE(loop_.port().Adopt(ends.origin, accept.Take()).ok());
  Send(ends.client, "there");
  EXPECT_EQ(Receive(ends.origin), "there");
  contract::CloseNow(loop_, loop_.port(), other);
}

TEST_F(OpenTest, AnotherDestinationIsGuardedAgainstLoopsToo) {
  Mutex mutex;
  Address proxy;
  inspector_.on_open = [&](InspectedFlow&, OpenCall& call) {
    const MutexLock lock(mutex);
    call.SetDestination(proxy);
    return Verdict::kPass;
  };
  StartProxy();
  {
    const MutexLock lock(mutex);
    proxy = engine_->addresses()[0];
  }
  EXPECT_TRUE(ClientSeesReset(ConnectClient(engine_->addresses()[0])));
  ASSERT_TRUE(Await(Counter::k_closed_loop_guard, 1));
}

TEST_F(OpenTest, WaitsForItsVerdict) {
  PendOpening();
  StartProxy();
  Ends& ends = ConnectClient(engine_->addresses()[0]);
  ASSERT_TRUE(Await(Counter::k_pended, 1));
  EXPECT_EQ(Count(Counter::k_connected), 0u);
  EXPECT_TRUE(inspector_.TakeToken().Resolve(Verdict::kPass));
  ASSERT_TRUE(Await(Counter::k_connected, 1));
  (void)ends;
}

TEST_F(OpenTest, ALateVerdictMaySayWhereToGo) {
  PendOpening();
  StartProxy();
  ConnectClient(engine_->addresses()[0]);
  ASSERT_TRUE(Await(Counter::k_pended, 1));
  contract::ClosedTcpPort closed(loop_, Family::kV4);
  Answer answer;
  answer.destination = closed.address();
  EXPECT_TRUE(inspector_.TakeToken().Resolve(std::move(answer)));
  ASSERT_TRUE(Await(Counter::k_closed_connect_failed, 1));
}

TEST_F(OpenTest, AMissedDeadlineIsTheDefaultVerdict) {
  options_.policy.pending_timeout = 50 * kMillisecond;
  PendOpening();
  StartProxy();
  EXPECT_TRUE(ClientSeesReset(ConnectClient(engine_->addresses()[0])));
  EXPECT_EQ(Count(Counter::k_pending_expired), 1u);
}

TEST_F(OpenTest, AnEngineMayStopWhileItWaits) {
  PendOpening();
  StartProxy();
  Ends& ends = ConnectClient(engine_->addresses()[0]);
  ASSERT_TRUE(Await(Counter::k_pended, 1));
  engine_->Stop(0);
  EXPECT_TRUE(ClientSeesReset(ends));
  EXPECT_FALSE(inspector_.TakeToken().Resolve(Verdict::kPass));
  EXPECT_EQ(inspector_.ended(), 1);
}

TEST_F(OpenTest, WhatIsForBytesOnlyIsTheDefaultVerdict) {
  inspector_.on_open = [](InspectedFlow&, OpenCall&) { return Verdict::kMore; };
  StartProxy();
  EXPECT_TRUE(ClientSeesReset(ConnectClient(engine_->addresses()[0])));
  EXPECT_EQ(Count(Counter::k_bad_verdict), 1u);
}

TEST_F(OpenTest, WhatIsThrownIsTheDefaultVerdict) {
  inspector_.on_open = [](InspectedFlow&, OpenCall&) -> Verdict {
    throw std::runtime_error("an inspector's mistake");
  };
  StartProxy();
  EXPECT_TRUE(ClientSeesReset(ConnectClient(engine_->addresses()[0])));
  EXPECT_EQ(Count(Counter::k_bad_verdict), 1u);
}

TEST_F(OpenTest, ALateVerdictMayReplace) {
  PendData();
  Ends& ends = ConnectAndPend();
  Answer answer;
  answer.verdict = Verdict::kReplace;
  answer.replacement = "other";
  EXPECT_TRUE(inspector_.TakeToken().Resolve(std::move(answer)));
  EXPECT_EQ(Receive(ends.origin), "other");
  EXPECT_EQ(Count(Counter::k_bytes_copied), 5u);
}

TEST_F(OpenTest, ALateVerdictMayInjectAndClose) {
  PendData();
  Ends& ends = ConnectAndPend();
  Answer answer;
  answer.verdict = Verdict::kClose;
  answer.inject_down = "403";
  EXPECT_TRUE(inspector_.TakeToken().Resolve(std::move(answer)));
  EXPECT_EQ(ReceiveToEnd(ends.client), "403");
  EXPECT_EQ(ReceiveToEnd(ends.origin), "");
}

TEST_F(OpenTest, ALateVerdictMayAskForMore) {
  PendData();
  Ends& ends = ConnectAndPend();
  EXPECT_TRUE(inspector_.TakeToken().Resolve(Verdict::kMore));
  Send(ends.client, ", and more");
  ASSERT_TRUE(Await(Counter::k_pended, 2));
  EXPECT_TRUE(inspector_.TakeToken().Resolve(Verdict::kPass));
  EXPECT_EQ(Receive(ends.origin), "held, and more");
}

TEST_F(OpenTest, ALateVerdictMayDetach) {
  PendData();
  Ends& ends = ConnectAndPend();
  EXPECT_TRUE(inspector_.TakeToken().Resolve(Verdict::kDetach));
  EXPECT_EQ(Receive(ends.origin), "held");
  Send(ends.client, "free");
  EXPECT_EQ(Receive(ends.origin), "free");
  EXPECT_EQ(inspector_.asked(), 1);
}

TEST_F(OpenTest, PendIsNoAnswer) {
  PendData();
  Ends& ends = ConnectAndPend();
  Pending token = inspector_.TakeToken();
  EXPECT_FALSE(token.Resolve(Verdict::kPend));
  EXPECT_TRUE(token);
  EXPECT_TRUE(token.Resolve(Verdict::kPass));
  EXPECT_EQ(Receive(ends.origin), "held");
}

TEST_F(OpenTest, ALateAnswerThatFindsNoMemoryEndsTheFlow) {
  slab_.chunk_bytes = 1024;
  slab_.chunks_max = 8;
  options_.policy.queue_high = 1024;
  PendData();
  Ends& ends = ConnectAndPend();
  Answer answer;
  answer.verdict = Verdict::kReplace;
  answer.replacement = std::string(9 * 1024, 'x');
  EXPECT_TRUE(inspector_.TakeToken().Resolve(std::move(answer)));
  EXPECT_TRUE(ClientSeesReset(ends));
  ASSERT_TRUE(Await(Counter::k_closed_no_resources, 1));
}

// ---- Rates ----

TEST_F(OpenTest, AFlowKeepsToItsRate) {
  options_.inspector = nullptr;
  options_.policy.bytes_per_second = 100000;
  StartProxy();
  Ends& ends = Connect();
  const Instant begin = loop_.port().now();
  Send(ends.client, std::string(50000, 'x'));
  EndStream(ends.client);
  EXPECT_EQ(ReceiveToEnd(ends.origin).size(), 50000u);
  // The last of 16 bites a second need not wait for what comes behind it.
  EXPECT_GE(loop_.port().now() - begin, 400 * kMillisecond);
  EXPECT_GE(Count(Counter::k_paused_pace), 1u);
}

TEST_F(OpenTest, AnInspectorSetsTheRateOfAFlow) {
  inspector_.on_open = [](InspectedFlow& flow, OpenCall&) {
    flow.bytes_per_second_down = 100000;
    return Verdict::kDetach;
  };
  StartProxy();
  Ends& ends = Connect();
  const Instant begin = loop_.port().now();
  Send(ends.origin, std::string(50000, 'x'));
  EndStream(ends.origin);
  EXPECT_EQ(ReceiveToEnd(ends.client).size(), 50000u);
  EXPECT_GE(loop_.port().now() - begin, 400 * kMillisecond);
  // The rate outlives the inspector's interest.
  EXPECT_EQ(inspector_.detached(), 1);
}

TEST_F(OpenTest, AllInspectedFlowsShareARate) {
  options_.inspector_bytes_per_second = 100000;
  StartProxy();
  Ends& first = Connect();
  Ends& second = Connect();
  const Instant begin = loop_.port().now();
  for (int i = 0; i < 4; ++i) {
    Send(first.client, std::string(10000, 'x'));
    Send(second.client, std::string(10000, 'x'));
  }
  EndStream(first.client);
  EndStream(second.client);
  EXPECT_EQ(ReceiveToEnd(first.origin).size() + ReceiveToEnd(second.origin).size(), 80000u);
  EXPECT_GE(loop_.port().now() - begin, 300 * kMillisecond);
}

// A slow machine may take a second for a connection: then that one is asked about, too.
constexpr int kTries = 50;

TEST_F(OpenTest, PastItsConnectionsASecondItIsNotAsked) {
  options_.inspector_opens_per_second = 1;
  StartProxy();
  Ends& first = Connect();
  Ends* last = nullptr;
  for (int i = 1; i <= kTries && Count(Counter::k_refused_opens) == 0; ++i) {
    last = &ConnectClient(engine_->addresses()[0]);
    const auto come = static_cast<std::uint64_t>(i) + 1;
    ASSERT_TRUE(Eventually(
        [&] { return Count(Counter::k_inspected) + Count(Counter::k_refused_opens) == come; }));
  }
  ASSERT_EQ(Count(Counter::k_refused_opens), 1u);
  EXPECT_TRUE(ClientSeesReset(*last));
  Send(first.client, "x");
  EXPECT_EQ(Receive(first.origin), "x");
}

TEST_F(OpenTest, PastItsConnectionsASecondTheyMayGoUnseen) {
  options_.inspector_opens_per_second = 1;
  options_.policy.opens_exceeded = Verdict::kDetach;
  StartProxy();
  Ends* unseen = &Connect();
  for (int i = 0; i < kTries && Count(Counter::k_refused_opens) == 0; ++i) unseen = &Connect();
  ASSERT_EQ(Count(Counter::k_refused_opens), 1u);
  Send(unseen->client, "x");
  EXPECT_EQ(Receive(unseen->origin), "x");
  EXPECT_EQ(inspector_.asked(), 0);
}

}  // namespace
}  // namespace sluice::runtime
