// SPDX-License-Identifier: Apache-2.0
//
// Laws 1 and 2: each started operation has exactly one outcome, given by RunOnce and by nothing
// else, and the operation belongs to its owner again before its handler runs.
#include <array>
#include <memory>

#include "tests/contract/harness.h"
#include "tests/contract/stream.h"

namespace sluice::contract {
namespace {

class OutcomeTest : public FamilyTest {};
SLUICE_BOTH_FAMILIES(OutcomeTest);

// A backend that tries first and calls the handler when the try succeeded re-enters its caller,
// whose state is half changed. Everything here can finish at once: data waits, a connection waits,
// there is room to send.
TEST_P(OutcomeTest, NoHandlerRunsInsideAStartCall) {
  Recv recv;
  Send send;
  Await await;
  Accept accept;
  Connect connect;
  Defer defer;
  std::array<std::byte, 16> in{};
  const std::vector<std::byte> out = Pattern(16, 1);
  Port& port = loop_.port();
  Pair pair(loop_, GetParam());
  Pair other(loop_, GetParam());
  ASSERT_TRUE(pair.ok() && other.ok());
  Socket listener;
  Socket early;
  Socket late;
  ASSERT_TRUE(ListenLoopback(port, listener, GetParam()));
  ASSERT_TRUE(port.Open(early, GetParam()).ok());
  ASSERT_TRUE(port.Open(late, GetParam()).ok());
  EXPECT_TRUE(ConnectOnce(loop_, port, early, listener.local()).ok());
  EXPECT_TRUE(SendAll(loop_, port, pair.client, out.data(), out.size()).ok());
  EXPECT_TRUE(SendAll(loop_, port, other.client, out.data(), out.size()).ok());
  loop_.Settle();

  port.Recv(recv, pair.server, {IoBuffer{in.data(), in.size()}});
  port.Send(send, pair.server, {IoBuffer{const_cast<std::byte*>(out.data()), out.size()}});
  port.AwaitReadable(await, other.server);
  port.Accept(accept, listener);
  port.Connect(connect, late, listener.local());
  port.Defer(defer);
  EXPECT_EQ(recv.outcomes() + send.outcomes() + await.outcomes(), 0);
  EXPECT_EQ(accept.outcomes() + connect.outcomes() + defer.outcomes(), 0);
  EXPECT_EQ(port.stats().armed, 6u);

  EXPECT_TRUE(loop_.RunUntil([&] {
    return recv.arrived() && send.arrived() && await.arrived() && accept.arrived() &&
           connect.arrived() && defer.arrived();
  }));
  EXPECT_TRUE(accept.outcome().ok());
  if (accept.outcome().ok()) Port::Discard(accept.Take(), nullptr);
  CloseNow(loop_, port, early);
  CloseNow(loop_, port, late);
  CloseNow(loop_, port, listener);
}

// A completion that is delivered both from the fast path and from the kernel's queue frees its
// owner twice. One receive for each way to end: data, FIN, Cancel, Close; then time for a second
// outcome to show itself.
TEST_P(OutcomeTest, EachReceiveEndsOnceHoweverItEnds) {
  Recv data;
  Recv fin;
  Recv cancelled;
  Recv closed;
  std::array<std::array<std::byte, 8>, 4> in{};
  Port& port = loop_.port();
  Pair a(loop_, GetParam());
  Pair b(loop_, GetParam());
  Pair c(loop_, GetParam());
  Pair d(loop_, GetParam());
  ASSERT_TRUE(a.ok() && b.ok() && c.ok() && d.ok());
  port.Recv(data, a.server, {IoBuffer{in[0].data(), 8}});
  port.Recv(fin, b.server, {IoBuffer{in[1].data(), 8}});
  port.Recv(cancelled, c.server, {IoBuffer{in[2].data(), 8}});
  port.Recv(closed, d.server, {IoBuffer{in[3].data(), 8}});
  loop_.Settle();
  EXPECT_EQ(data.outcomes() + fin.outcomes() + cancelled.outcomes() + closed.outcomes(), 0);

  EXPECT_TRUE(SendAll(loop_, port, a.client, "12345678", 8).ok());
  EXPECT_TRUE(port.ShutdownSend(b.client).ok());
  port.Cancel(cancelled);
  port.Close(d.server);
  EXPECT_TRUE(loop_.RunUntil(
      [&] { return data.arrived() && fin.arrived() && cancelled.arrived() && closed.arrived(); }));
  loop_.Settle();
  EXPECT_EQ(data.outcomes(), 1);
  EXPECT_TRUE(data.outcome().ok());
  EXPECT_EQ(data.bytes(), 8u);
  EXPECT_EQ(fin.outcomes(), 1);
  EXPECT_TRUE(fin.outcome().ok());
  EXPECT_EQ(fin.bytes(), 0u);
  EXPECT_EQ(cancelled.outcomes(), 1);
  EXPECT_EQ(cancelled.code(), ErrorCode::kAborted);
  EXPECT_EQ(closed.outcomes(), 1);
  EXPECT_EQ(closed.code(), ErrorCode::kAborted);
}

// Relays restart the receive in the receive's own handler, for ever. A backend that still touches
// the operation after its handler, or has not yet cleared its state, breaks somewhere in a chain of
// a thousand.
TEST_P(OutcomeTest, AnOperationIsStartedAgainInItsOwnHandlerAThousandTimes) {
  constexpr int kHops = 1000;
  Recv recv[2];
  Send send[2];
  std::byte in[2]{};
  std::byte out[2]{};
  Port& port = loop_.port();
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Socket* const sockets[2] = {&pair.client, &pair.server};
  bool reply_due[2] = {false, false};
  int hops = 0;
  // The byte may be back before the outcome of the send that took it there.
  const auto reply = [&](std::size_t end) {
    if (!reply_due[end] || !send[end].idle() || hops >= kHops) return;
    reply_due[end] = false;
    out[end] = in[end];
    port.Recv(recv[end], *sockets[end], {IoBuffer{&in[end], 1}});
    port.Send(send[end], *sockets[end], {IoBuffer{&out[end], 1}});
  };
  for (std::size_t end = 0; end < 2; ++end) {
    recv[end].then = [&, end](Outcome outcome) {
      if (hops >= kHops) return;
      ASSERT_TRUE(outcome.ok());
      ASSERT_EQ(outcome.bytes, 1u);
      ++hops;
      reply_due[end] = true;
      reply(end);
    };
    send[end].then = [&, end](Outcome) { reply(end); };
    port.Recv(recv[end], *sockets[end], {IoBuffer{&in[end], 1}});
  }
  out[0] = std::byte{42};
  port.Send(send[0], pair.client, {IoBuffer{&out[0], 1}});
  EXPECT_TRUE(loop_.RunUntil([&] { return hops >= kHops; }));
  EXPECT_GE(recv[0].outcomes() + recv[1].outcomes(), kHops);
  pair.Finish();  // until then one of the buffers is a receive's
  EXPECT_EQ(in[0], std::byte{42});
  EXPECT_EQ(in[1], std::byte{42});
}

// The last outcome of a leg frees the leg: socket, operations, buffer, all at once, inside the
// handler. A port that touches operation or socket after the handler writes to freed memory (ASan
// is the judge).
TEST_P(OutcomeTest, SocketAndOperationsMayBeFreedInTheLastHandler) {
  struct Leg {
    Socket socket;
    Recv recv;
    std::array<std::byte, 8> buffer{};
  };
  Port& port = loop_.port();
  for (int i = 0; i < 20; ++i) {
    auto leg = std::make_unique<Leg>();
    Accept accept;
    Socket listener;
    Socket client;
    ASSERT_TRUE(ListenLoopback(port, listener, GetParam()));
    ASSERT_TRUE(port.Open(client, GetParam()).ok());
    EXPECT_TRUE(ConnectOnce(loop_, port, client, listener.local()).ok());
    port.Accept(accept, listener);
    ASSERT_TRUE(loop_.RunUntil([&] { return accept.arrived(); }));
    ASSERT_TRUE(accept.outcome().ok());
    ASSERT_TRUE(port.Adopt(leg->socket, accept.Take()).ok());
    leg->recv.then = [&leg](Outcome) {
      EXPECT_TRUE(leg->socket.is_joined());
      leg.reset();
    };
    port.Recv(leg->recv, leg->socket, {IoBuffer{leg->buffer.data(), 8}});
    if (i % 2 == 0) loop_.Turn();
    port.Close(leg->socket);
    EXPECT_TRUE(loop_.RunUntil([&] { return leg == nullptr; }));
    CloseNow(loop_, port, client);
    CloseNow(loop_, port, listener);
  }
}

class OutcomeLoopTest : public ContractTest {};

// An operation alone on the heap that frees itself in its handler, which the contract allows in so
// many words.
TEST_F(OutcomeLoopTest, AnOperationMayFreeItselfInItsHandler) {
  int freed = 0;
  for (int i = 0; i < 100; ++i) {
    auto* defer = new Defer;
    defer->then = [&freed, defer](Outcome) {
      delete defer;
      ++freed;
    };
    loop_.port().Defer(*defer);
  }
  EXPECT_TRUE(loop_.RunUntil([&] { return freed == 100; }));
}

// state() and verb() are what the owners' own checks are built on: armed from the start call on,
// not from the first turn on.
TEST_F(OutcomeLoopTest, StateAndVerbTellWhatIsArmed) {
  Accept accept;
  Defer defer;
  Socket listener;
  ASSERT_TRUE(ListenLoopback(loop_.port(), listener, Family::kV4));
  EXPECT_TRUE(accept.idle());
  loop_.port().Accept(accept, listener);
  loop_.port().Defer(defer);
  EXPECT_EQ(accept.state(), Operation::State::kArmed);
  EXPECT_EQ(accept.verb(), io::Verb::kAccept);
  EXPECT_FALSE(defer.idle());
  EXPECT_EQ(listener.armed(), 1u);
  EXPECT_TRUE(loop_.RunUntil([&] { return defer.arrived(); }));
  EXPECT_TRUE(defer.idle());
  EXPECT_EQ(accept.state(), Operation::State::kArmed);
  CloseNow(loop_, loop_.port(), listener);
  EXPECT_TRUE(accept.idle());
  EXPECT_EQ(accept.verb(), io::Verb::kNone);
  EXPECT_EQ(accept.outcomes(), 1);
}

}  // namespace
}  // namespace sluice::contract
