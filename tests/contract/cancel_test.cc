// SPDX-License-Identifier: Apache-2.0
//
// Cancel asks; the kernel decides. Whatever it decides, there is one outcome, no byte of a receive
// is lost or seen twice, and no connection of an accept is lost.
#include <array>
#include <memory>
#include <vector>

#include "engine/base/prng.h"
#include "tests/contract/harness.h"
#include "tests/contract/stream.h"

namespace sluice::contract {
namespace {

class CancelTest : public FamilyTest {};
SLUICE_BOTH_FAMILIES(CancelTest);

// A receive that the kernel filled while its cancel was on the way must report success with its
// bytes; one that reports kAborted must have left them in the socket. A backend that turns every
// outcome after Cancel into kAborted loses data here; one that retries an aborted receive by itself
// duplicates it.
TEST_P(CancelTest, ReceiveRacingDataLosesAndRepeatsNothing) {
  Recv recv;
  std::array<std::byte, 64> in{};
  Port& port = loop_.port();
  Prng prng(7);
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  const auto account = [&] {
    if (!recv.outcome().ok()) {
      EXPECT_EQ(recv.code(), ErrorCode::kAborted);
      return;
    }
    EXPECT_TRUE(PatternMatches(in.data(), recv.bytes(), 11, received));
    received += recv.bytes();
  };
  const int rounds = Rounds(3000);
  for (int round = 0; round < rounds && !HasFailure(); ++round) {
    const int before = recv.outcomes();
    port.Recv(recv, pair.server, {IoBuffer{in.data(), 1 + prng.Below(in.size())}});
    if (prng.Chance(1, 2)) loop_.Turn();
    const bool cancel_first = prng.Chance(1, 3);
    if (cancel_first) port.Cancel(recv);
    Send send;
    const std::vector<std::byte> out = Pattern(1 + prng.Below(32), 11, sent);
    port.Send(send, pair.client, {IoBuffer{const_cast<std::byte*>(out.data()), out.size()}});
    if (prng.Chance(1, 2)) loop_.Turn();
    port.Cancel(recv);
    ASSERT_TRUE(loop_.RunUntil([&] { return recv.outcomes() > before && send.arrived(); }));
    EXPECT_EQ(recv.outcomes(), before + 1);
    ASSERT_TRUE(send.outcome().ok());
    sent += send.bytes();
    account();
  }
  while (received < sent && !HasFailure()) {
    const Outcome rest = ReceiveOnce(loop_, port, pair.server, in.data(), in.size());
    ASSERT_TRUE(rest.ok());
    ASSERT_GT(rest.bytes, 0u) << "bytes were lost by a cancel";
    EXPECT_TRUE(PatternMatches(in.data(), rest.bytes, 11, received));
    received += rest.bytes;
  }
  EXPECT_EQ(received, sent);
}

// The same race with the data coming from another port, which runs on between start and cancel, so
// that data lands while the cancel itself is in the kernel. Two ports on one thread cannot do that;
// see the next test.
TEST_P(CancelTest, ManyReceivesCancelledWhileDataArrives) {
  constexpr std::size_t kPairs = 32;
  Loop loop(2);
  std::array<Recv, kPairs> recvs;
  std::array<std::byte, kPairs> in{};
  std::vector<std::unique_ptr<Pair>> pairs;
  for (std::size_t i = 0; i < kPairs; ++i) {
    pairs.push_back(std::make_unique<Pair>(loop, GetParam(), 0, 1));
    ASSERT_TRUE(pairs.back()->ok());
  }
  Prng prng(13);
  for (int round = 0; round < Rounds(40); ++round) {
    std::array<Send, kPairs> sends;
    std::byte out{static_cast<unsigned char>(round)};
    for (std::size_t i = 0; i < kPairs; ++i) {
      loop.port(1).Recv(recvs[i], pairs[i]->server, {IoBuffer{&in[i], 1}});
    }
    loop.Turn(1);
    for (std::size_t i = 0; i < kPairs; ++i) {
      loop.port(0).Send(sends[i], pairs[i]->client, {IoBuffer{&out, 1}});
      if (prng.Chance(1, 4)) loop.Turn(0);
      if (prng.Chance(3, 4)) loop.port(1).Cancel(recvs[i]);
    }
    ASSERT_TRUE(loop.RunUntil([&] {
      for (std::size_t i = 0; i < kPairs; ++i) {
        if (recvs[i].outcomes() != round + 1 || !sends[i].arrived()) return false;
      }
      return true;
    }));
    for (std::size_t i = 0; i < kPairs; ++i) {
      if (!recvs[i].outcome().ok()) {
        ASSERT_EQ(recvs[i].code(), ErrorCode::kAborted);
        ASSERT_EQ(ReceiveOnce(loop, loop.port(1), pairs[i]->server, &in[i], 1).bytes, 1u);
      }
      EXPECT_EQ(in[i], out);
    }
  }
}

// A cancelled accept must either hand its connection over or leave it in the queue. One that
// reports kAborted after the kernel had accepted leaks a descriptor, and a client waits for ever.
// Clients are on a port of their own, so that a connection can be accepted in the kernel while
// nobody has looked yet, and then comes the cancel.
TEST_P(CancelTest, AcceptRacingAConnectLosesNoConnection) {
  Accept accept;
  Loop loop(2);
  Port& port = loop.port(1);
  Prng prng(3);
  Socket listener;
  ASSERT_TRUE(ListenLoopback(port, listener, GetParam()));
  const int rounds = Rounds(400);
  for (int round = 0; round < rounds && !HasFailure(); ++round) {
    Connect connect;
    Socket client;
    ASSERT_TRUE(loop.port(0).Open(client, GetParam()).ok());
    int before = accept.outcomes();
    port.Accept(accept, listener);
    if (prng.Chance(3, 4)) loop.Turn(1);
    loop.port(0).Connect(connect, client, listener.local());
    for (std::uint64_t turns = prng.Below(4); turns > 0; --turns) loop.Turn(0);
    port.Cancel(accept);
    EXPECT_TRUE(loop.RunUntil([&] { return connect.arrived() && accept.outcomes() > before; }));
    EXPECT_TRUE(connect.outcome().ok()) << connect.outcome().error.ToString();
    if (!accept.outcome().ok()) {
      EXPECT_EQ(accept.code(), ErrorCode::kAborted);
      before = accept.outcomes();
      port.Accept(accept, listener);
      EXPECT_TRUE(loop.RunUntil([&] { return accept.outcomes() > before; }))
          << "a connection was lost";
    }
    if (accept.outcome().ok() && accept.idle()) Port::Discard(accept.Take(), nullptr);
    CloseNow(loop, loop.port(0), client);
  }
  CloseNow(loop, port, listener);
}

// An accept that is cancelled while it tries for a connection which another accept takes must end
// too, and not go back to waiting with its cancel forgotten.
TEST_P(CancelTest, AcceptEndsWhoseConnectionAnotherTakes) {
  Accept first;
  Accept second;
  Loop loop(2);
  Port& port = loop.port(1);
  Socket listener;
  ASSERT_TRUE(ListenLoopback(port, listener, GetParam()));
  const int rounds = Rounds(50);
  for (int round = 0; round < rounds && !HasFailure(); ++round) {
    Connect connect;
    Socket client;
    ASSERT_TRUE(loop.port(0).Open(client, GetParam()).ok());
    const int firsts = first.outcomes();
    const int seconds = second.outcomes();
    port.Accept(first, listener);
    loop.Turn(1);
    loop.port(0).Connect(connect, client, listener.local());
    for (int turns = 0; turns < 1000 && !connect.arrived(); ++turns) loop.Turn(0);
    port.Accept(second, listener);
    port.Cancel(second);
    ASSERT_TRUE(loop.RunUntil([&] { return second.outcomes() > seconds; })) << "round " << round;
    if (second.outcome().ok()) {
      Port::Discard(second.Take(), nullptr);
      port.Cancel(first);
    }
    ASSERT_TRUE(loop.RunUntil([&] { return first.outcomes() > firsts; }));
    if (first.outcome().ok()) Port::Discard(first.Take(), nullptr);
    CloseNow(loop, loop.port(0), client);
  }
  CloseNow(loop, port, listener);
}

// A connect may be too far to be cancelled: success or kAborted, once, and the socket is good for
// Close.
TEST_P(CancelTest, ConnectEndsOnce) {
  Port& port = loop_.port();
  Socket listener;
  ASSERT_TRUE(ListenLoopback(port, listener, GetParam()));
  for (int round = 0; round < Rounds(100); ++round) {
    Connect connect;
    Socket client;
    ASSERT_TRUE(port.Open(client, GetParam()).ok());
    port.Connect(connect, client, listener.local());
    if (round % 3 == 1) loop_.Turn();
    port.Cancel(connect);
    EXPECT_TRUE(loop_.RunUntil([&] { return connect.arrived(); }));
    EXPECT_TRUE(connect.outcome().ok() || connect.code() == ErrorCode::kAborted)
        << connect.outcome().error.ToString();
    CloseNow(loop_, port, client);
    EXPECT_EQ(connect.outcomes(), 1);
  }
  CloseNow(loop_, port, listener);
}

// A send that waits for room is cancelled: one outcome, and what the peer reads is a prefix of what
// was given, at least as long as the sends that succeeded. (How much of a cancelled send left is
// unknown on every OS, so nobody may send on after it.)
TEST_P(CancelTest, BlockedSendEndsOnceAndThePeerSeesAPrefix) {
  StreamSender sender(5, std::uint64_t{1} << 40, 1 << 20);
  StreamReader reader(5, 1 << 16);
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  sender.Start(pair.client_port(), pair.client);
  // Until the kernel's buffers are full, that is, until settling brings nothing more.
  for (std::uint64_t before = 1; before != sender.sent() || sender.operation().idle();) {
    before = sender.sent();
    loop_.Settle();
    ASSERT_FALSE(sender.failed());
  }
  const int outcomes = sender.operation().outcomes();
  const std::uint64_t sent = sender.sent();
  pair.client_port().Cancel(sender.operation());
  EXPECT_TRUE(loop_.RunUntil([&] { return sender.failed(); }));
  EXPECT_EQ(sender.operation().outcomes(), outcomes + 1);
  EXPECT_EQ(sender.error().code, ErrorCode::kAborted);
  pair.client_port().Close(pair.client);
  reader.Start(pair.server_port(), pair.server);
  EXPECT_TRUE(loop_.RunUntil([&] { return reader.ended(); }));
  EXPECT_TRUE(reader.intact());
  EXPECT_GE(reader.received(), sent);
}

// Teardown code cancels, then closes, and sometimes cancels again; each of it may find the
// operation cancelled.
TEST_P(CancelTest, CancelTwiceThenCloseIsOneOutcome) {
  for (const bool turn_before : {false, true}) {
    Recv recv;
    std::byte in[4];
    Pair pair(loop_, GetParam());
    ASSERT_TRUE(pair.ok());
    Port& port = loop_.port();
    port.Recv(recv, pair.server, {IoBuffer{in, sizeof in}});
    if (turn_before) loop_.Turn();
    port.Cancel(recv);
    port.Cancel(recv);
    port.Close(pair.server);
    port.Cancel(recv);
    EXPECT_TRUE(loop_.RunUntil([&] { return recv.arrived(); }));
    loop_.Settle();
    EXPECT_EQ(recv.outcomes(), 1);
    EXPECT_EQ(recv.code(), ErrorCode::kAborted);
  }
}

class CancelLoopTest : public ContractTest {};

// Cancel of what is not armed must not reach the kernel with a stale address, nor mark the next use
// cancelled.
TEST_F(CancelLoopTest, IdleOperationIsLeftAlone) {
  Recv recv;
  Defer defer;
  std::byte in[4];
  Pair pair(loop_, Family::kV4);
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  port.Cancel(recv);
  port.Cancel(defer);
  loop_.Settle();
  EXPECT_EQ(recv.outcomes() + defer.outcomes(), 0);
  for (int round = 1; round <= 50; ++round) {
    port.Recv(recv, pair.server, {IoBuffer{in, 1}});
    EXPECT_TRUE(SendAll(loop_, port, pair.client, "x", 1).ok());
    EXPECT_TRUE(loop_.RunUntil([&] { return recv.outcomes() == round; }));
    EXPECT_TRUE(recv.outcome().ok()) << "the cancel of an idle operation hit its next use";
    port.Cancel(recv);
  }
}

// A handler cancels another operation whose outcome is decided but not delivered: done is done.
TEST_F(CancelLoopTest, DoneOperationIsLeftAlone) {
  Defer first;
  Defer second;
  Port& port = loop_.port();
  bool was_done = false;
  first.then = [&](Outcome) {
    was_done = second.state() == Operation::State::kDone;
    port.Cancel(second);
    port.Cancel(first);
  };
  port.Defer(first);
  port.Defer(second);
  EXPECT_TRUE(loop_.RunUntil([&] { return first.arrived() && second.arrived(); }));
  loop_.Settle();
  EXPECT_EQ(first.outcomes(), 1);
  EXPECT_EQ(second.outcomes(), 1);
  EXPECT_TRUE(first.outcome().ok());
  EXPECT_TRUE(second.outcome().ok() || !was_done);
}

// The handler restarts its operation and cancels it in the same breath: the second life is
// cancelled, once.
TEST_F(CancelLoopTest, RestartAndCancelInsideTheHandler) {
  Recv recv;
  std::byte in[4];
  Pair pair(loop_, Family::kV4);
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  recv.then = [&](Outcome outcome) {
    if (!outcome.ok()) return;
    port.Recv(recv, pair.server, {IoBuffer{in, 4}});
    port.Cancel(recv);
  };
  port.Recv(recv, pair.server, {IoBuffer{in, 4}});
  EXPECT_TRUE(SendAll(loop_, port, pair.client, "abcd", 4).ok());
  EXPECT_TRUE(loop_.RunUntil([&] { return recv.outcomes() == 2; }));
  loop_.Settle();
  EXPECT_EQ(recv.outcomes(), 2);
  EXPECT_EQ(recv.code(), ErrorCode::kAborted);
}

}  // namespace
}  // namespace sluice::contract
