// SPDX-License-Identifier: Apache-2.0
//
// Reset: RST travels as RST. A reset that arrives as a clean end of stream turns a cut-off download
// into a complete one.
#include <array>

#include "tests/contract/harness.h"
#include "tests/contract/stream.h"

namespace sluice::contract {
namespace {

class ResetTest : public FamilyTest {};
SLUICE_BOTH_FAMILIES(ResetTest);

// A send into a connection that is gone: the OS says reset or broken pipe, never success for ever.
bool SendFails(Loop& loop, Port& port, Socket& socket) {
  for (int i = 0; i < 100; ++i) {
    const Outcome outcome = SendAll(loop, port, socket, "x", 1);
    if (!outcome.ok()) {
      return outcome.error.code == ErrorCode::kReset || outcome.error.code == ErrorCode::kShutDown;
    }
    loop.Settle();
  }
  return false;
}

// The receive that waits hears of the reset, once, as kReset: on Windows the packet says 64
// (ERROR_NETNAME_DELETED), which must not fall into kOther.
TEST_P(ResetTest, PendingReceiveSaysReset) {
  Recv recv;
  std::byte in[8];
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  port.Recv(recv, pair.server, {IoBuffer{in, sizeof in}});
  loop_.Settle();
  port.Abort(pair.client);
  EXPECT_TRUE(loop_.RunUntil([&] { return recv.arrived(); }));
  EXPECT_EQ(recv.code(), ErrorCode::kReset) << recv.outcome().error.ToString();
  EXPECT_NE(recv.outcome().error.raw, 0);
  loop_.Settle();
  EXPECT_EQ(recv.outcomes(), 1);
}

// Behind a FIN no receive tells of a reset; a question does, and says no before.
TEST_P(ResetTest, ResetBehindAFinIsToldWhenAsked) {
  std::byte in[8];
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  EXPECT_TRUE(port.ShutdownSend(pair.client).ok());
  EXPECT_EQ(ReceiveOnce(loop_, port, pair.server, in, sizeof in).bytes, 0u);
  loop_.Settle();
  EXPECT_FALSE(port.WasReset(pair.server)) << "it only ended its stream";
  port.Abort(pair.client);
  SLUICE_NEEDS(Ability::kTellsOfLateReset);
  const Instant end = port.now() + kPatience;
  while (!port.WasReset(pair.server) && port.now() < end) {
    loop_.Turn(0, port.now() + 2 * kMillisecond);
  }
  EXPECT_TRUE(port.WasReset(pair.server));
}

// Nothing armed when the RST arrives: the next receive says it (inline on Windows, 10054: the other
// table).
TEST_P(ResetTest, NextReceiveSaysReset) {
  SLUICE_NEEDS(Ability::kRemembersReset);
  std::byte in[8];
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  port.Abort(pair.client);
  loop_.Settle();
  const Outcome outcome = ReceiveOnce(loop_, port, pair.server, in, sizeof in);
  EXPECT_EQ(outcome.error.code, ErrorCode::kReset) << outcome.error.ToString();
  EXPECT_TRUE(SendFails(loop_, port, pair.server));
}

// Both ends of a relay abort at once, or one after the other: the second Abort finds a dead
// connection.
TEST_P(ResetTest, AbortOnBothEnds) {
  Recv recv;
  std::byte in[8];
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  port.Recv(recv, pair.server, {IoBuffer{in, sizeof in}});
  port.Abort(pair.client);
  port.Abort(pair.server);
  EXPECT_FALSE(pair.server.is_open());
  EXPECT_TRUE(loop_.RunUntil([&] { return pair.client.is_joined() && pair.server.is_joined(); }));
  EXPECT_EQ(recv.outcomes(), 1);
  EXPECT_TRUE(recv.code() == ErrorCode::kAborted || recv.code() == ErrorCode::kReset);
}

// Abort with received bytes unread, and with an operation of its own pending: still RST, and its
// own receive ends with kAborted.
TEST_P(ResetTest, AbortWithUnreadDataAndAPendingReceive) {
  Recv own;
  Recv peer;
  std::array<std::byte, 8> in{};
  std::array<std::byte, 8> peer_in{};
  for (const bool pending : {false, true}) {
    Pair pair(loop_, GetParam());
    ASSERT_TRUE(pair.ok());
    Port& port = loop_.port();
    const int before = peer.outcomes();
    port.Recv(peer, pair.server, {IoBuffer{peer_in.data(), 8}});
    if (pending) {
      port.Recv(own, pair.client, {IoBuffer{in.data(), 8}});
      loop_.Turn();
    } else {
      EXPECT_TRUE(SendAll(loop_, port, pair.server, "unread", 6).ok());
    }
    port.Abort(pair.client);
    EXPECT_TRUE(
        loop_.RunUntil([&] { return peer.outcomes() > before && pair.client.is_joined(); }));
    EXPECT_EQ(peer.code(), ErrorCode::kReset) << peer.outcome().error.ToString();
  }
  EXPECT_EQ(own.outcomes(), 1);
  EXPECT_EQ(own.code(), ErrorCode::kAborted);
}

// Abort with a send blocked half-way: unsent bytes are dropped and the peer sees a reset after
// whatever prefix it could still read, never an end of stream. (closesocket with a send pending
// gives a clean end unless SO_LINGER says otherwise; windows-notes.md 2, row 2.)
TEST_P(ResetTest, AbortWithASendPendingIsNoEndOfStream) {
  SLUICE_NEEDS(Ability::kRemembersReset);
  StreamSender sender(5, std::uint64_t{1} << 40, 8 << 20);
  StreamReader reader(5, 65536);
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  sender.Start(port, pair.client);
  loop_.Settle();
  port.Abort(pair.client);
  EXPECT_TRUE(loop_.RunUntil([&] { return pair.client.is_joined(); }));
  reader.Start(port, pair.server);
  EXPECT_TRUE(loop_.RunUntil([&] { return reader.ended(); }));
  EXPECT_TRUE(reader.intact());
  EXPECT_FALSE(reader.end_of_stream()) << "a truncated stream looked complete";
  EXPECT_EQ(reader.error().code, ErrorCode::kReset) << reader.error().ToString();
}

// The same, seen from the peer's sending side, where a FIN would let the first send pass.
TEST_P(ResetTest, AbortWithASendPendingFailsThePeersNextSend) {
  StreamSender sender(5, std::uint64_t{1} << 40, 8 << 20);
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  sender.Start(port, pair.client);
  loop_.Settle();
  EXPECT_FALSE(sender.done());
  port.Abort(pair.client);
  EXPECT_TRUE(loop_.RunUntil([&] { return pair.client.is_joined(); }));
  loop_.Settle();
  const Outcome outcome = SendAll(loop_, port, pair.server, "x", 1);
  EXPECT_EQ(outcome.error.code, ErrorCode::kReset) << outcome.error.ToString();
}

// The send that waits for room when the reader resets ends with kReset.
TEST_P(ResetTest, BlockedSendSaysReset) {
  StreamSender sender(5, std::uint64_t{1} << 40, 8 << 20);
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  sender.Start(port, pair.client);
  loop_.Settle();
  EXPECT_FALSE(sender.done());
  port.Abort(pair.server);
  EXPECT_TRUE(loop_.RunUntil([&] { return sender.failed(); }));
  EXPECT_EQ(sender.error().code, ErrorCode::kReset) << sender.error().ToString();
}

// Receive and send both pending when the reset comes: one outcome each, and kReset in at least one
// of them. (Linux hands the socket's error to whichever asks first; the other may see a broken pipe
// or an end of stream. So a leg whose send failed must not believe the end of stream that follows.)
TEST_P(ResetTest, ReceiveAndSendBothHearOfIt) {
  StreamSender sender(5, std::uint64_t{1} << 40, 8 << 20);
  Recv recv;
  std::byte in[8];
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  sender.Start(port, pair.client);
  port.Recv(recv, pair.client, {IoBuffer{in, sizeof in}});
  loop_.Settle();
  port.Abort(pair.server);
  EXPECT_TRUE(loop_.RunUntil([&] { return sender.failed() && recv.arrived(); }));
  loop_.Settle();
  EXPECT_EQ(recv.outcomes(), 1);
  EXPECT_TRUE(sender.error().code == ErrorCode::kReset ||
              sender.error().code == ErrorCode::kShutDown);
  EXPECT_TRUE(sender.error().code == ErrorCode::kReset || recv.code() == ErrorCode::kReset);
}

// Close that becomes Abort while it is being joined: the stronger word counts.
TEST_P(ResetTest, AbortAfterCloseWhileJoiningIsAReset) {
  Recv own;
  Recv peer;
  std::byte in[8];
  std::byte peer_in[8];
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  port.Recv(own, pair.client, {IoBuffer{in, sizeof in}});
  port.Recv(peer, pair.server, {IoBuffer{peer_in, sizeof peer_in}});
  loop_.Settle();
  port.Close(pair.client);
  const bool joining = !pair.client.is_joined();
  port.Abort(pair.client);
  EXPECT_TRUE(loop_.RunUntil([&] { return peer.arrived() && pair.client.is_joined(); }));
  EXPECT_EQ(own.outcomes(), 1);
  EXPECT_TRUE(joining) << "the receive held the socket, so Close could not have finished at once";
  EXPECT_EQ(peer.code(), ErrorCode::kReset) << peer.outcome().error.ToString();
}

}  // namespace
}  // namespace sluice::contract
