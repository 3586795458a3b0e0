// SPDX-License-Identifier: Apache-2.0
//
// Half-close: FIN in one direction is an end of stream there and nothing else. A relay forwards it,
// so each of these is a property of every proxied connection.
#include <array>
#include <vector>

#include "tests/contract/harness.h"
#include "tests/contract/limits.h"
#include "tests/contract/stream.h"
#include "tests/failed_check.h"

namespace sluice::contract {
namespace {

class HalfCloseTest : public FamilyTest {};
SLUICE_BOTH_FAMILIES(HalfCloseTest);

// End of stream is success with 0 bytes, and says so however often it is asked, armed before or
// after the FIN.
TEST_P(HalfCloseTest, EndOfStreamIsZeroBytesAndRepeats) {
  Recv recv;
  std::byte in[8];
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  port.Recv(recv, pair.server, {IoBuffer{in, sizeof in}});
  loop_.Turn();
  EXPECT_TRUE(port.ShutdownSend(pair.client).ok());
  EXPECT_TRUE(loop_.RunUntil([&] { return recv.arrived(); }));
  EXPECT_TRUE(recv.outcome().ok()) << recv.outcome().error.ToString();
  EXPECT_EQ(recv.bytes(), 0u);
  for (int i = 0; i < 5; ++i) {
    const Outcome again = ReceiveOnce(loop_, port, pair.server, in, sizeof in);
    EXPECT_TRUE(again.ok()) << again.error.ToString();
    EXPECT_EQ(again.bytes, 0u);
  }
}

// The client is done asking, the answer still travels: sends after the peer's FIN arrive in full.
TEST_P(HalfCloseTest, SendAfterThePeersFinArrives) {
  constexpr std::uint64_t kTotal = 3 << 20;
  StreamSender answer(3, kTotal, 100000);
  StreamReader reader(3, 65536);
  std::byte in[8];
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  EXPECT_TRUE(port.ShutdownSend(pair.client).ok());
  EXPECT_EQ(ReceiveOnce(loop_, port, pair.server, in, sizeof in).bytes, 0u);
  answer.Start(port, pair.server);
  reader.Start(port, pair.client);
  EXPECT_TRUE(loop_.RunUntil([&] { return answer.done(); }));
  EXPECT_FALSE(answer.failed());
  EXPECT_TRUE(port.ShutdownSend(pair.server).ok());
  EXPECT_TRUE(loop_.RunUntil([&] { return reader.ended(); }));
  EXPECT_TRUE(reader.end_of_stream());
  EXPECT_TRUE(reader.intact());
  EXPECT_EQ(reader.received(), kTotal);
}

// The receive that is already armed when its own socket stops sending stays armed and gets data.
TEST_P(HalfCloseTest, ArmedReceiveOutlivesOwnShutdown) {
  Recv recv;
  std::byte in[8];
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  port.Recv(recv, pair.client, {IoBuffer{in, sizeof in}});
  loop_.Turn();
  EXPECT_TRUE(port.ShutdownSend(pair.client).ok());
  loop_.Settle();
  EXPECT_EQ(recv.outcomes(), 0) << "shutting down sending ended a receive";
  EXPECT_TRUE(SendAll(loop_, port, pair.server, "data", 4).ok());
  EXPECT_TRUE(loop_.RunUntil([&] { return recv.arrived(); }));
  EXPECT_TRUE(recv.outcome().ok());
  EXPECT_EQ(recv.bytes(), 4u);
}

// A send after one's own FIN is an error outcome: kShutDown, or kReset where the OS says broken
// pipe. Not a signal that ends the process, and not a success that sends nothing.
TEST_P(HalfCloseTest, SendAfterOwnFinFails) {
  Send send;
  std::byte out[8]{};
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  EXPECT_TRUE(port.ShutdownSend(pair.client).ok());
  port.Send(send, pair.client, {IoBuffer{out, sizeof out}});
  EXPECT_EQ(send.outcomes(), 0);
  EXPECT_TRUE(loop_.RunUntil([&] { return send.arrived(); }));
  EXPECT_TRUE(send.code() == ErrorCode::kShutDown || send.code() == ErrorCode::kReset)
      << send.outcome().error.ToString();
  loop_.Settle();
  EXPECT_EQ(send.outcomes(), 1);
}

// The last byte arrives before the FIN: everything whose send had succeeded, then end of stream,
// nothing else; with ShutdownSend and with Close right behind the outcome, while most of it is
// still on its way.
TEST_P(HalfCloseTest, EverythingSentArrivesBeforeTheFin) {
  for (const bool by_close : {false, true}) {
    StreamSender sender(9, 2 << 20, 256 << 10);
    StreamReader reader(9, 4096);
    Pair pair(loop_, GetParam());
    ASSERT_TRUE(pair.ok());
    Port& port = loop_.port();
    sender.Start(port, pair.client);
    reader.Start(port, pair.server);
    EXPECT_TRUE(loop_.RunUntil([&] { return sender.done(); }));
    EXPECT_FALSE(sender.failed());
    if (by_close) {
      port.Close(pair.client);
    } else {
      EXPECT_TRUE(port.ShutdownSend(pair.client).ok());
    }
    EXPECT_TRUE(loop_.RunUntil([&] { return reader.ended(); }));
    EXPECT_TRUE(reader.end_of_stream()) << reader.error().ToString();
    EXPECT_TRUE(reader.intact());
    EXPECT_EQ(reader.received(), std::uint64_t{2} << 20);
  }
}

// Both sides end, in either order, with the other's FIN already read or not: both see the end, both
// close clean.
TEST_P(HalfCloseTest, BothSidesMayEnd) {
  for (const bool read_between : {false, true}) {
    std::byte in[8];
    Pair pair(loop_, GetParam());
    ASSERT_TRUE(pair.ok());
    Port& port = loop_.port();
    EXPECT_TRUE(SendAll(loop_, port, pair.client, "ab", 2).ok());
    EXPECT_TRUE(port.ShutdownSend(pair.client).ok());
    if (read_between) {
      EXPECT_EQ(ReceiveOnce(loop_, port, pair.server, in, sizeof in).bytes, 2u);
    }
    EXPECT_TRUE(SendAll(loop_, port, pair.server, "xyz", 3).ok());
    EXPECT_TRUE(port.ShutdownSend(pair.server).ok());
    if (!read_between) {
      EXPECT_EQ(ReceiveOnce(loop_, port, pair.server, in, sizeof in).bytes, 2u);
    }
    EXPECT_EQ(ReceiveOnce(loop_, port, pair.client, in, sizeof in).bytes, 3u);
    for (Socket* end : {&pair.client, &pair.server}) {
      const Outcome outcome = ReceiveOnce(loop_, port, *end, in, sizeof in);
      EXPECT_TRUE(outcome.ok()) << outcome.error.ToString();
      EXPECT_EQ(outcome.bytes, 0u);
    }
  }
}

// A FIN that overtakes a send cuts the stream short and looks like its end, so asking for it is a
// failed check: with the send pending, and with its outcome not yet delivered.
TEST_P(HalfCloseTest, ShutdownWithASendUnderWayIsAFailedCheck) {
  SLUICE_NEEDS(Ability::kFailedChecks);
  const auto shut_down = [](std::size_t bytes) {
    Send send;
    std::vector<std::byte> out = Pattern(bytes, 1);
    Loop loop;
    Pair pair(loop, GetParam());
    loop.port().Send(send, pair.client, {IoBuffer{out.data(), bytes}});
    loop.port().ShutdownSend(pair.client);
  };
  SLUICE_EXPECT_FAILED_CHECK(shut_down(32 << 20), "HoldsSend");
  SLUICE_EXPECT_FAILED_CHECK(shut_down(1), "HoldsSend");
}

// ShutdownSend is synchronous and says so when there is nothing to shut down.
TEST_P(HalfCloseTest, ShutdownOfAnUnconnectedSocketFails) {
  Port& port = loop_.port();
  Socket socket;
  ASSERT_TRUE(port.Open(socket, GetParam()).ok());
  EXPECT_EQ(port.ShutdownSend(socket).code, ErrorCode::kNotConnected);
  CloseNow(loop_, port, socket);
}

}  // namespace
}  // namespace sluice::contract
