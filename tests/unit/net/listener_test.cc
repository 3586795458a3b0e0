// SPDX-License-Identifier: Apache-2.0
#include "engine/net/listener.h"

#if defined(__linux__)
#include <sys/resource.h>
#endif

#include <memory>
#include <vector>

#include "gtest/gtest.h"
#include "tests/contract/harness.h"

namespace sluice::net {
namespace {

class ListenerTest : public ::testing::Test {
 protected:
  void Start(int accepts, TokenBucket* rate = nullptr) {
    ListenerOptions options;
    options.accepts = accepts;
    options.retry_first = kMillisecond;
    options.retry_longest = 4 * kMillisecond;
    listener_ = std::make_unique<Listener>(loop_.port(), timers_, options);
    listener_->Bind(
        this,
        [](void* self, io::AcceptedSocket accepted) {
          ListenerTest* test = static_cast<ListenerTest*>(self);
          ++test->accepted_;
          io::Port::Discard(accepted, nullptr);
        },
        [](void* self, OsError) { ++static_cast<ListenerTest*>(self)->failed_; },
        [](void* self) { ++static_cast<ListenerTest*>(self)->stopped_; });
    if (rate != nullptr) {
      listener_->LimitRate(rate, [](void* self, const TokenBucket&) {
        ++static_cast<ListenerTest*>(self)->paused_;
      });
    }
    ASSERT_TRUE(listener_->Listen(Address::Loopback(Family::kV4, 0)).ok());
    listener_->BeginAccepting();
  }

  // Connected, but perhaps not accepted: clients are queued by the kernel.
  void ConnectClients(int count) {
    for (int i = 0; i < count; ++i) {
      clients_.push_back(std::make_unique<io::Socket>());
      io::Socket& client = *clients_.back();
      ASSERT_TRUE(loop_.port().Open(client, Family::kV4).ok());
      ASSERT_TRUE(contract::ConnectOnce(loop_, loop_.port(), client, listener_->local()).ok());
    }
  }

  void TearDown() override {
    for (const auto& client : clients_) contract::CloseNow(loop_, loop_.port(), *client);
  }

  bool Run(const std::function<bool()>& done) {
    const Instant end = loop_.port().now() + contract::kPatience;
    while (!done()) {
      if (loop_.port().now() >= end) return false;
      loop_.Turn(0, loop_.port().now() + kMillisecond);
      timers_.Advance(loop_.port().now(), 100);
    }
    return true;
  }

  void StopAndJoin() {
    listener_->Stop();
    ASSERT_TRUE(Run([&] { return stopped_ == 1; }));
    EXPECT_TRUE(listener_->idle());
    EXPECT_EQ(timers_.running(), 0u);
  }

  contract::Loop loop_;
  io::TimerWheel timers_{Instant::Now()};
  std::unique_ptr<Listener> listener_;
  int accepted_ = 0;
  int failed_ = 0;
  int stopped_ = 0;
  int paused_ = 0;
  std::vector<std::unique_ptr<io::Socket>> clients_;
};

// Each slot is posted again by itself: a few of them serve any number of connections.
TEST_F(ListenerTest, FewSlotsServeManyConnections) {
  Start(2);
  for (int i = 0; i < 50; ++i) {
    io::Socket client;
    ASSERT_TRUE(loop_.port().Open(client, Family::kV4).ok());
    ASSERT_TRUE(contract::ConnectOnce(loop_, loop_.port(), client, listener_->local()).ok());
    contract::CloseNow(loop_, loop_.port(), client);
  }
  ASSERT_TRUE(Run([&] { return accepted_ == 50; }));
  StopAndJoin();
}

TEST_F(ListenerTest, StopJoinsEverySlotAndReportsOnce) {
  Start(16);
  loop_.Turn();
  StopAndJoin();
  loop_.Settle();
  EXPECT_EQ(stopped_, 1);
  EXPECT_EQ(accepted_, 0);
}

// Past the rate connections wait in the backlog, and every one of them is accepted in its time.
TEST_F(ListenerTest, ARatePausesAcceptingAndLosesNothing) {
  loop_.Turn();
  const Instant begin = loop_.port().now();
  TokenBucket rate(20, 3, begin);
  Start(8, &rate);
  ConnectClients(8);
  ASSERT_TRUE(Run([&] { return accepted_ == 3; }));
  EXPECT_GE(paused_, 1);
  ASSERT_TRUE(Run([&] { return accepted_ == 8; }));
  // Five had to wait for a token each.
  EXPECT_GE(loop_.port().now() - begin, 5 * 50 * kMillisecond);
  EXPECT_LE(rate.Available(loop_.port().now()), 3);
  StopAndJoin();
}

TEST_F(ListenerTest, StopWhilePausedJoinsEverySlot) {
  TokenBucket rate(1, 2, loop_.port().now());
  Start(8, &rate);
  ConnectClients(3);
  ASSERT_TRUE(Run([&] { return paused_ == 1; }));
  EXPECT_EQ(accepted_, 2);
  StopAndJoin();
}

// A bucket with more tokens than there are slots never pauses.
TEST_F(ListenerTest, AWideRateIsNotNoticed) {
  TokenBucket rate(1000000, 1000, loop_.port().now());
  Start(2, &rate);
  ConnectClients(30);
  ASSERT_TRUE(Run([&] { return accepted_ == 30; }));
  EXPECT_EQ(paused_, 0);
  StopAndJoin();
}

#if defined(__linux__)
// Out of descriptors: accepts fail, the listener rests and tries again, and when descriptors are
// back the very connection that could not be accepted is (law 6). Without the retry it would stay
// deaf for ever.
TEST_F(ListenerTest, OutOfDescriptorsIsSurvived) {
  // An accept goes by the limit of when it was armed, so the first four still succeed.
  constexpr int kSlots = 4;
  Start(kSlots);
  loop_.Turn();
  io::Socket clients[kSlots + 1];
  for (io::Socket& client : clients) {
    ASSERT_TRUE(loop_.port().Open(client, Family::kV4).ok());
  }
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 3;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  for (io::Socket& client : clients) {
    contract::ConnectOnce(loop_, loop_.port(), client, listener_->local());
  }
  const bool failed = Run([&] { return failed_ >= 5; });
  const int accepted = accepted_;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(failed);
  EXPECT_EQ(accepted, kSlots);
  EXPECT_TRUE(Run([&] { return accepted_ == kSlots + 1; }));
  for (io::Socket& client : clients) contract::CloseNow(loop_, loop_.port(), client);
  StopAndJoin();
}
#endif

}  // namespace
}  // namespace sluice::net
