// SPDX-License-Identifier: Apache-2.0
//
// Bytes: every one, once, in order, whatever the sizes of the pieces on either side.
#include <array>
#include <numeric>
#include <vector>

#include "engine/base/prng.h"
#include "tests/contract/harness.h"
#include "tests/contract/stream.h"

namespace sluice::contract {
namespace {

class TransferTest : public FamilyTest {};
SLUICE_BOTH_FAMILIES(TransferTest);

// 64 MiB in one buffer is far more than any kernel holds, and the reader takes a little a turn.
// Guards against: a partial send reported as full (or the other way round), sizes cut to 16 or 31
// bits, a send that is not taken up again when there is room.
TEST_P(TransferTest, LargeSendThroughASlowReaderIsExact) {
  constexpr std::uint64_t kTotal = 64 << 20;
  StreamSender sender(17, kTotal, kTotal);
  StreamReader reader(17, 48 * 1024 + 1);
  Defer pause;
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  pause.then = [&](Outcome) {
    if (pair.server.is_open()) reader.GoOn();
  };
  reader.pace = [&] { port.Defer(pause); };
  sender.Start(port, pair.client);
  reader.Start(port, pair.server);
  EXPECT_TRUE(loop_.RunUntil(
      [&] { return reader.received() == kTotal || reader.ended() || sender.failed(); }));
  EXPECT_TRUE(reader.intact());
  EXPECT_EQ(reader.received(), kTotal);
  EXPECT_TRUE(loop_.RunUntil([&] { return sender.done(); }));
  EXPECT_EQ(sender.sent(), kTotal);
  pair.Finish();
  EXPECT_TRUE(loop_.RunUntil([&] { return pause.idle(); }));
}

// What is left of `pieces` after `taken` bytes.
std::vector<IoBuffer> Rest(const std::vector<IoBuffer>& pieces, std::size_t taken) {
  std::vector<IoBuffer> rest;
  for (const IoBuffer& piece : pieces) {
    if (taken >= piece.size) {
      taken -= piece.size;
      continue;
    }
    rest.push_back(IoBuffer{static_cast<std::byte*>(piece.data) + taken, piece.size - taken});
    taken = 0;
  }
  return rest;
}

// Sixteen buffers, the most there may be, of odd sizes from nothing to 70001: a wrong order, a
// buffer left out, an empty one taken for the end, or a second send of the rest that starts at the
// wrong byte all change the sum.
TEST_P(TransferTest, GatherOfSixteenOddSizesKeepsOrder) {
  constexpr std::size_t kSizes[16] = {1,     3, 70001, 1, 513,   0,    4097, 2,
                                      65535, 7, 31,    1, 12289, 8191, 0,    1};
  const std::size_t total = std::accumulate(std::begin(kSizes), std::end(kSizes), std::size_t{0});
  std::vector<std::vector<std::byte>> memory;
  std::vector<IoBuffer> pieces;
  std::size_t offset = 0;
  for (const std::size_t size : kSizes) {
    memory.push_back(Pattern(size, 23, offset));
    pieces.push_back(IoBuffer{memory.back().data(), size});
    offset += size;
  }
  Send send;
  StreamReader reader(23, 30011);
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  std::size_t taken = 0;
  send.then = [&](Outcome outcome) {
    ASSERT_TRUE(outcome.ok());
    ASSERT_GT(outcome.bytes, 0u);
    taken += outcome.bytes;
    ASSERT_LE(taken, total);
    if (taken < total) port.Send(send, pair.client, Rest(pieces, taken));
  };
  port.Send(send, pair.client, pieces);
  reader.Start(port, pair.server);
  EXPECT_TRUE(loop_.RunUntil(
      [&] { return (taken == total && reader.received() >= total) || HasFailure(); }));
  EXPECT_EQ(reader.received(), total);
  EXPECT_TRUE(reader.intact());
  pair.Finish();
}

// Four buffers, the first of them empty: filled in order, none skipped, none written past its end.
TEST_P(TransferTest, ScatterFillsBuffersInOrder) {
  constexpr std::size_t kSizes[4] = {0, 1, 7, 100};
  std::array<std::array<std::byte, 128>, 4> memory{};
  Recv recv;
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  const std::vector<std::byte> out = Pattern(60, 29);
  EXPECT_TRUE(SendAll(loop_, port, pair.client, out.data(), out.size()).ok());
  std::size_t received = 0;
  while (received < out.size() && !HasFailure()) {
    for (auto& buffer : memory) buffer.fill(std::byte{0xEE});
    std::array<IoBuffer, 4> buffers;
    for (std::size_t i = 0; i < 4; ++i) buffers[i] = IoBuffer{memory[i].data(), kSizes[i]};
    const int before = recv.outcomes();
    port.Recv(recv, pair.server, buffers);
    ASSERT_TRUE(loop_.RunUntil([&] { return recv.outcomes() > before; }));
    ASSERT_TRUE(recv.outcome().ok());
    ASSERT_GT(recv.bytes(), 0u);
    std::size_t left = recv.bytes();
    for (std::size_t i = 0; i < 4; ++i) {
      const std::size_t here = std::min(left, kSizes[i]);
      EXPECT_TRUE(PatternMatches(memory[i].data(), here, 29, received)) << "buffer " << i;
      for (std::size_t k = here; k < 128; ++k) EXPECT_EQ(memory[i][k], std::byte{0xEE});
      received += here;
      left -= here;
    }
    EXPECT_EQ(left, 0u);
  }
  EXPECT_EQ(received, out.size());
}

// A receive smaller than what waits takes its share and leaves the rest; it never waits to be
// filled, and a receive larger than what waits returns what there is.
TEST_P(TransferTest, ReceiveTakesWhatFitsAndWaitsForNothingMore) {
  std::array<std::byte, 1000> in{};
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  const std::vector<std::byte> out = Pattern(10, 31);
  EXPECT_TRUE(SendAll(loop_, port, pair.client, out.data(), out.size()).ok());
  const Outcome first = ReceiveOnce(loop_, port, pair.server, in.data(), 4);
  ASSERT_TRUE(first.ok());
  EXPECT_LE(first.bytes, 4u);
  std::size_t received = first.bytes;
  EXPECT_TRUE(PatternMatches(in.data(), first.bytes, 31, 0));
  while (received < out.size()) {
    const Outcome next = ReceiveOnce(loop_, port, pair.server, in.data(), in.size());
    ASSERT_TRUE(next.ok());
    ASSERT_GT(next.bytes, 0u);
    EXPECT_TRUE(PatternMatches(in.data(), next.bytes, 31, received));
    received += next.bytes;
  }
  EXPECT_EQ(received, out.size());
}

// A socket carries one receive and one send at the same time. State kept per socket instead of per
// operation, or a poll for one direction that forgets the other, stalls or mixes the two streams.
TEST_P(TransferTest, BothDirectionsAtOnce) {
  constexpr std::uint64_t kTotal = 8 << 20;
  StreamSender up(37, kTotal, 200001);
  StreamSender down(41, kTotal, 77777);
  StreamReader at_server(37, 65536);
  StreamReader at_client(41, 12345);
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  at_server.Start(port, pair.server);
  at_client.Start(port, pair.client);
  up.Start(port, pair.client);
  down.Start(port, pair.server);
  EXPECT_TRUE(loop_.RunUntil([&] {
    return (at_server.received() == kTotal && at_client.received() == kTotal) || up.failed() ||
           down.failed();
  }));
  EXPECT_TRUE(loop_.RunUntil([&] { return up.done() && down.done(); }));
  EXPECT_EQ(at_server.received(), kTotal);
  EXPECT_EQ(at_client.received(), kTotal);
  EXPECT_TRUE(at_server.intact());
  EXPECT_TRUE(at_client.intact());
  pair.Finish();
}

// Two hundred small sends without any receive armed, each with its own outcome: nothing is merged
// away, nothing waits for the reader, and Nagle's algorithm does not hold the last one back.
TEST_P(TransferTest, ManySmallSendsArriveWithoutAReader) {
  std::array<std::byte, 4096> in{};
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  std::uint64_t sent = 0;
  for (int i = 0; i < 200; ++i) {
    const std::vector<std::byte> piece = Pattern(1 + static_cast<std::size_t>(i % 5), 43, sent);
    const Outcome outcome = SendAll(loop_, port, pair.client, piece.data(), piece.size());
    ASSERT_TRUE(outcome.ok());
    sent += outcome.bytes;
  }
  std::uint64_t received = 0;
  while (received < sent) {
    const Outcome outcome = ReceiveOnce(loop_, port, pair.server, in.data(), in.size());
    ASSERT_TRUE(outcome.ok());
    ASSERT_GT(outcome.bytes, 0u);
    EXPECT_TRUE(PatternMatches(in.data(), outcome.bytes, 43, received));
    received += outcome.bytes;
  }
  EXPECT_EQ(received, sent);
}

// Bytes do not know of it, and it may be said again.
TEST_P(TransferTest, KeptAliveBytesGoOn) {
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  EXPECT_TRUE(port.KeepAlive(pair.client, 300 * kSecond, 75 * kSecond).ok());
  EXPECT_TRUE(port.KeepAlive(pair.client, kSecond, kSecond).ok());
  EXPECT_TRUE(port.KeepAlive(pair.server, 32767 * kSecond, 32767 * kSecond).ok());
  std::byte in[5];
  ASSERT_TRUE(SendAll(loop_, port, pair.client, "there", 5).ok());
  EXPECT_EQ(ReceiveOnce(loop_, port, pair.server, in, sizeof in).bytes, 5u);
  ASSERT_TRUE(SendAll(loop_, port, pair.server, "back", 4).ok());
  EXPECT_EQ(ReceiveOnce(loop_, port, pair.client, in, sizeof in).bytes, 4u);
}

}  // namespace
}  // namespace sluice::contract
