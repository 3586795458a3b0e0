// SPDX-License-Identifier: Apache-2.0
//
// Close: terminate, join, close. The port does the three steps; these tests look at each from
// outside.
#include <array>
#include <memory>
#include <vector>

#include "tests/contract/harness.h"
#include "tests/contract/stream.h"

namespace sluice::contract {
namespace {

class CloseTest : public FamilyTest {};
SLUICE_BOTH_FAMILIES(CloseTest);

// Receive and a blocked send are both in flight. Close: is_open() is false at once, each outcome
// comes once, the socket is joined before the last handler runs (which frees the leg) and not
// before.
TEST_P(CloseTest, InFlightOperationsEndOnceAndTheLastFindsTheSocketJoined) {
  for (const bool abort : {false, true}) {
    Recv recv;
    Send send;
    std::byte in[8];
    std::vector<std::byte> out = Pattern(32 << 20, 1);
    Pair pair(loop_, GetParam());
    ASSERT_TRUE(pair.ok());
    Port& port = loop_.port();
    int handlers = 0;
    const auto check = [&](Outcome) {
      ++handlers;
      EXPECT_FALSE(pair.client.is_open());
      EXPECT_EQ(pair.client.is_joined(), handlers == 2);
      EXPECT_EQ(pair.client.armed(), 2u - static_cast<unsigned>(handlers));
    };
    port.Recv(recv, pair.client, {IoBuffer{in, sizeof in}});
    // A first send may be taken in part; the one that is pending at Close is the last.
    std::size_t taken = 0;
    send.then = [&](Outcome outcome) {
      if (!outcome.ok() || !pair.client.is_open()) return check(outcome);
      taken += outcome.bytes;
      port.Send(send, pair.client, {IoBuffer{out.data(), out.size() - taken}});
    };
    recv.then = check;
    port.Send(send, pair.client, {IoBuffer{out.data(), out.size()}});
    for (int quiet = 0; quiet < 2;) {
      const std::size_t before = taken;
      loop_.Settle();
      quiet = before == taken ? quiet + 1 : 0;
    }
    const int sends = send.outcomes();
    ASSERT_EQ(pair.client.armed(), 2u);
    if (abort) {
      port.Abort(pair.client);
    } else {
      port.Close(pair.client);
    }
    EXPECT_FALSE(pair.client.is_open());
    EXPECT_FALSE(pair.client.is_joined());
    EXPECT_TRUE(loop_.RunUntil([&] { return handlers == 2; }));
    loop_.Settle();
    EXPECT_EQ(handlers, 2);
    EXPECT_EQ(recv.outcomes(), 1);
    EXPECT_EQ(recv.code(), ErrorCode::kAborted);
    EXPECT_EQ(send.outcomes(), sends + 1);
    EXPECT_TRUE(pair.client.is_joined());
  }
}

// Close cuts off a send that the kernel had not finished. The rest of it is lost, so a FIN would
// tell the peer that it has everything: the truncated download that looks complete
// (windows-notes.md 2, row 2). The peer sees a reset, as after Abort; what it could read before is
// intact.
TEST_P(CloseTest, SendCutOffByCloseIsNoCleanEnd) {
  StreamSender sender(5, std::uint64_t{1} << 40, 8 << 20);
  StreamReader reader(5, 65536);
  std::byte probe{};
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  sender.Start(port, pair.client);
  loop_.Settle();
  EXPECT_FALSE(sender.done());
  port.Close(pair.client);
  EXPECT_TRUE(loop_.RunUntil([&] { return sender.done() && pair.client.is_joined(); }));
  EXPECT_EQ(sender.error().code, ErrorCode::kAborted) << sender.error().ToString();
  if (WhyNot(Ability::kRemembersReset) != nullptr) {
    // Where a receive cannot tell, a send can: it passes once after a FIN, and fails after a reset.
    loop_.Settle();
    EXPECT_FALSE(SendAll(loop_, port, pair.server, &probe, 1).ok());
    return;
  }
  reader.Start(port, pair.server);
  EXPECT_TRUE(loop_.RunUntil([&] { return reader.ended(); }));
  EXPECT_TRUE(reader.intact());
  EXPECT_EQ(reader.error().code, ErrorCode::kReset) << "a truncated stream looked complete";
}

// AwaitReadable is in flight instead: libuv and others forget the zero-byte receive here.
TEST_P(CloseTest, AwaitInFlightEndsOnce) {
  Await await;
  std::byte in[4];
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  port.AwaitReadable(await, pair.client);
  loop_.Settle();
  port.Close(pair.client);
  EXPECT_TRUE(loop_.RunUntil([&] { return await.arrived(); }));
  EXPECT_TRUE(pair.client.is_joined());
  EXPECT_EQ(await.outcomes(), 1);
  EXPECT_EQ(await.code(), ErrorCode::kAborted);
  const Outcome peer = ReceiveOnce(loop_, port, pair.server, in, sizeof in);
  EXPECT_TRUE(peer.ok()) << peer.error.ToString();
  EXPECT_EQ(peer.bytes, 0u);
}

// libuv #3034: closing a Windows socket with a receive pending sends RST and destroys what the peer
// has not read yet. The last data is sent, Close follows with a receive pending, the peer reads
// late: all data, then FIN.
TEST_P(CloseTest, PendingReceiveDoesNotCostThePeerItsLastData) {
  Recv recv;
  std::byte in[8];
  StreamSender sender(19, 100000, 100000);
  StreamReader reader(19, 1000);
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  port.Recv(recv, pair.client, {IoBuffer{in, sizeof in}});
  sender.Start(port, pair.client);
  EXPECT_TRUE(loop_.RunUntil([&] { return sender.done(); }));
  port.Close(pair.client);
  EXPECT_TRUE(loop_.RunUntil([&] { return pair.client.is_joined(); }));
  loop_.Settle();
  reader.Start(port, pair.server);
  EXPECT_TRUE(loop_.RunUntil([&] { return reader.ended(); }));
  EXPECT_TRUE(reader.end_of_stream()) << reader.error().ToString();
  EXPECT_EQ(reader.received(), 100000u);
  EXPECT_TRUE(reader.intact());
}

// Bytes came that nobody read: the system may answer Close with RST then, on every OS. What must
// hold is that the peer hears of the end, and that Close itself is as clean as ever.
TEST_P(CloseTest, UnreadDataEndsThePeerOneWayOrTheOther) {
  Recv peer;
  std::byte in[8];
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  port.Recv(peer, pair.server, {IoBuffer{in, sizeof in}});
  EXPECT_TRUE(SendAll(loop_, port, pair.server, "unread", 6).ok());
  loop_.Settle();
  port.Close(pair.client);
  EXPECT_TRUE(pair.client.is_joined());
  EXPECT_TRUE(loop_.RunUntil([&] { return peer.arrived(); }));
  EXPECT_TRUE((peer.outcome().ok() && peer.bytes() == 0) || peer.code() == ErrorCode::kReset);
}

// Close in a handler, of the very socket whose operation ended, with the other operation pending;
// and Close of the other end there too, as a relay does.
TEST_P(CloseTest, CloseInsideAHandler) {
  Recv client_recv;
  Recv server_recv;
  Await other;
  std::byte in[2][8];
  Pair pair(loop_, GetParam());
  Pair bystander(loop_, GetParam());
  ASSERT_TRUE(pair.ok() && bystander.ok());
  Port& port = loop_.port();
  server_recv.then = [&](Outcome outcome) {
    EXPECT_TRUE(outcome.ok());
    port.Close(pair.server);
    EXPECT_TRUE(pair.server.is_joined()) << "its only operation is idle";
    port.Close(pair.client);
    EXPECT_FALSE(pair.client.is_joined()) << "its receive is pending";
    port.Close(bystander.server);
  };
  port.Recv(client_recv, pair.client, {IoBuffer{in[0], 8}});
  port.Recv(server_recv, pair.server, {IoBuffer{in[1], 8}});
  port.AwaitReadable(other, bystander.server);
  EXPECT_TRUE(SendAll(loop_, port, pair.client, "go", 2).ok());
  EXPECT_TRUE(loop_.RunUntil([&] { return client_recv.arrived() && other.arrived(); }));
  EXPECT_TRUE(pair.client.is_joined());
  EXPECT_TRUE(bystander.server.is_joined());
  loop_.Settle();
  EXPECT_EQ(client_recv.outcomes() + server_recv.outcomes() + other.outcomes(), 3);
}

// A socket object is opened again as soon as it is joined, usually with the very same handle. A
// completion or a cancel of the first life that reaches the second one shows as an outcome nobody
// asked for.
TEST_P(CloseTest, SecondLifeIsNotTouchedByTheFirst) {
  Accept accept;
  Recv recv;
  Recv server_recv;
  std::byte in[8];
  std::byte server_in[8];
  Port& port = loop_.port();
  Socket listener;
  Socket client;
  Socket server;
  ASSERT_TRUE(ListenLoopback(port, listener, GetParam()));
  for (int life = 1; life <= Rounds(200) && !HasFailure(); ++life) {
    ASSERT_TRUE(port.Open(client, GetParam()).ok());
    port.Accept(accept, listener);
    EXPECT_TRUE(ConnectOnce(loop_, port, client, listener.local()).ok());
    EXPECT_TRUE(loop_.RunUntil([&] { return accept.outcomes() == life; }));
    ASSERT_TRUE(accept.outcome().ok());
    ASSERT_TRUE(port.Adopt(server, accept.Take()).ok());
    port.Recv(recv, client, {IoBuffer{in, sizeof in}});
    port.Recv(server_recv, server, {IoBuffer{server_in, sizeof server_in}});
    loop_.Turn();
    EXPECT_EQ(recv.outcomes(), life - 1) << "an outcome of the life before";
    EXPECT_EQ(server_recv.outcomes(), life - 1);
    if (life % 2 == 0) {
      port.Close(client);
    } else {
      port.Abort(client);
    }
    port.Close(server);
    EXPECT_TRUE(loop_.RunUntil([&] { return client.is_joined() && server.is_joined(); }));
    EXPECT_EQ(recv.outcomes(), life);
    EXPECT_EQ(server_recv.outcomes(), life);
  }
  CloseNow(loop_, port, listener);
}

class CloseLoopTest : public ContractTest {};

// Close is idempotent, of an open socket, of a closing one, of a joined one, of one that was never
// opened; and a late Abort does nothing to what is gone.
TEST_F(CloseLoopTest, CloseIsIdempotent) {
  Recv recv;
  std::byte in[4];
  Socket never;
  Pair pair(loop_, Family::kV4);
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  port.Close(never);
  port.Abort(never);
  EXPECT_TRUE(never.is_joined());
  port.Recv(recv, pair.client, {IoBuffer{in, sizeof in}});
  loop_.Turn();
  port.Close(pair.client);
  port.Close(pair.client);
  EXPECT_TRUE(loop_.RunUntil([&] { return pair.client.is_joined(); }));
  port.Close(pair.client);
  port.Abort(pair.client);
  EXPECT_TRUE(pair.client.is_joined());
  loop_.Settle();
  EXPECT_EQ(recv.outcomes(), 1);
}

// A listener with eight accepts outstanding: each of them ends once with kAborted, and none
// restarts anything.
TEST_F(CloseLoopTest, ListenerWithAcceptsOutstanding) {
  std::array<Accept, 8> accepts;
  Port& port = loop_.port();
  for (const bool turn_before : {true, false}) {
    Socket listener;
    ASSERT_TRUE(ListenLoopback(port, listener, Family::kV4));
    for (Accept& accept : accepts) port.Accept(accept, listener);
    if (turn_before) loop_.Settle();
    const int before = accepts[0].outcomes();
    port.Close(listener);
    EXPECT_FALSE(listener.is_open());
    EXPECT_TRUE(loop_.RunUntil([&] { return listener.is_joined(); }));
    loop_.Settle();
    for (Accept& accept : accepts) {
      EXPECT_EQ(accept.outcomes(), before + 1);
      EXPECT_EQ(accept.code(), ErrorCode::kAborted) << accept.outcome().error.ToString();
    }
  }
}

// Connections that the kernel had accepted when their listener was closed, while nobody had looked
// yet: each accept hands its connection over or says kAborted, and no client is left in the air,
// connected to a descriptor that nobody knows.
TEST_F(CloseLoopTest, ListenerWithConnectionsComingIn) {
  constexpr std::size_t kClients = 6;
  Loop loop(2);
  Port& port = loop.port(1);
  for (int round = 0; round < Rounds(20) && !HasFailure(); ++round) {
    std::array<Accept, 4> accepts;
    std::array<Connect, kClients> connects;
    std::array<Recv, kClients> recvs;
    std::array<Socket, kClients> clients;
    std::byte in[4];
    Socket listener;
    ASSERT_TRUE(ListenLoopback(port, listener, Family::kV4));
    for (Accept& accept : accepts) port.Accept(accept, listener);
    loop.Turn(1);
    for (std::size_t i = 0; i < kClients; ++i) {
      ASSERT_TRUE(loop.port(0).Open(clients[i], Family::kV4).ok());
      loop.port(0).Connect(connects[i], clients[i], listener.local());
    }
    for (int turns = 0; turns < 1000 && !connects[kClients - 1].arrived(); ++turns) {
      loop.Turn(0, loop.port(0).now() + kMillisecond);
    }
    if (round % 2 == 1) loop.Turn(1, kPast, Budget{1});
    port.Close(listener);
    EXPECT_TRUE(loop.RunUntil([&] { return listener.is_joined(); }));
    for (Accept& accept : accepts) {
      EXPECT_EQ(accept.outcomes(), 1);
      EXPECT_TRUE(accept.outcome().ok() || accept.code() == ErrorCode::kAborted);
      if (accept.outcome().ok()) Port::Discard(accept.Take(), nullptr);
    }
    for (std::size_t i = 0; i < kClients; ++i) {
      EXPECT_TRUE(loop.RunUntil([&] { return connects[i].arrived(); }));
      if (!connects[i].outcome().ok()) continue;
      loop.port(0).Recv(recvs[i], clients[i], {IoBuffer{in, sizeof in}});
      EXPECT_TRUE(loop.RunUntil([&] { return recvs[i].arrived(); })) << "a connection was leaked";
      EXPECT_TRUE(recvs[i].code() == ErrorCode::kReset || recvs[i].bytes() == 0);
    }
    for (Socket& client : clients) CloseNow(loop, loop.port(0), client);
  }
}

// Connects that nobody accepts, more than the backlog takes: on some systems the last ones hang in
// the air. Close must end them like everything else; so must Abort.
TEST_F(CloseLoopTest, ConnectsInFlight) {
  constexpr std::size_t kClients = 12;
  Port& port = loop_.port();
  Socket listener;
  ASSERT_TRUE(ListenLoopback(port, listener, Family::kV4, 1));
  std::array<Connect, kClients> connects;
  std::array<Socket, kClients> clients;
  for (std::size_t i = 0; i < kClients; ++i) {
    ASSERT_TRUE(port.Open(clients[i], Family::kV4).ok());
    port.Connect(connects[i], clients[i], listener.local());
  }
  for (int i = 0; i < 4; ++i) loop_.Settle();
  int in_flight = 0;
  for (std::size_t i = 0; i < kClients; ++i) {
    in_flight += connects[i].arrived() ? 0 : 1;
    if (i % 2 == 0) {
      port.Close(clients[i]);
    } else {
      port.Abort(clients[i]);
    }
  }
  RecordProperty("in_flight", in_flight);
  for (std::size_t i = 0; i < kClients; ++i) {
    EXPECT_TRUE(loop_.RunUntil([&] { return connects[i].arrived() && clients[i].is_joined(); }));
    EXPECT_EQ(connects[i].outcomes(), 1);
    EXPECT_TRUE(connects[i].outcome().ok() || connects[i].code() == ErrorCode::kAborted ||
                connects[i].code() == ErrorCode::kRefused)
        << connects[i].outcome().error.ToString();
  }
  CloseNow(loop_, port, listener);
}

}  // namespace
}  // namespace sluice::contract
