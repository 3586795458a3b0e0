// SPDX-License-Identifier: Apache-2.0
//
// Hand-over: a socket accepted on one port is adopted by another, on another thread. On Windows a
// socket belongs to the first port it is associated with, for life, so a port that associates too
// early makes Adopt fail.
#include <array>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "engine/base/mpsc_ring.h"
#include "tests/contract/harness.h"
#include "tests/contract/stream.h"

namespace sluice::contract {
namespace {

class HandoverTest : public FamilyTest {};
SLUICE_BOTH_FAMILIES(HandoverTest);

// One thread, two ports: accepted on port 0, lives on port 1. Data sent before the adoption is
// still there.
TEST_P(HandoverTest, AcceptedHereAdoptedThere) {
  Accept accept;
  std::array<std::byte, 16> in{};
  Loop loop(2);
  Socket listener;
  Socket client;
  Socket server;
  ASSERT_TRUE(ListenLoopback(loop.port(0), listener, GetParam()));
  ASSERT_TRUE(loop.port(0).Open(client, GetParam()).ok());
  loop.port(0).Accept(accept, listener);
  EXPECT_TRUE(ConnectOnce(loop, loop.port(0), client, listener.local()).ok());
  EXPECT_TRUE(SendAll(loop, loop.port(0), client, "early", 5).ok());
  ASSERT_TRUE(loop.RunUntil([&] { return accept.arrived(); }));
  ASSERT_TRUE(accept.outcome().ok());
  const AcceptedSocket accepted = accept.Take();
  EXPECT_EQ(accepted.peer, client.local());
  EXPECT_EQ(accepted.local, listener.local());
  const OsError adopted = loop.port(1).Adopt(server, accepted);
  EXPECT_TRUE(adopted.ok()) << adopted.ToString();
  EXPECT_EQ(server.peer(), client.local());
  EXPECT_EQ(loop.port(1).stats().sockets, 1u);
  EXPECT_EQ(ReceiveOnce(loop, loop.port(1), server, in.data(), in.size()).bytes, 5u);
  EXPECT_TRUE(SendAll(loop, loop.port(1), server, "late", 4).ok());
  EXPECT_EQ(ReceiveOnce(loop, loop.port(0), client, in.data(), in.size()).bytes, 4u);
  CloseNow(loop, loop.port(1), server);
  CloseNow(loop, loop.port(0), client);
  CloseNow(loop, loop.port(0), listener);
}

// A flow of the echo worker: everything it receives goes back, until the end of the stream.
struct EchoFlow {
  Socket socket;
  Recv recv;
  Send send;
  std::array<std::byte, 512> buffer{};
  std::uint32_t begin = 0;
  std::uint32_t end = 0;

  void Start(Port& port) {
    recv.then = [this, &port](Outcome outcome) {
      if (!outcome.ok() || outcome.bytes == 0) return port.Close(socket);
      begin = 0;
      end = outcome.bytes;
      port.Send(send, socket, {IoBuffer{buffer.data(), end}});
    };
    send.then = [this, &port](Outcome outcome) {
      if (!outcome.ok()) return port.Close(socket);
      begin += outcome.bytes;
      if (begin < end) {
        port.Send(send, socket, {IoBuffer{buffer.data() + begin, end - begin}});
      } else {
        port.Recv(recv, socket, {IoBuffer{buffer.data(), buffer.size()}});
      }
    };
    port.Recv(recv, socket, {IoBuffer{buffer.data(), buffer.size()}});
  }
};

// A worker: its own thread and port; sockets come through a ring and a message.
class EchoWorker {
 public:
  EchoWorker()
      : ring_(64), news_(this, [](void* self) { static_cast<EchoWorker*>(self)->OnNews(); }) {}
  // Any thread.
  bool Give(AcceptedSocket accepted) {
    const bool pushed = ring_.Push(std::move(accepted));
    loop_.port().Post(news_);
    return pushed;
  }
  void Run() {
    ended_in_time_ = loop_.RunUntil([&] { return stop_.load() && AllJoined(); });
  }
  void Stop() {
    stop_.store(true);
    loop_.port().Wake();
  }
  bool ended_in_time() const { return ended_in_time_; }
  std::size_t flows() const { return flows_.size(); }

 private:
  void OnNews() {
    const HandlerScope scope;
    AcceptedSocket accepted;
    while (ring_.Pop(accepted)) {
      flows_.push_back(std::make_unique<EchoFlow>());
      EXPECT_TRUE(loop_.port().Adopt(flows_.back()->socket, accepted).ok());
      flows_.back()->Start(loop_.port());
    }
  }
  bool AllJoined() const {
    for (const auto& flow : flows_) {
      if (!flow->socket.is_joined()) return false;
    }
    return true;
  }

  MpscRing<AcceptedSocket> ring_;
  std::vector<std::unique_ptr<EchoFlow>> flows_;
  std::atomic<bool> stop_{false};
  bool ended_in_time_ = false;
  Message news_;
  Loop loop_;
};

// One thread accepts and gives sockets to two workers in turn, who echo; sixty clients check their
// bytes. Run under TSan this also proves that a hand-over carries everything the new owner needs.
TEST_P(HandoverTest, WorkersOnOtherThreadsServeTheSockets) {
  SLUICE_NEEDS(Ability::kThreads);
  constexpr std::size_t kClients = 60;
  struct Client {
    Connect connect;
    StreamSender sender{7, 20000, 3000};
    StreamReader reader{7, 1024};
    Socket socket;
  };
  std::array<EchoWorker, 2> workers;
  std::array<Accept, 4> accepts;
  std::vector<std::unique_ptr<Client>> clients;
  std::size_t given = 0;
  Port& port = loop_.port();
  Socket listener;
  ASSERT_TRUE(ListenLoopback(port, listener, GetParam()));
  std::thread threads[2];
  for (std::size_t i = 0; i < 2; ++i) threads[i] = std::thread([&workers, i] { workers[i].Run(); });
  for (Accept& accept : accepts) {
    accept.then = [&](Outcome outcome) {
      if (!outcome.ok()) return;
      EXPECT_TRUE(workers[given++ % 2].Give(accept.Take()));
      port.Accept(accept, listener);
    };
    port.Accept(accept, listener);
  }
  for (std::size_t i = 0; i < kClients; ++i) {
    clients.push_back(std::make_unique<Client>());
    Client& client = *clients.back();
    EXPECT_TRUE(port.Open(client.socket, GetParam()).ok());
    client.connect.then = [&client, &port](Outcome outcome) {
      EXPECT_TRUE(outcome.ok()) << outcome.error.ToString();
      if (!outcome.ok()) return;
      client.sender.Start(port, client.socket);
      client.reader.Start(port, client.socket);
    };
    port.Connect(client.connect, client.socket, listener.local());
  }
  EXPECT_TRUE(loop_.RunUntil([&] {
    for (const auto& client : clients) {
      if (client->reader.received() < 20000 && !client->reader.ended()) return false;
    }
    return true;
  }));
  for (const auto& client : clients) {
    EXPECT_EQ(client->reader.received(), 20000u);
    EXPECT_TRUE(client->reader.intact());
    CloseNow(loop_, port, client->socket);
  }
  EXPECT_EQ(given, kClients);
  CloseNow(loop_, port, listener);
  for (EchoWorker& worker : workers) worker.Stop();
  for (std::thread& thread : threads) thread.join();
  for (EchoWorker& worker : workers) EXPECT_TRUE(worker.ended_in_time());
  EXPECT_EQ(workers[0].flows() + workers[1].flows(), kClients);
}

// Nobody wants it: Discard ends it with RST, so that the client learns at once instead of after its
// timeout.
TEST_P(HandoverTest, DiscardedSocketIsReset) {
  Accept accept;
  Port& port = loop_.port();
  Socket listener;
  ASSERT_TRUE(ListenLoopback(port, listener, GetParam()));
  for (int i = 0; i < 20; ++i) {
    Recv recv;
    std::byte in[4];
    Socket client;
    ASSERT_TRUE(port.Open(client, GetParam()).ok());
    const int before = accept.outcomes();
    port.Accept(accept, listener);
    EXPECT_TRUE(ConnectOnce(loop_, port, client, listener.local()).ok());
    port.Recv(recv, client, {IoBuffer{in, sizeof in}});
    EXPECT_TRUE(loop_.RunUntil([&] { return accept.outcomes() > before; }));
    EXPECT_TRUE(accept.outcome().ok());
    loop_.Turn();
    if (accept.outcome().ok()) Port::Discard(accept.Take(), nullptr);
    EXPECT_TRUE(loop_.RunUntil([&] { return recv.arrived(); }));
    EXPECT_EQ(recv.code(), ErrorCode::kReset) << recv.outcome().error.ToString();
    CloseNow(loop_, port, client);
  }
  CloseNow(loop_, port, listener);
}

}  // namespace
}  // namespace sluice::contract
