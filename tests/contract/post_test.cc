// SPDX-License-Identifier: Apache-2.0
//
// Post and Wake: the only two doors into a port from other threads.
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/contract/harness.h"

namespace sluice::contract {
namespace {

class PostTest : public ContractTest {};

// A message that counts how often it was accepted for posting and how often it ran.
class Letter {
 public:
  Letter() : message_(this, [](void* self) { static_cast<Letter*>(self)->OnRun(); }) {}
  // Any thread.
  bool PostTo(Port& port) {
    if (!port.Post(message_)) return false;
    posted_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  int posted() const { return posted_.load(std::memory_order_relaxed); }
  // Owner's thread, or any other one that has seen it by other means.
  int ran() const { return ran_.load(std::memory_order_acquire); }
  // Until it has run more than `seen` times. Not the owner's thread. (No std::atomic wait: that of
  // mingw's libstdc++ 12 loses notifications.)
  void WaitForRun(int seen) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return ran() > seen; });
  }

 private:
  void OnRun() {
    const HandlerScope scope;
    const std::lock_guard<std::mutex> lock(mutex_);
    ran_.fetch_add(1, std::memory_order_acq_rel);
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<int> posted_{0};
  std::atomic<int> ran_{0};
  Message message_;
};

// A message is on its way once at a time: the second Post says false and adds nothing. From its
// handler on it may be posted again.
TEST_F(PostTest, SecondPostWhileOnItsWaySaysFalse) {
  Letter letter;
  for (int round = 1; round <= 3; ++round) {
    EXPECT_TRUE(letter.PostTo(loop_.port()));
    EXPECT_FALSE(letter.PostTo(loop_.port()));
    EXPECT_EQ(letter.ran(), round - 1) << "Post ran the handler itself";
    EXPECT_TRUE(loop_.RunUntil([&] { return letter.ran() == round; }));
  }
  loop_.Settle();
  EXPECT_EQ(letter.ran(), 3);
}

// A handler may post its own message again: it runs in a later turn, not for ever in this one.
TEST_F(PostTest, MessageMayPostItself) {
  struct Again {
    Port& port;
    int ran = 0;
    Message message{this, [](void* self) { static_cast<Again*>(self)->OnRun(); }};
    void OnRun() {
      if (++ran == 100) return;
      EXPECT_TRUE(port.Post(message));
    }
  } again{loop_.port()};
  EXPECT_TRUE(loop_.port().Post(again.message));
  for (int turn = 1; turn <= 100; ++turn) {
    EXPECT_EQ(loop_.Turn(0, loop_.port().now() + kPatience), 1);
    ASSERT_EQ(again.ran, turn);
  }
}

// A handler may free its message (ASan is the judge), and start or cancel operations.
TEST_F(PostTest, MessageMayFreeItselfAndStartOperations) {
  struct Box {
    explicit Box(Port& p, Defer& d) : port(p), defer(d) {}
    Port& port;
    Defer& defer;
    Message message{this, [](void* self) {
                      Box* const box = static_cast<Box*>(self);
                      box->port.Defer(box->defer);
                      delete box;
                    }};
  };
  Defer defer;
  auto* const box = new Box(loop_.port(), defer);
  EXPECT_TRUE(loop_.port().Post(box->message));
  EXPECT_TRUE(loop_.RunUntil([&] { return defer.arrived(); }));
}

// The order of one producer is kept, over turns with a small budget too; and a turn with a message
// ready does not sleep for it.
TEST_F(PostTest, OrderOfOneProducerIsKept) {
  struct Numbered {
    std::vector<int>* order = nullptr;
    int number = 0;
    Message message{this, [](void* self) {
                      auto* const numbered = static_cast<Numbered*>(self);
                      numbered->order->push_back(numbered->number);
                    }};
  };
  std::array<Numbered, 64> messages;
  std::vector<int> order;
  const std::uint64_t waits = loop_.port().stats().waits;
  for (int i = 0; i < 64; ++i) {
    Numbered& numbered = messages[static_cast<std::size_t>(i)];
    numbered.order = &order;
    numbered.number = i;
    EXPECT_TRUE(loop_.port().Post(numbered.message));
    if (i % 10 == 0) loop_.Turn(0, kPast, Budget{3});
  }
  for (int turns = 0; order.size() < 64 && turns < 100; ++turns) {
    EXPECT_GT(loop_.Turn(0, Soon(), Budget{5}), 0);
  }
  EXPECT_EQ(loop_.port().stats().waits, waits) << "slept although a message was ready";
  EXPECT_EQ(order.size(), 64u);
  for (std::size_t i = 0; i < order.size(); ++i) EXPECT_EQ(order[i], static_cast<int>(i));
}

// A wake before the sleep is not lost: the next turn returns, whatever its deadline; and it is used
// up by that, so the one after sleeps again.
TEST_F(PostTest, WakeBeforeTheTurnEndsTheTurn) {
  Port& port = loop_.port();
  loop_.Turn();
  for (int i = 0; i < 100; ++i) {
    const Instant before = port.now();
    port.Wake();
    port.Wake();
    EXPECT_EQ(loop_.Turn(0, port.now() + kPatience), 0);
    EXPECT_LT(port.now() - before, kPatience);
  }
  port.Wake();
  EXPECT_EQ(loop_.Turn(0, Instant::Never()), 0);
  const Instant deadline = port.now() + 20 * kMillisecond;
  int turns = 0;
  while (port.now() < deadline && turns < 1000) {
    loop_.Turn(0, deadline);
    ++turns;
  }
  EXPECT_LE(turns, 40) << "old wakes keep the port from sleeping";
}

// Eight threads post eight messages each, as fast as they can. Each Post that said true is one run,
// no more and no less, whatever the timing; the port sleeps whenever it can, so lost wake-ups show
// as a hang.
TEST_F(PostTest, EightThreadsEachPostRunsExactlyOnce) {
  SLUICE_NEEDS(Ability::kThreads);
  constexpr std::size_t kThreads = 8;
  constexpr std::size_t kLetters = 8;
  const int rounds = Rounds(4000);
  std::array<std::array<Letter, kLetters>, kThreads> letters;
  std::atomic<int> threads_left{kThreads};
  std::vector<std::thread> threads;
  for (auto& mine : letters) {
    threads.emplace_back([&, rounds] {
      for (int round = 0; round < rounds; ++round) {
        for (Letter& letter : mine) letter.PostTo(loop_.port());
        if (round % 16 == 0) loop_.port().Wake();
      }
      threads_left.fetch_sub(1);
      loop_.port().Wake();
    });
  }
  const auto all_ran = [&] {
    if (threads_left.load() != 0) return false;
    for (const auto& mine : letters) {
      for (const Letter& letter : mine) {
        if (letter.ran() < letter.posted()) return false;
      }
    }
    return true;
  };
  EXPECT_TRUE(loop_.RunUntil(all_ran)) << "a posted message did not run";
  for (std::thread& thread : threads) thread.join();
  loop_.Settle();
  for (const auto& mine : letters) {
    for (const Letter& letter : mine) {
      EXPECT_EQ(letter.ran(), letter.posted());
      EXPECT_GT(letter.ran(), 0);
    }
  }
}

// Two ends that throw one byte to and fro until told to stop.
struct Rally {
  Recv recv[2];
  Send send[2];
  std::byte in[2]{};
  std::byte out[2]{};
  bool due[2] = {false, false};
  bool stop = false;
  Socket* sockets[2] = {nullptr, nullptr};

  void Start(Port& port, Pair& pair) {
    sockets[0] = &pair.client;
    sockets[1] = &pair.server;
    for (std::size_t end = 0; end < 2; ++end) {
      recv[end].then = [this, &port, end](Outcome outcome) {
        due[end] = outcome.ok();
        Reply(port, end);
      };
      // The byte may be back before the outcome of the send that took it there.
      send[end].then = [this, &port, end](Outcome) { Reply(port, end); };
      port.Recv(recv[end], *sockets[end], {IoBuffer{&in[end], 1}});
    }
    port.Send(send[0], *sockets[0], {IoBuffer{&out[0], 1}});
  }
  void Reply(Port& port, std::size_t end) {
    if (stop || !due[end] || !send[end].idle()) return;
    due[end] = false;
    port.Recv(recv[end], *sockets[end], {IoBuffer{&in[end], 1}});
    port.Send(send[end], *sockets[end], {IoBuffer{&out[end], 1}});
  }
};

// Says where it stopped, and ends the program.
[[noreturn]] void Hung(const std::array<Letter, 8>& letters, const Rally& rally) {
  std::fprintf(stderr, "contract: rally hops %d; messages posted/ran:", rally.recv[0].outcomes());
  for (const Letter& letter : letters)
    std::fprintf(stderr, " %d/%d", letter.posted(), letter.ran());
  std::fprintf(stderr, "\n");
  std::fflush(stderr);
  std::abort();
}

// The same with I/O going on, so that posts meet the port in every state: asleep, waking, busy.
TEST_F(PostTest, PostsArriveAmidTraffic) {
  SLUICE_NEEDS(Ability::kThreads);
  std::array<Letter, 8> letters;
  Rally rally;
  Pair pair(loop_, Family::kV4);
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  rally.Start(port, pair);
  const int rounds = Rounds(2000);
  std::vector<std::thread> threads;
  for (Letter& letter : letters) {
    threads.emplace_back([&letter, &port, rounds] {
      // The next one only when the last one has run: one lost wake-up stops the thread for good.
      for (int round = 0; round < rounds; ++round) {
        letter.PostTo(port);
        letter.WaitForRun(round);
      }
    });
  }
  const bool all = loop_.RunUntil([&] {
    for (const Letter& letter : letters) {
      if (letter.ran() < rounds) return false;
    }
    return true;
  });
  if (!all) Hung(letters, rally);  // its thread waits for ever
  for (std::thread& thread : threads) thread.join();
  for (const Letter& letter : letters) EXPECT_EQ(letter.ran(), rounds);
  rally.stop = true;
  pair.Finish();
}

// A sleeper with no deadline is woken by Wake from another thread, each time; five hundred rounds
// meet the moment just before the sleep, in it and just after it.
TEST_F(PostTest, WakeFromAnotherThreadEndsTheSleep) {
  SLUICE_NEEDS(Ability::kThreads);
  std::mutex mutex;
  std::condition_variable changed;
  int asked = 0;
  bool stop = false;
  std::thread waker([&] {
    for (int woken = 0;; ++woken) {
      {
        std::unique_lock<std::mutex> lock(mutex);
        changed.wait(lock, [&] { return asked > woken || stop; });
        if (stop) return;
      }
      loop_.port().Wake();
    }
  });
  const auto tell = [&](bool last) {
    const std::lock_guard<std::mutex> lock(mutex);
    ++asked;
    stop = last;
    changed.notify_one();
  };
  for (int round = 1; round <= Rounds(2000); ++round) {
    const Instant before = loop_.port().now();
    tell(false);
    EXPECT_EQ(loop_.Turn(0, loop_.port().now() + kPatience), 0);
    EXPECT_LT(loop_.port().now() - before, kPatience) << "a wake was lost in round " << round;
    if (HasFailure()) break;
  }
  tell(true);
  waker.join();
}

// Two ports on two threads throw a message to and fro: both sleep most of the time, so every hop
// needs its wake.
TEST_F(PostTest, TwoPortsWakeEachOther) {
  SLUICE_NEEDS(Ability::kThreads);
  struct Player {
    Loop* own = nullptr;
    Player* other = nullptr;
    int hops = 0;
    int hops_max = 0;
    Message ball{this, [](void* self) { static_cast<Player*>(self)->OnBall(); }};
    void OnBall() {
      const HandlerScope scope;
      if (++hops < hops_max) other->own->port().Post(other->ball);
    }
  };
  const int hops = Rounds(4000);
  Loop far_loop;
  Player here;
  Player there;
  here.own = &loop_;
  here.other = &there;
  here.hops_max =
      hops + 1;  // so that the last throw is the one to the other side, which keeps the ball
  there.own = &far_loop;
  there.other = &here;
  there.hops_max = hops;
  std::thread thread([&] { EXPECT_TRUE(far_loop.RunUntil([&] { return there.hops >= hops; })); });
  EXPECT_TRUE(loop_.port().Post(here.ball));
  EXPECT_TRUE(loop_.RunUntil([&] { return here.hops >= hops; }));
  thread.join();
  EXPECT_EQ(here.hops, hops);
  EXPECT_EQ(there.hops, hops);
}

}  // namespace
}  // namespace sluice::contract
