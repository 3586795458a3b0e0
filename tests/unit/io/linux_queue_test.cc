// SPDX-License-Identifier: Apache-2.0
//
// What only io_uring meets: a submission queue that the kernel does not empty, a completion queue
// that runs over, and the flags of an entry. The calls that enter the kernel come through here
// (tests/CMakeLists.txt, --wrap), so that a test can have them refused, and see what they submit.
#ifdef __linux__

#include <liburing.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <memory>
#include <vector>

#include "gtest/gtest.h"
#include "tests/contract/fake_platform.h"
#include "tests/contract/harness.h"

namespace {

// One thread.
struct Kernel {
  bool takes_nothing = false;
  int refused = 0;           // submits that it took nothing of
  int overflows = 0;         // submits with completions waiting for room
  int sends = 0;             // entries that send
  int sends_signalling = 0;  // of those, without MSG_NOSIGNAL
} kernel;

void LookAt(io_uring* ring) {
  if ((IO_URING_READ_ONCE(*ring->sq.kflags) & IORING_SQ_CQ_OVERFLOW) != 0) ++kernel.overflows;
  for (unsigned i = ring->sq.sqe_head; i != ring->sq.sqe_tail; ++i) {
    const io_uring_sqe& sqe = ring->sq.sqes[i & ring->sq.ring_mask];
    if (sqe.opcode != IORING_OP_SEND && sqe.opcode != IORING_OP_SENDMSG) continue;
    ++kernel.sends;
    if ((sqe.msg_flags & MSG_NOSIGNAL) == 0) ++kernel.sends_signalling;
  }
}

// True when the submit shall fail, as when the kernel has no memory for requests. Completions come
// nevertheless.
bool Refuses(io_uring* ring) {
  if (!kernel.takes_nothing || io_uring_sq_ready(ring) == 0) return false;
  ++kernel.refused;
  io_uring_get_events(ring);
  return true;
}

}  // namespace

extern "C" {
int __real_io_uring_submit(io_uring* ring);
int __real_io_uring_submit_and_get_events(io_uring* ring);
int __real_io_uring_submit_and_wait_timeout(io_uring* ring, io_uring_cqe** cqe, unsigned wait,
                                            __kernel_timespec* timeout, sigset_t* mask);

int __wrap_io_uring_submit(io_uring* ring) {
  LookAt(ring);
  return Refuses(ring) ? -EAGAIN : __real_io_uring_submit(ring);
}
int __wrap_io_uring_submit_and_get_events(io_uring* ring) {
  LookAt(ring);
  return Refuses(ring) ? -EAGAIN : __real_io_uring_submit_and_get_events(ring);
}
int __wrap_io_uring_submit_and_wait_timeout(io_uring* ring, io_uring_cqe** cqe, unsigned wait,
                                            __kernel_timespec* timeout, sigset_t* mask) {
  LookAt(ring);
  return Refuses(ring) ? -EAGAIN
                       : __real_io_uring_submit_and_wait_timeout(ring, cqe, wait, timeout, mask);
}
}

namespace sluice::io {
namespace {

using contract::Await;
using contract::Connect;
using contract::FakePlatform;
using contract::kPast;
using contract::Loop;
using contract::Pair;
using contract::Recv;
using contract::Send;

PortOptions Depth(unsigned depth) {
  PortOptions options;
  options.queue_depth = depth;
  return options;
}

// From outside of the port under test.
void SendRaw(const Socket& socket, char byte) {
  ASSERT_EQ(send(static_cast<int>(socket.native()), &byte, 1, MSG_NOSIGNAL), 1);
}

class LinuxQueueTest : public ::testing::Test {
 protected:
  LinuxQueueTest() { kernel = Kernel{}; }
  ~LinuxQueueTest() override { kernel = Kernel{}; }

  // Fills a queue of two entries that the kernel does not take, and puts the rest into the backlog.
  void StartUntilFull(Loop& loop, std::vector<std::unique_ptr<Pair>>& pairs,
                      std::array<Await, 5>& awaits) {
    for (std::size_t i = 0; i < awaits.size(); ++i) {
      pairs.push_back(std::make_unique<Pair>(loop, Family::kV4));
      ASSERT_TRUE(pairs.back()->ok());
    }
    loop.Settle();
    kernel.takes_nothing = true;
    for (std::size_t i = 0; i < awaits.size(); ++i) {
      loop.port().AwaitReadable(awaits[i], pairs[i]->server);
    }
    EXPECT_GT(kernel.refused, 0) << "the queue was never full";
  }
};

// While the kernel takes nothing, starts and cancels wait, in order, and nothing is lost, repeated
// or slept over. A cancel of what no queue has taken needs no kernel.
TEST_F(LinuxQueueTest, WhatTheKernelDoesNotTakeWaitsAndIsNotLost) {
  Recv recv;
  std::array<Await, 5> awaits;
  std::byte in[4];
  Loop loop(1, Depth(2));
  std::vector<std::unique_ptr<Pair>> pairs;
  Pair pair(loop, Family::kV4);
  ASSERT_TRUE(pair.ok());
  Port& port = loop.port();
  port.Recv(recv, pair.server, {IoBuffer{in, sizeof in}});
  StartUntilFull(loop, pairs, awaits);
  port.Cancel(recv);
  port.Cancel(awaits[4]);
  const std::uint64_t waits = port.stats().waits;
  const Instant soon = port.now() + 10 * kSecond;
  for (int i = 0; i < 5; ++i) loop.Turn(0, soon);
  EXPECT_EQ(port.stats().waits, waits) << "slept with work left over";
  EXPECT_EQ(awaits[4].outcomes(), 1);
  EXPECT_EQ(awaits[4].code(), ErrorCode::kAborted);
  EXPECT_EQ(recv.outcomes(), 0) << "its cancel cannot have gone out";
  kernel.takes_nothing = false;
  EXPECT_TRUE(loop.RunUntil([&] { return recv.arrived(); }));
  EXPECT_EQ(recv.code(), ErrorCode::kAborted);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(awaits[i].outcomes(), 0);
    SendRaw(pairs[i]->client, 'x');
    EXPECT_TRUE(loop.RunUntil([&] { return awaits[i].arrived(); }));
    EXPECT_TRUE(awaits[i].outcome().ok());
  }
  loop.Settle();
  EXPECT_EQ(recv.outcomes(), 1);
  for (const Await& await : awaits) EXPECT_EQ(await.outcomes(), 1);
}

// A cancel waits for room, and the operation ends by itself meanwhile: the cancel goes with it.
// Sent later it would meet the next operation at the same address.
TEST_F(LinuxQueueTest, CancelThatWaitsForRoomEndsWithItsOperation) {
  Recv recv;
  std::array<Await, 5> awaits;
  std::byte in[4];
  Loop loop(1, Depth(2));
  std::vector<std::unique_ptr<Pair>> pairs;
  Pair pair(loop, Family::kV4);
  ASSERT_TRUE(pair.ok());
  Port& port = loop.port();
  port.Recv(recv, pair.server, {IoBuffer{in, sizeof in}});
  StartUntilFull(loop, pairs, awaits);
  port.Cancel(recv);
  SendRaw(pair.client, 'a');
  for (int i = 0; i < 1000 && !recv.arrived(); ++i) loop.Turn(0, kPast);
  ASSERT_EQ(recv.outcomes(), 1);
  EXPECT_EQ(recv.bytes(), 1u) << recv.outcome().error.ToString();
  port.Recv(recv, pair.server, {IoBuffer{in, sizeof in}});
  kernel.takes_nothing = false;
  loop.Settle();
  EXPECT_EQ(recv.outcomes(), 1) << "the old cancel met the new receive";
  SendRaw(pair.client, 'b');
  EXPECT_TRUE(loop.RunUntil([&] { return recv.outcomes() == 2; }));
  EXPECT_EQ(recv.bytes(), 1u);
}

// A connect must leave inside the SYN's moment. When the kernel does not take it, it fails, says so
// to the platform, and no SYN leaves later.
TEST_F(LinuxQueueTest, ConnectThatTheKernelDoesNotTakeEndsItsSyn) {
  FakePlatform platform;
  PortOptions options = Depth(2);
  options.platform = &platform;
  Connect connect;
  contract::Accept accept;
  Loop loop(1, options);
  Port& port = loop.port();
  Socket listener;
  Socket client;
  ASSERT_TRUE(contract::ListenLoopback(port, listener, Family::kV4));
  ASSERT_TRUE(port.Open(client, Family::kV4).ok());
  port.Accept(accept, listener);
  loop.Settle();
  kernel.takes_nothing = true;
  port.Connect(connect, client, listener.local());
  kernel.takes_nothing = false;
  loop.Settle();
  EXPECT_EQ(connect.outcomes(), 1);
  EXPECT_EQ(connect.code(), ErrorCode::kNoBuffers) << connect.outcome().error.ToString();
  EXPECT_EQ(accept.outcomes(), 0) << "a SYN left after its moment";
  EXPECT_EQ(platform.count(FakePlatform::Kind::kBeginSyn), 1);
  EXPECT_EQ(platform.count(FakePlatform::Kind::kEndSyn), 1);
  EXPECT_EQ(platform.count(FakePlatform::Kind::kConnected), 1);
  contract::CloseNow(loop, port, client);
  contract::CloseNow(loop, port, listener);
}

// More completions than their queue has entries: the kernel keeps the rest, and turns that only
// poll get them too.
TEST_F(LinuxQueueTest, CompletionQueueThatRunsOverLosesNothing) {
  std::array<Await, 20> awaits;
  Loop loop(1, Depth(1));  // four completion entries
  std::vector<std::unique_ptr<Pair>> pairs;
  for (std::size_t i = 0; i < awaits.size(); ++i) {
    pairs.push_back(std::make_unique<Pair>(loop, Family::kV4));
    ASSERT_TRUE(pairs.back()->ok());
    loop.port().AwaitReadable(awaits[i], pairs[i]->server);
  }
  loop.Settle();
  for (const auto& pair : pairs) SendRaw(pair->client, 'x');
  const auto arrived = [&] {
    int count = 0;
    for (const Await& await : awaits) count += await.outcomes();
    return count;
  };
  for (int i = 0; i < 1000 && arrived() < 20; ++i) loop.Turn(0, kPast);
  EXPECT_GT(kernel.overflows, 0) << "the queue never ran over";
  EXPECT_EQ(arrived(), 20);
  for (const Await& await : awaits) EXPECT_TRUE(await.outcome().ok());
}

std::atomic<int> pipe_signals{0};

// A send into a connection that the peer has reset is an error outcome and no signal, which would
// end the program. (Newer kernels never signal for io_uring; the flag must be there for the
// others.)
TEST_F(LinuxQueueTest, SendOnAResetConnectionRaisesNoSignal) {
  struct sigaction count {};
  struct sigaction before {};
  count.sa_handler = [](int) { pipe_signals.fetch_add(1); };
  ASSERT_EQ(sigaction(SIGPIPE, &count, &before), 0);
  std::byte out[2]{};
  for (const std::size_t buffers : {std::size_t{1}, std::size_t{2}}) {
    Send send;
    Loop loop;
    Pair pair(loop, Family::kV4);
    ASSERT_TRUE(pair.ok());
    loop.port().Abort(pair.server);
    loop.Settle();
    // The first failure says that it was reset; from the second on it is a broken pipe.
    const IoBuffer parts[] = {IoBuffer{&out[0], 1}, IoBuffer{&out[1], 1}};
    for (int sends = 1; sends <= 4; ++sends) {
      loop.port().Send(send, pair.client, absl::MakeConstSpan(parts, buffers));
      EXPECT_TRUE(loop.RunUntil([&] { return send.outcomes() == sends; }));
      EXPECT_FALSE(send.outcome().ok());
    }
  }
  EXPECT_EQ(sigaction(SIGPIPE, &before, nullptr), 0);
  EXPECT_EQ(pipe_signals.load(), 0);
  // The first of each connection; later ones are calls of their own, which would have raised it
  // here.
  EXPECT_EQ(kernel.sends, 2);
  EXPECT_EQ(kernel.sends_signalling, 0) << "an entry without MSG_NOSIGNAL";
}

}  // namespace
}  // namespace sluice::io

#endif  // __linux__
