// SPDX-License-Identifier: Apache-2.0
//
// The turn: RunOnce, its budget, its deadline, and what is fair to whom.
#include <array>
#include <memory>
#include <vector>

#include "tests/contract/harness.h"

namespace sluice::contract {
namespace {

class TurnTest : public ContractTest {};

// A budget of seven means at most seven handlers a turn; what is over waits, in order, and is not
// lost; and a turn that has something ready does not sleep for it.
TEST_F(TurnTest, BudgetBoundsATurnAndLosesNothing) {
  std::array<Defer, 100> defers;
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < defers.size(); ++i) {
    defers[i].then = [&order, i](Outcome outcome) {
      EXPECT_TRUE(outcome.ok());
      order.push_back(i);
    };
    loop_.port().Defer(defers[i]);
  }
  const std::uint64_t waits = loop_.port().stats().waits;
  int turns = 0;
  while (order.size() < defers.size() && turns < 1000) {
    EXPECT_GT(loop_.Turn(0, Soon(), Budget{7}), 0);
    EXPECT_EQ(loop_.port().stats().waits, waits) << "slept although something was ready";
    ++turns;
  }
  EXPECT_GE(turns, 15);
  EXPECT_EQ(order.size(), defers.size());
  for (std::size_t i = 0; i < order.size(); ++i) EXPECT_EQ(order[i], i);
}

// The same for outcomes that come from the kernel in one batch, and for messages.
TEST_F(TurnTest, BudgetBoundsKernelOutcomesAndMessages) {
  constexpr std::size_t kFlows = 20;
  std::array<Recv, kFlows> recvs;
  std::array<std::byte, kFlows> in{};
  std::array<std::unique_ptr<Message>, kFlows> messages;
  int messages_run = 0;
  std::vector<std::unique_ptr<Pair>> pairs;
  Port& port = loop_.port();
  for (std::size_t i = 0; i < kFlows; ++i) {
    pairs.push_back(std::make_unique<Pair>(loop_, Family::kV4));
    ASSERT_TRUE(pairs.back()->ok());
    EXPECT_TRUE(SendAll(loop_, port, pairs[i]->client, "x", 1).ok());
  }
  for (std::size_t i = 0; i < kFlows; ++i) {
    port.Recv(recvs[i], pairs[i]->server, {IoBuffer{&in[i], 1}});
    messages[i] =
        std::make_unique<Message>(&messages_run, [](void* count) { ++*static_cast<int*>(count); });
    EXPECT_TRUE(port.Post(*messages[i]));
  }
  int ran = 0;
  const Instant deadline = port.now() + kPatience;
  while (ran < 2 * static_cast<int>(kFlows) && port.now() < deadline) {
    ran += loop_.Turn(0, deadline, Budget{3});  // Turn checks that no more than three ran
  }
  EXPECT_EQ(ran, 2 * static_cast<int>(kFlows))
      << "each handler is counted, operations and messages";
  EXPECT_EQ(messages_run, static_cast<int>(kFlows));
  for (const Recv& recv : recvs) EXPECT_EQ(recv.outcomes(), 1);
}

// A deadline that has passed is a poll: handlers of what is ready run, nothing sleeps. The runtime
// polls like this while it has work of its own.
TEST_F(TurnTest, PastDeadlineDoesNotSleep) {
  Recv recv;
  Defer defer;
  std::byte in[4];
  Pair pair(loop_, Family::kV4);
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  port.Recv(recv, pair.server, {IoBuffer{in, sizeof in}});
  loop_.Turn();
  const io::PortStats before = port.stats();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(loop_.Turn(0, i % 2 == 0 ? kPast : port.now()), 0);
  port.Defer(defer);
  EXPECT_EQ(loop_.Turn(0, kPast), 1);
  EXPECT_EQ(port.stats().waits, before.waits);
  EXPECT_EQ(port.stats().turns, before.turns + 11);
  EXPECT_EQ(port.stats().handlers, before.handlers + 1);
}

// A poll also looks into the kernel: what has completed there is delivered by polls alone.
TEST_F(TurnTest, PastDeadlineStillReachesTheKernel) {
  Recv recv;
  std::byte in[4];
  Pair pair(loop_, Family::kV4);
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  port.Recv(recv, pair.server, {IoBuffer{in, sizeof in}});
  EXPECT_TRUE(SendAll(loop_, port, pair.client, "abc", 3).ok());
  const Instant deadline = Instant::Now() + kPatience;  // polls need not advance a simulated clock
  while (!recv.arrived() && Instant::Now() < deadline) loop_.Turn(0, kPast);
  EXPECT_EQ(recv.bytes(), 3u);
}

// With nothing to do the turn sleeps, about until its deadline: not for ever, and not as a spin of
// empty turns. (Windows may wake a clock tick early, so a few turns are fine.)
TEST_F(TurnTest, IdleTurnSleepsUntilItsDeadline) {
  Recv recv;
  std::byte in[4];
  Pair pair(loop_, Family::kV4);
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  port.Recv(recv, pair.server, {IoBuffer{in, sizeof in}});
  loop_.Settle();
  const std::uint64_t waits = port.stats().waits;
  const Instant deadline = port.now() + 30 * kMillisecond;
  int turns = 0;
  while (port.now() < deadline && turns < 100) {
    EXPECT_EQ(loop_.Turn(0, deadline), 0);
    ++turns;
  }
  EXPECT_GE(port.now(), deadline);
  EXPECT_LE(turns, 40) << "a sleep that does not sleep";
  EXPECT_GT(port.stats().waits, waits);
}

// Data ends a sleep: the deadline is far away, the outcome comes in that very turn or the next.
TEST_F(TurnTest, AnOutcomeEndsTheSleep) {
  Loop loop(2);
  Recv recv;
  std::byte in[4];
  Pair pair(loop, Family::kV4, 0, 1);
  ASSERT_TRUE(pair.ok());
  loop.port(1).Recv(recv, pair.server, {IoBuffer{in, sizeof in}});
  EXPECT_TRUE(SendAll(loop, loop.port(0), pair.client, "x", 1).ok());
  const Instant start = loop.port(1).now();
  for (int turns = 0; turns < 10 && !recv.arrived(); ++turns) {
    loop.Turn(1, loop.port(1).now() + kPatience);
  }
  EXPECT_TRUE(recv.arrived());
  EXPECT_LT(loop.port(1).now() - start, kPatience);
}

// The clock of a port does not run backwards, stands still within a turn, and moves with turns that
// sleep.
TEST_F(TurnTest, ClockStandsStillWithinATurn) {
  Defer first;
  Defer second;
  Port& port = loop_.port();
  loop_.Turn();
  Instant seen;
  first.then = [&](Outcome) { seen = port.now(); };
  second.then = [&](Outcome) { EXPECT_EQ(port.now(), seen); };
  Instant last = port.now();
  for (int i = 1; i <= 20; ++i) {
    port.Defer(first);
    port.Defer(second);
    EXPECT_TRUE(loop_.RunUntil([&] { return second.outcomes() == i; }));
    EXPECT_GE(seen, last);
    last = seen;
    loop_.Turn(0, port.now() + kMillisecond);
    EXPECT_GE(port.now(), last);
  }
  EXPECT_GT(port.now(), Instant{0});
}

// A handler that defers again runs again in the next turn, not in this one: a chain of immediate
// outcomes must not keep the loop from its timers.
TEST_F(TurnTest, ChainOfDefersAdvancesOneATurn) {
  Defer chain;
  Port& port = loop_.port();
  chain.then = [&](Outcome) {
    if (chain.outcomes() < 1000) port.Defer(chain);
  };
  port.Defer(chain);
  const std::uint64_t waits = port.stats().waits;
  for (int turn = 1; turn <= 1000; ++turn) {
    EXPECT_EQ(loop_.Turn(0, Soon()), 1);
    EXPECT_EQ(chain.outcomes(), turn);
    EXPECT_EQ(port.stats().waits, waits) << "slept although something was ready";
    if (HasFailure()) break;
  }
  EXPECT_TRUE(loop_.RunUntil([&] { return chain.outcomes() == 1000; }));
  EXPECT_EQ(loop_.Turn(), 0);
}

// While some operations are always ready, the kernel is looked at and messages run, even with the
// smallest budget: no budget may starve anybody for ever. (A hand-over is a message; a saturated
// worker that never takes one strands an accepted connection.)
TEST_F(TurnTest, NothingStarvesUnderASmallBudget) {
  std::array<Defer, 8> chains;
  Recv recv;
  std::byte in[4];
  int messages_run = 0;
  Message message(&messages_run, [](void* count) { ++*static_cast<int*>(count); });
  bool stop = false;
  Pair pair(loop_, Family::kV4);
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  EXPECT_TRUE(SendAll(loop_, port, pair.client, "x", 1).ok());
  for (Defer& chain : chains) {
    chain.then = [&](Outcome) {
      if (!stop) port.Defer(chain);
    };
    port.Defer(chain);
  }
  port.Recv(recv, pair.server, {IoBuffer{in, sizeof in}});
  EXPECT_TRUE(port.Post(message));
  for (int turns = 0; turns < 20000 && (messages_run == 0 || !recv.arrived()); ++turns) {
    loop_.Turn(0, kPast, Budget{4});
  }
  EXPECT_EQ(recv.outcomes(), 1) << "the kernel's outcomes starved";
  EXPECT_EQ(messages_run, 1) << "the messages starved";
  stop = true;
  EXPECT_TRUE(loop_.RunUntil([&] { return port.stats().armed == 0 && messages_run == 1; }));
}

// Cancel of a deferred operation: its outcome is on its way, and comes once.
TEST_F(TurnTest, CancelledDeferStillComesOnce) {
  Defer defer;
  loop_.port().Defer(defer);
  loop_.port().Cancel(defer);
  EXPECT_EQ(defer.outcomes(), 0);
  EXPECT_TRUE(loop_.RunUntil([&] { return defer.arrived(); }));
  loop_.Settle();
  EXPECT_EQ(defer.outcomes(), 1);
  EXPECT_TRUE(defer.outcome().ok() || defer.code() == ErrorCode::kAborted);
}

}  // namespace
}  // namespace sluice::contract
