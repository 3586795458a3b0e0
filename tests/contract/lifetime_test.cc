// SPDX-License-Identifier: Apache-2.0
//
// The port's own life: destroyed with work in every state, made here and run there, many in one
// process.
#include <array>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "tests/contract/fake_platform.h"
#include "tests/contract/harness.h"
#include "tests/contract/limits.h"
#include "tests/contract/stream.h"
#include "tests/failed_check.h"

namespace sluice::contract {
namespace {

// Every verb, each armed so that nothing will end it by itself.
struct Everything {
  Accept accept;
  Connect connect;
  Recv recv;
  Send send;
  Await await;
  Control control;
  Defer defer;
  Message message{this, [](void* self) { ++static_cast<Everything*>(self)->messages_run; }};
  std::array<std::byte, 64> in{};
  std::vector<std::byte> out = Pattern(64 << 20, 1);
  std::array<std::byte, 64> control_out{};
  int messages_run = 0;
  Socket listener;
  Socket connecting;

  int outcomes() const {
    return accept.outcomes() + connect.outcomes() + recv.outcomes() + send.outcomes() +
           await.outcomes() + control.outcomes() + defer.outcomes() + messages_run;
  }
  bool all_idle() const {
    return accept.idle() && connect.idle() && recv.idle() && send.idle() && await.idle() &&
           control.idle() && defer.idle();
  }
};

PortOptions With(io::Platform& platform) {
  PortOptions options;
  options.platform = &platform;
  return options;
}

class LifetimeTest : public ::testing::Test {
 protected:
  LifetimeTest() {
    platform_.AnswerWith([this](const io::ControlRequest& request, io::ControlReply*) {
      return platform_.Pend(request);
    });
  }
  // Port 0 is the one that dies, with one end of each pair; port 1 keeps the other ends.
  void ArmAll(Loop& loop, Everything& all, Pair& first, Pair& second) {
    Port& port = loop.port(0);
    ASSERT_TRUE(ListenLoopback(port, all.listener, Family::kV4));
    ASSERT_TRUE(port.Open(all.connecting, Family::kV4).ok());
    port.Accept(all.accept, all.listener);
    port.Recv(all.recv, first.client, {IoBuffer{all.in.data(), all.in.size()}});
    // Until a send stays pending; what it took before does not count as an outcome here.
    port.Send(all.send, first.client, {IoBuffer{all.out.data(), all.out.size()}});
    port.AwaitReadable(all.await, second.client);
    port.Control(all.control, first.client, 0xD8000A5Cu, {}, absl::MakeSpan(all.control_out));
    port.Connect(all.connect, all.connecting, all.listener.local());
    port.Defer(all.defer);
    EXPECT_TRUE(port.Post(all.message));
  }

  FakePlatform platform_;
};

// Everything armed and nothing delivered yet: the destructor cancels and joins it all. No handler
// runs, each operation is idle, and memory may go: buffers, operations, sockets (ASan proves that
// the kernel has let go, on Linux by what it writes, here by what is checked on free).
TEST_F(LifetimeTest, DestroyedWithEverythingArmedAndSocketsClosing) {
  for (const bool turn_before : {false, true}) {
    Loop loop(2, With(platform_));
    auto all = std::make_unique<Everything>();
    auto first = std::make_unique<Pair>(loop, Family::kV4, 0, 1);
    auto second = std::make_unique<Pair>(loop, Family::kV4, 0, 1);
    ASSERT_TRUE(first->ok() && second->ok());
    ArmAll(loop, *all, *first, *second);
    // With a budget of none, a turn submits and reaps but delivers nothing... one handler is the
    // least there is.
    if (turn_before) loop.Turn(0, kPast, Budget{1});
    const int before = all->outcomes();
    EXPECT_LE(before, 1);
    for (Socket* socket : {&all->listener, &all->connecting, &first->client, &second->client}) {
      loop.port(0).Close(*socket);
      EXPECT_FALSE(socket->is_open());
    }
    loop.Destroy(0);
    EXPECT_EQ(all->outcomes(), before) << "a handler ran in the destructor";
    EXPECT_TRUE(all->all_idle());
    for (Socket* socket : {&all->listener, &all->connecting, &first->client, &second->client}) {
      EXPECT_TRUE(socket->is_joined()) << "the ones that were closing are closed";
    }
    EXPECT_EQ(platform_.pended(), 0u);
    all.reset();
    loop.port(1).Close(first->server);
    loop.port(1).Close(second->server);
    loop.Settle();
  }
}

// A port may not die before its sockets were closed: nobody could close them then, and a platform
// would never hear of their end. Closed is enough, they need not be joined.
TEST_F(LifetimeTest, PortThatDiesWithAnOpenSocketIsAFailedCheck) {
  SLUICE_NEEDS(Ability::kFailedChecks);
  const auto die = [](bool close_first) {
    Recv recv;
    std::byte in[4];
    Loop dying;
    dying.AllowLeftovers();
    Pair pair(dying, Family::kV4);
    dying.port().Recv(recv, pair.client, {IoBuffer{in, sizeof in}});
    dying.port().Close(pair.server);
    if (close_first) dying.port().Close(pair.client);
    dying.Destroy(0);
    if (!pair.client.is_joined()) std::exit(0);
  };
  SLUICE_EXPECT_FAILED_CHECK(die(false), "sockets");
  die(true);
}

// The kernel had accepted a connection, nobody had heard of it. The operation must be destructible,
// and the connection must not be leaked: its client hears of the end.
TEST_F(LifetimeTest, DestroyedWithAnAcceptedSocketNobodyTook) {
  for (const bool reaped : {false, true}) {
    Loop loop(2);
    Recv recv;
    std::byte in[4];
    Socket client;
    {
      Accept accept;
      Defer defer;
      Socket listener;
      Port& dying = loop.port(1);
      ASSERT_TRUE(ListenLoopback(dying, listener, Family::kV4));
      dying.Accept(accept, listener);
      dying.Defer(defer);
      ASSERT_TRUE(loop.port(0).Open(client, Family::kV4).ok());
      Connect connect;
      loop.port(0).Connect(connect, client, listener.local());
      while (!connect.arrived()) loop.Turn(0, loop.port(0).now() + kMillisecond);
      EXPECT_TRUE(connect.outcome().ok());
      if (reaped)
        loop.Turn(1, kPast,
                  Budget{1});  // one handler: the deferred one; the accept may be done by now
      EXPECT_EQ(accept.outcomes(), 0);
      dying.Close(listener);
      loop.Destroy(1);
      EXPECT_TRUE(accept.idle());
      EXPECT_EQ(accept.outcomes(), 0);
    }
    loop.port(0).Recv(recv, client, {IoBuffer{in, sizeof in}});
    EXPECT_TRUE(loop.RunUntil([&] { return recv.arrived(); })) << "the accepted socket was leaked";
    EXPECT_TRUE(recv.code() == ErrorCode::kReset || (recv.outcome().ok() && recv.bytes() == 0));
    CloseNow(loop, loop.port(0), client);
  }
}

// A platform that takes its time to let go of a cancelled request: the destructor waits for it,
// because until then the driver may write to the request's memory.
TEST_F(LifetimeTest, DestructorWaitsForAPlatformThatHoldsOn) {
  SLUICE_NEEDS(Ability::kThreads);
  platform_.ObeyCancel(false);
  auto control = std::make_unique<Control>();
  auto out = std::make_unique<std::array<std::byte, 64>>();
  Socket socket;
  std::atomic<bool> let_go{false};
  {
    Loop loop(1, With(platform_));
    ASSERT_TRUE(loop.port().Open(socket, Family::kV4).ok());
    loop.port().Control(*control, socket, 0xD8000A5Cu, {}, absl::MakeSpan(*out));
    loop.Settle();
    std::thread driver([&] {
      platform_.WaitForCancels(1);
      for (int i = 0; i < 1000; ++i) std::this_thread::yield();
      let_go.store(true);
      io::ControlReply reply;
      reply.status = io::kStatusCancelled;
      platform_.CompleteOldest(reply, "written late");
    });
    loop.port().Close(socket);
    loop.Destroy(0);
    EXPECT_TRUE(let_go.load()) << "the port was gone while the platform still held a request of it";
    driver.join();
  }
  EXPECT_TRUE(control->idle());
  EXPECT_EQ(control->outcomes(), 0);
  EXPECT_TRUE(socket.is_joined());
}

// Done but not delivered, by budget, and messages on their way: dropped with the port, all of it
// reusable after.
TEST_F(LifetimeTest, DestroyedWithUndeliveredOutcomesAndMessages) {
  std::array<Defer, 10> defers;
  int messages_run = 0;
  Message message(&messages_run, [](void* count) { ++*static_cast<int*>(count); });
  {
    Loop loop;
    loop.AllowLeftovers();
    for (Defer& defer : defers) loop.port().Defer(defer);
    EXPECT_TRUE(loop.port().Post(message));
    EXPECT_EQ(loop.Turn(0, kPast, Budget{3}), 3);
  }
  int delivered = 0;
  for (const Defer& defer : defers) {
    EXPECT_TRUE(defer.idle());
    delivered += defer.outcomes();
  }
  EXPECT_EQ(delivered + messages_run, 3);
  const int messages_before = messages_run;
  Loop next;
  for (Defer& defer : defers) next.port().Defer(defer);
  EXPECT_TRUE(next.port().Post(message)) << "a dropped message is not on its way any more";
  EXPECT_TRUE(
      next.RunUntil([&] { return defers[9].arrived() && messages_run == messages_before + 1; }));
}

// Made and given work on one thread, run by another from its first turn on; what was started before
// is carried over. io_uring's single-issuer mode and Windows' per-thread cancellation both get this
// wrong if done naively.
TEST_F(LifetimeTest, MadeHereRunThere) {
  SLUICE_NEEDS(Ability::kThreads);
  Defer defer;
  Recv recv;
  Send send;
  Accept accept;
  Connect connect;
  std::array<std::byte, 64> in{};
  std::array<std::byte, 5> out{};
  int messages_run = 0;
  Message message(&messages_run, [](void* count) { ++*static_cast<int*>(count); });
  Socket listener;
  Socket client;
  Socket server;
  Loop loop;
  Port& port = loop.port();
  ASSERT_TRUE(ListenLoopback(port, listener, Family::kV4));
  ASSERT_TRUE(port.Open(client, Family::kV4).ok());
  accept.then = [&](Outcome outcome) {
    ASSERT_TRUE(outcome.ok());
    ASSERT_TRUE(port.Adopt(server, accept.Take()).ok());
    port.Recv(recv, server, {IoBuffer{in.data(), in.size()}});
  };
  connect.then = [&](Outcome outcome) {
    ASSERT_TRUE(outcome.ok());
    port.Send(send, client, {IoBuffer{out.data(), out.size()}});
  };
  port.Accept(accept, listener);
  port.Connect(connect, client, listener.local());
  port.Defer(defer);
  EXPECT_TRUE(port.Post(message));
  std::thread owner([&] {
    EXPECT_TRUE(
        loop.RunUntil([&] { return recv.arrived() && defer.arrived() && messages_run == 1; }));
    for (Socket* socket : {&listener, &client, &server}) CloseNow(loop, port, *socket);
  });
  owner.join();
  EXPECT_EQ(recv.bytes(), 5u);
  EXPECT_EQ(connect.outcomes() + accept.outcomes() + send.outcomes() + defer.outcomes(), 4);
}

// Made on one thread, never run, destroyed on another with work armed.
TEST_F(LifetimeTest, MadeHereDestroyedThereWithoutATurn) {
  SLUICE_NEEDS(Ability::kThreads);
  Accept accept;
  Socket listener;
  auto loop = std::make_unique<Loop>();
  ASSERT_TRUE(ListenLoopback(loop->port(), listener, Family::kV4));
  loop->port().Accept(accept, listener);
  loop->port().Close(listener);
  std::thread([&] { loop->Destroy(0); }).join();
  EXPECT_TRUE(accept.idle());
  EXPECT_EQ(accept.outcomes(), 0);
  EXPECT_TRUE(listener.is_joined());
}

// Many ports at once in one process, each with a connection of its own, and two hundred one after
// the other: nothing is shared that should not be, and nothing runs out.
TEST_F(LifetimeTest, ManyPortsInOneProcess) {
  PortOptions options;
  options.queue_depth = 64;
  constexpr std::size_t kPorts = 48;
  {
    std::array<std::byte, 16> in{};
    Loop loop(kPorts, options);
    std::vector<std::unique_ptr<Pair>> pairs;
    for (std::size_t i = 0; i < kPorts; ++i) {
      pairs.push_back(std::make_unique<Pair>(loop, Family::kV4, i, (i + 1) % kPorts));
      ASSERT_TRUE(pairs.back()->ok());
    }
    for (std::size_t i = 0; i < kPorts; ++i) {
      EXPECT_TRUE(SendAll(loop, loop.port(i), pairs[i]->client, "hello", 5).ok());
      EXPECT_EQ(
          ReceiveOnce(loop, loop.port((i + 1) % kPorts), pairs[i]->server, in.data(), 16).bytes,
          5u);
    }
  }
  for (int i = 0; i < Rounds(200); ++i) {
    Defer defer;
    Loop loop(1, options);
    loop.port().Defer(defer);
    EXPECT_TRUE(loop.RunUntil([&] { return defer.arrived(); }));
  }
}

// The numbers of stats() are what capacity alarms are built on: up with use, and back to nothing.
TEST_F(LifetimeTest, StatsGoUpAndComeBack) {
  Recv recv;
  Defer defer;
  std::byte in[4];
  Loop loop;
  Port& port = loop.port();
  EXPECT_EQ(port.stats().armed, 0u);
  EXPECT_EQ(port.stats().sockets, 0u);
  {
    Pair pair(loop, Family::kV4);
    ASSERT_TRUE(pair.ok());
    EXPECT_EQ(port.stats().sockets, 2u);
    port.Recv(recv, pair.server, {IoBuffer{in, sizeof in}});
    port.Defer(defer);
    EXPECT_EQ(port.stats().armed, 2u);
    const io::PortStats before = port.stats();
    EXPECT_TRUE(loop.RunUntil([&] { return defer.arrived(); }));
    EXPECT_EQ(port.stats().armed, 1u);
    EXPECT_EQ(port.stats().handlers, before.handlers + 1);
    EXPECT_GT(port.stats().turns, before.turns);
    EXPECT_GT(port.stats().calls.total(), 0u);
  }
  EXPECT_EQ(port.stats().armed, 0u);
  EXPECT_EQ(port.stats().sockets, 0u);
  EXPECT_EQ(port.platform(), nullptr);
}

// More operations than the submission queue has entries, started in one go, then cancelled in one
// go, then started again and ended all at once by their peers, more than the completion queue has
// entries: the queues are an optimisation, not a limit that the caller sees.
class QueueDepthTest : public ::testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Depth, QueueDepthTest, ::testing::Values(1u, 2u, 3u, 8u));

TEST_P(QueueDepthTest, MoreOperationsThanQueueEntries) {
  PortOptions options;
  options.queue_depth = GetParam();
  constexpr std::size_t kFlows = 100;
  std::array<Await, kFlows> awaits;
  std::array<Send, kFlows> sends;
  std::byte out{7};
  Loop loop(2, options);
  std::vector<std::unique_ptr<Pair>> pairs;
  for (std::size_t i = 0; i < kFlows; ++i) {
    pairs.push_back(std::make_unique<Pair>(loop, Family::kV4, 1, 0));
    ASSERT_TRUE(pairs.back()->ok());
  }
  const auto all_have = [&](int outcomes) {
    for (const Await& await : awaits) {
      if (await.outcomes() != outcomes) return false;
    }
    return true;
  };
  for (const bool turn_between : {false, true}) {
    const int before = awaits[0].outcomes();
    for (std::size_t i = 0; i < kFlows; ++i)
      loop.port(0).AwaitReadable(awaits[i], pairs[i]->server);
    if (turn_between) loop.Settle();
    for (Await& await : awaits) loop.port(0).Cancel(await);
    EXPECT_TRUE(loop.RunUntil([&] { return all_have(before + 1); }));
    for (const Await& await : awaits) EXPECT_EQ(await.code(), ErrorCode::kAborted);
  }
  for (std::size_t i = 0; i < kFlows; ++i) loop.port(0).AwaitReadable(awaits[i], pairs[i]->server);
  loop.Turn(0);
  // Only the senders' port runs, so that the outcomes pile up in the other one.
  for (std::size_t i = 0; i < kFlows; ++i) {
    loop.port(1).Send(sends[i], pairs[i]->client, {IoBuffer{&out, 1}});
    for (int turns = 0; turns < 1000 && !sends[i].arrived(); ++turns) {
      loop.Turn(1, loop.port(1).now() + kMillisecond);
    }
    EXPECT_TRUE(sends[i].outcome().ok());
  }
  EXPECT_TRUE(loop.RunUntil([&] { return all_have(3); }));
  for (const Await& await : awaits) EXPECT_TRUE(await.outcome().ok());
}

// The same for what is started before the first turn, which no queue can have taken yet; some of it
// is cancelled before that turn too.
TEST_P(QueueDepthTest, StartedAndCancelledBeforeTheFirstTurn) {
  PortOptions options;
  options.queue_depth = GetParam();
  std::array<Accept, 24> accepts;
  std::array<Connect, 12> connects;
  std::array<Socket, 12> clients;
  Loop loop(2, options);
  Port& port = loop.port(0);
  Socket listener;
  ASSERT_TRUE(ListenLoopback(port, listener, Family::kV4));
  for (Accept& accept : accepts) port.Accept(accept, listener);
  for (std::size_t i = 0; i < accepts.size(); i += 2) port.Cancel(accepts[i]);
  for (std::size_t i = 0; i < clients.size(); ++i) {
    ASSERT_TRUE(loop.port(1).Open(clients[i], Family::kV4).ok());
    loop.port(1).Connect(connects[i], clients[i], listener.local());
  }
  // A cancelled accept may have won a connection on its way; then another one of them has none.
  const auto won = [&] {
    std::size_t count = 0;
    for (const Accept& accept : accepts) count += accept.arrived() && accept.outcome().ok() ? 1 : 0;
    return count;
  };
  EXPECT_TRUE(loop.RunUntil([&] { return won() == clients.size(); }));
  CloseNow(loop, port, listener);
  for (Accept& accept : accepts) {
    EXPECT_TRUE(loop.RunUntil([&] { return accept.arrived(); }));
    EXPECT_EQ(accept.outcomes(), 1);
    if (accept.outcome().ok()) Port::Discard(accept.Take(), nullptr);
  }
  for (std::size_t i = 0; i < clients.size(); ++i) {
    EXPECT_TRUE(loop.RunUntil([&] { return connects[i].arrived(); }));
    EXPECT_EQ(connects[i].outcomes(), 1);
    CloseNow(loop, loop.port(1), clients[i]);
  }
}

}  // namespace
}  // namespace sluice::contract
