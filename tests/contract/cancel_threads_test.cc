// SPDX-License-Identifier: Apache-2.0
//
// The cancel race with a real second thread: data lands while the cancel is inside the kernel.
#include <array>
#include <atomic>
#include <thread>

#include "engine/base/prng.h"
#include "tests/contract/harness.h"
#include "tests/contract/stream.h"

namespace sluice::contract {
namespace {

class CancelThreadsTest : public FamilyTest {};
SLUICE_BOTH_FAMILIES(CancelThreadsTest);

// Sends `total` bytes in small pieces with uneven gaps of turns, on a port of this thread's own.
void SendInPieces(Loop& loop, Socket& socket, std::uint64_t seed, std::uint64_t total,
                  bool* intact) {
  Prng prng(seed);
  std::uint64_t sent = 0;
  while (sent < total && *intact) {
    const std::size_t size = std::min<std::uint64_t>(1 + prng.Below(48), total - sent);
    const std::vector<std::byte> piece = Pattern(size, seed, sent);
    const Outcome outcome = SendAll(loop, loop.port(), socket, piece.data(), piece.size());
    *intact = outcome.ok();
    sent += outcome.bytes;
    for (std::uint64_t gap = prng.Below(4); gap > 0; --gap) loop.Turn();
  }
}

// One thread sends a stream while this one receives and cancels as fast as it can. Each receive
// that succeeds continues the stream exactly; each that fails says kAborted and took nothing. At
// the end the sum is exact.
TEST_P(CancelThreadsTest, StreamSurvivesACancelStorm) {
  SLUICE_NEEDS(Ability::kThreads);
  const auto total = static_cast<std::uint64_t>(Rounds(200000));
  Loop sender_loop;
  Recv recv;
  std::array<std::byte, 64> in{};
  Accept accept;
  Socket listener;
  Socket client;
  Socket server;
  ASSERT_TRUE(ListenLoopback(loop_.port(), listener, GetParam()));
  ASSERT_TRUE(sender_loop.port().Open(client, GetParam()).ok());
  loop_.port().Accept(accept, listener);
  bool intact = true;
  std::thread sender([&] {
    intact = ConnectOnce(sender_loop, sender_loop.port(), client, listener.local()).ok();
    SendInPieces(sender_loop, client, 21, total, &intact);
    CloseNow(sender_loop, sender_loop.port(), client);
  });
  EXPECT_TRUE(loop_.RunUntil([&] { return accept.arrived(); }));
  EXPECT_TRUE(accept.outcome().ok());
  if (accept.outcome().ok()) {
    EXPECT_TRUE(loop_.port().Adopt(server, accept.Take()).ok());
    Prng prng(5);
    std::uint64_t received = 0;
    std::uint64_t cancelled = 0;
    bool ended = false;
    while (!ended && !HasFailure()) {
      const int before = recv.outcomes();
      loop_.port().Recv(recv, server, {IoBuffer{in.data(), 1 + prng.Below(in.size())}});
      for (std::uint64_t turns = prng.Below(3); turns > 0; --turns) loop_.Turn();
      loop_.port().Cancel(recv);
      EXPECT_TRUE(loop_.RunUntil([&] { return recv.outcomes() > before; }));
      if (!recv.outcome().ok()) {
        EXPECT_EQ(recv.code(), ErrorCode::kAborted);
        ++cancelled;
        continue;
      }
      EXPECT_TRUE(PatternMatches(in.data(), recv.bytes(), 21, received));
      received += recv.bytes();
      ended = recv.bytes() == 0;
    }
    EXPECT_EQ(received, total);
    RecordProperty("cancelled", static_cast<int>(cancelled));
    CloseNow(loop_, loop_.port(), server);
  }
  sender.join();
  EXPECT_TRUE(intact);
  CloseNow(loop_, loop_.port(), listener);
}

}  // namespace
}  // namespace sluice::contract
