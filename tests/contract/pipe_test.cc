// SPDX-License-Identifier: Apache-2.0
//
// Pipes: bytes that go from one socket to another without being seen, by the same rules as those
// that land in memory.
#include <csignal>

#include "tests/contract/harness.h"
#include "tests/contract/stream.h"

namespace sluice::contract {
namespace {

using io::Pipe;

constexpr std::size_t kPieceMax = 100'000;

// A relay of one direction: `in`'s server end is received from, `out`'s client end is sent to.
class PipeTest : public FamilyTest {
 protected:
  void SetUp() override {
    SLUICE_NEEDS(Ability::kPipes);
    FamilyTest::SetUp();
    ASSERT_TRUE(loop_.port().OpenPipe(pipe_).ok());
    recv_.then = [this](Outcome outcome) {
      if (!outcome.ok() || outcome.bytes == 0) return;
      EXPECT_EQ(pipe_.size(), outcome.bytes);
      relayed_ += outcome.bytes;
      loop_.port().Send(send_, to_->client, pipe_);
    };
    send_.then = [this](Outcome outcome) {
      if (!outcome.ok()) return;
      if (pipe_.size() > 0) return loop_.port().Send(send_, to_->client, pipe_);
      loop_.port().Recv(recv_, from_->server, pipe_, kPieceMax);
    };
  }
  void TearDown() override {
    Port::ClosePipe(pipe_);
    FamilyTest::TearDown();
  }
  void Relay(Pair& from, Pair& to) {
    from_ = &from;
    to_ = &to;
    loop_.port().Recv(recv_, from.server, pipe_, kPieceMax);
  }

  Pipe pipe_;
  Pair* from_ = nullptr;
  Pair* to_ = nullptr;
  std::uint64_t relayed_ = 0;
  Recv recv_;
  Send send_;
};
SLUICE_BOTH_FAMILIES(PipeTest);

// Through a reader that takes a little a turn, so that the send has to wait. Guards against a
// splice that blocks the turn, bytes left in the pipe when the next receive begins, and an end
// taken for nothing.
TEST_P(PipeTest, StreamThroughASlowReaderIsExact) {
  constexpr std::uint64_t kTotal = 16 << 20;
  StreamSender sender(5, kTotal, kTotal);
  StreamReader reader(5, 48 * 1024 + 1);
  Defer pause;
  Pair in(loop_, GetParam());
  Pair out(loop_, GetParam());
  ASSERT_TRUE(in.ok() && out.ok());
  pause.then = [&](Outcome) {
    if (out.server.is_open()) reader.GoOn();
  };
  reader.pace = [&] { loop_.port().Defer(pause); };
  sender.Start(loop_.port(), in.client);
  reader.Start(loop_.port(), out.server);
  Relay(in, out);
  EXPECT_TRUE(loop_.RunUntil([&] { return reader.received() == kTotal || reader.ended(); }));
  EXPECT_TRUE(reader.intact());
  EXPECT_EQ(reader.received(), kTotal);
  EXPECT_EQ(relayed_, kTotal);
  const int before = recv_.outcomes();
  CloseNow(loop_, loop_.port(), in.client);
  EXPECT_TRUE(loop_.RunUntil([&] { return recv_.outcomes() > before; }));
  EXPECT_TRUE(recv_.outcome().ok());
  EXPECT_EQ(recv_.outcome().bytes, 0u) << "the end of the stream";
  EXPECT_EQ(pipe_.size(), 0u);
  out.Finish();
  EXPECT_TRUE(loop_.RunUntil([&] { return pause.idle(); }));
}

TEST_P(PipeTest, AReceiveTakesNoMoreThanItMay) {
  Pair in(loop_, GetParam());
  ASSERT_TRUE(in.ok());
  ASSERT_TRUE(SendAll(loop_, loop_.port(), in.client, "0123456789", 10).ok());
  recv_.then = nullptr;
  loop_.port().Recv(recv_, in.server, pipe_, 4);
  ASSERT_TRUE(loop_.RunUntil([&] { return recv_.arrived(); }));
  EXPECT_TRUE(recv_.outcome().ok());
  EXPECT_LE(recv_.outcome().bytes, 4u);
  EXPECT_EQ(pipe_.size(), recv_.outcome().bytes);
}

// A receive that waits, and a send that waits for room, are cancelled like any other.
TEST_P(PipeTest, CancelEndsAReceiveThatWaits) {
  Pair in(loop_, GetParam());
  ASSERT_TRUE(in.ok());
  loop_.port().Recv(recv_, in.server, pipe_, kPieceMax);
  loop_.Settle();
  EXPECT_FALSE(recv_.arrived());
  loop_.port().Cancel(recv_);
  ASSERT_TRUE(loop_.RunUntil([&] { return recv_.arrived(); }));
  EXPECT_EQ(recv_.code(), ErrorCode::kAborted);
  EXPECT_EQ(pipe_.size(), 0u);
}

TEST_P(PipeTest, CloseEndsASendThatWaitsWithAReset) {
  StreamSender sender(7, 64 << 20, 1 << 20);
  Pair in(loop_, GetParam());
  Pair out(loop_, GetParam());
  ASSERT_TRUE(in.ok() && out.ok());
  sender.Start(loop_.port(), in.client);
  Relay(in, out);
  // Nobody reads at the other end, so it comes to a stop.
  std::uint64_t before = ~std::uint64_t{0};
  while (before != relayed_) {
    before = relayed_;
    loop_.Settle();
  }
  ASSERT_FALSE(send_.idle());
  const int outcomes = send_.outcomes();
  loop_.port().Close(out.client);
  ASSERT_TRUE(loop_.RunUntil([&] { return send_.outcomes() > outcomes; }));
  EXPECT_EQ(send_.code(), ErrorCode::kAborted);
  StreamReader reader(7, 65536);
  reader.Start(loop_.port(), out.server);
  ASSERT_TRUE(loop_.RunUntil([&] { return reader.ended(); }));
  EXPECT_TRUE(reader.intact());
  EXPECT_EQ(reader.error().code, ErrorCode::kReset);
  in.Finish();
}

// Also where nobody ignores SIGPIPE: it would end this program.
TEST_P(PipeTest, ASendBehindAFinIsAnErrorAndNoSignal) {
#ifdef SIGPIPE
  std::signal(SIGPIPE, SIG_DFL);
#endif
  Pair in(loop_, GetParam());
  Pair out(loop_, GetParam());
  ASSERT_TRUE(in.ok() && out.ok());
  ASSERT_TRUE(loop_.port().ShutdownSend(out.client).ok());
  Relay(in, out);
  ASSERT_TRUE(SendAll(loop_, loop_.port(), in.client, "0123456789", 10).ok());
  ASSERT_TRUE(loop_.RunUntil([&] { return send_.arrived(); }));
  EXPECT_EQ(send_.code(), ErrorCode::kShutDown);
  EXPECT_EQ(pipe_.size(), 10u);
}

// A socket that was used with a pipe is used without one again.
TEST_P(PipeTest, MemoryAndPipeTakeTurns) {
  Pair in(loop_, GetParam());
  Pair out(loop_, GetParam());
  ASSERT_TRUE(in.ok() && out.ok());
  char buffer[16];
  for (int round = 0; round < 3; ++round) {
    const int sends = send_.outcomes();
    ASSERT_TRUE(SendAll(loop_, loop_.port(), in.client, "there", 5).ok());
    Relay(in, out);
    ASSERT_TRUE(loop_.RunUntil([&] { return send_.outcomes() > sends; }));
    const int receives = recv_.outcomes();
    loop_.port().Cancel(recv_);
    ASSERT_TRUE(loop_.RunUntil([&] { return recv_.outcomes() > receives; }));
    EXPECT_EQ(ReceiveOnce(loop_, loop_.port(), out.server, buffer, sizeof buffer).bytes, 5u);
    ASSERT_TRUE(SendAll(loop_, loop_.port(), out.client, "by hand", 7).ok());
    EXPECT_EQ(ReceiveOnce(loop_, loop_.port(), out.server, buffer, sizeof buffer).bytes, 7u);
    ASSERT_TRUE(SendAll(loop_, loop_.port(), in.client, "here", 4).ok());
    EXPECT_EQ(ReceiveOnce(loop_, loop_.port(), in.server, buffer, sizeof buffer).bytes, 4u);
  }
}

class PipeLoopTest : public ContractTest {};

TEST_F(PipeLoopTest, WhereThereAreNoneItSaysSo) {
  if (WhyNot(Ability::kPipes) == nullptr) GTEST_SKIP() << "this backend has pipes";
  Pipe pipe;
  EXPECT_EQ(loop_.port().OpenPipe(pipe).code, ErrorCode::kNotSupported);
  EXPECT_FALSE(pipe.is_open());
}

}  // namespace
}  // namespace sluice::contract
