// SPDX-License-Identifier: Apache-2.0
//
// AwaitReadable: how an idle flow waits without holding memory. It ends when a receive would not
// wait, and takes nothing from the socket.
#include <array>
#include <memory>
#include <vector>

#include "tests/contract/harness.h"
#include "tests/contract/stream.h"

namespace sluice::contract {
namespace {

class ReadableTest : public FamilyTest {
 protected:
  // Runs until `await` has ended once more; its outcome.
  Outcome Ended(Await& await, int before) {
    EXPECT_TRUE(loop_.RunUntil([&] { return await.outcomes() > before; }))
        << "AwaitReadable never ended";
    return await.outcome();
  }
};
SLUICE_BOTH_FAMILIES(ReadableTest);

// Data ends it and stays where it is, also when it is awaited again before it was read: a level,
// not an edge.
TEST_P(ReadableTest, DataEndsItAndStays) {
  Await await;
  std::array<std::byte, 16> in{};
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  port.AwaitReadable(await, pair.server);
  loop_.Settle();
  EXPECT_EQ(await.outcomes(), 0) << "nothing to read yet";
  const std::vector<std::byte> out = Pattern(10, 3);
  EXPECT_TRUE(SendAll(loop_, port, pair.client, out.data(), out.size()).ok());
  for (int round = 0; round < 3; ++round) {
    if (round > 0) port.AwaitReadable(await, pair.server);
    const Outcome outcome = Ended(await, round);
    EXPECT_TRUE(outcome.ok()) << outcome.error.ToString();
    EXPECT_EQ(outcome.bytes, 0u);
  }
  std::size_t received = 0;
  while (received < out.size()) {
    const Outcome outcome = ReceiveOnce(loop_, port, pair.server, in.data(), in.size());
    ASSERT_TRUE(outcome.ok());
    ASSERT_GT(outcome.bytes, 0u);
    EXPECT_TRUE(PatternMatches(in.data(), outcome.bytes, 3, received));
    received += outcome.bytes;
  }
  // And then it waits again.
  port.AwaitReadable(await, pair.server);
  loop_.Settle();
  EXPECT_EQ(await.outcomes(), 3);
}

// FIN alone is readable: a flow whose peer leaves while it idles must hear of it, and the receive
// that follows says 0.
TEST_P(ReadableTest, FinEndsIt) {
  Await await;
  std::byte in[4];
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  port.AwaitReadable(await, pair.server);
  loop_.Turn();
  EXPECT_TRUE(port.ShutdownSend(pair.client).ok());
  EXPECT_TRUE(Ended(await, 0).ok());
  port.AwaitReadable(await, pair.server);
  EXPECT_TRUE(Ended(await, 1).ok());
  const Outcome outcome = ReceiveOnce(loop_, port, pair.server, in, sizeof in);
  EXPECT_TRUE(outcome.ok());
  EXPECT_EQ(outcome.bytes, 0u);
}

// RST ends it too, either way the contract allows: as a success, and then the receive must say
// kReset; or as kReset itself. What may not be is a reset that the receive then reports as a clean
// end of stream.
TEST_P(ReadableTest, ResetEndsIt) {
  Await await;
  std::byte in[4];
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  port.AwaitReadable(await, pair.server);
  loop_.Turn();
  port.Abort(pair.client);
  if (Ended(await, 0).ok()) {
    EXPECT_EQ(ReceiveOnce(loop_, port, pair.server, in, sizeof in).error.code, ErrorCode::kReset);
  } else {
    EXPECT_EQ(await.code(), ErrorCode::kReset) << await.outcome().error.ToString();
  }
}

// Data first, reset behind it: the wait ends, and ends once.
TEST_P(ReadableTest, DataThenResetEndsItOnce) {
  Await await;
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  port.AwaitReadable(await, pair.server);
  EXPECT_TRUE(SendAll(loop_, port, pair.client, "x", 1).ok());
  port.Abort(pair.client);
  Ended(await, 0);
  loop_.Settle();
  EXPECT_EQ(await.outcomes(), 1);
}

// Cancel ends it, nothing is consumed, and the socket serves a receive at once.
TEST_P(ReadableTest, CancelEndsItAndTakesNothing) {
  Await await;
  std::byte in[4];
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  for (int round = 0; round < Rounds(200) && !HasFailure(); ++round) {
    port.AwaitReadable(await, pair.server);
    if (round % 2 == 0) loop_.Turn();
    Send send;
    port.Send(send, pair.client, {IoBuffer{in, 1}});
    if (round % 3 == 0) loop_.Turn();
    port.Cancel(await);
    const Outcome outcome = Ended(await, round);
    EXPECT_TRUE(outcome.ok() || outcome.error.code == ErrorCode::kAborted)
        << outcome.error.ToString();
    EXPECT_TRUE(loop_.RunUntil([&] { return send.arrived(); }));
    EXPECT_EQ(ReceiveOnce(loop_, port, pair.server, in, sizeof in).bytes, 1u);
  }
}

// A send does not disturb a wait on the same socket, nor the wait the send.
TEST_P(ReadableTest, SendsGoOnWhileItWaits) {
  Await await;
  std::array<std::byte, 64> in{};
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  port.AwaitReadable(await, pair.server);
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(SendAll(loop_, port, pair.server, "abc", 3).ok());
    EXPECT_GT(ReceiveOnce(loop_, port, pair.client, in.data(), in.size()).bytes, 0u);
  }
  EXPECT_EQ(await.outcomes(), 0);
}

// A hundred idle flows, of which every tenth wakes: exactly those hear of it, each one once.
TEST_P(ReadableTest, OnlyThoseWithDataEnd) {
  constexpr std::size_t kFlows = 100;
  std::array<Await, kFlows> awaits;
  std::vector<std::unique_ptr<Pair>> pairs;
  for (std::size_t i = 0; i < kFlows; ++i) {
    pairs.push_back(std::make_unique<Pair>(loop_, GetParam()));
    ASSERT_TRUE(pairs.back()->ok());
    loop_.port().AwaitReadable(awaits[i], pairs[i]->server);
  }
  for (std::size_t i = 0; i < kFlows; i += 10) {
    EXPECT_TRUE(SendAll(loop_, loop_.port(), pairs[i]->client, "!", 1).ok());
  }
  for (std::size_t i = 0; i < kFlows; i += 10) EXPECT_TRUE(Ended(awaits[i], 0).ok());
  loop_.Settle();
  for (std::size_t i = 0; i < kFlows; ++i)
    EXPECT_EQ(awaits[i].outcomes(), i % 10 == 0 ? 1 : 0) << i;
  pairs.clear();
  for (std::size_t i = 0; i < kFlows; ++i) EXPECT_EQ(awaits[i].outcomes(), 1) << i;
}

// On a socket that never connected there is nothing to wait for: an outcome, success or error, but
// no hang.
TEST_P(ReadableTest, UnconnectedSocketDoesNotHang) {
  Await await;
  std::byte in[4];
  Port& port = loop_.port();
  Socket socket;
  ASSERT_TRUE(port.Open(socket, GetParam()).ok());
  port.AwaitReadable(await, socket);
  EXPECT_TRUE(loop_.RunUntil([&] { return await.arrived(); }));
  EXPECT_FALSE(ReceiveOnce(loop_, port, socket, in, sizeof in).ok());
  CloseNow(loop_, port, socket);
}

}  // namespace
}  // namespace sluice::contract
