// SPDX-License-Identifier: Apache-2.0
#include "engine/net/connector.h"

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/contract/harness.h"

namespace sluice::net {
namespace {

struct Recorder {
  int calls = 0;
  OsError error;
  static void OnDone(void* self, OsError error) {
    Recorder* recorder = static_cast<Recorder*>(self);
    ++recorder->calls;
    recorder->error = error;
  }
};

class ConnectorTest : public ::testing::Test {
 protected:
  // Runs port and timers until `done`.
  bool Run(const std::function<bool()>& done) {
    const Instant end = loop_.port().now() + contract::kPatience;
    while (!done()) {
      if (loop_.port().now() >= end) return false;
      loop_.Turn(0, loop_.port().now() + kMillisecond);
      timers_.Advance(loop_.port().now(), 100);
    }
    return true;
  }

  contract::Loop loop_;
  io::TimerWheel timers_{Instant::Now()};
};

TEST_F(ConnectorTest, SuccessStopsTheDeadline) {
  io::Socket listener;
  ASSERT_TRUE(contract::ListenLoopback(loop_.port(), listener, Family::kV4));
  io::Socket socket;
  ASSERT_TRUE(loop_.port().Open(socket, Family::kV4).ok());
  Recorder recorder;
  Connector connector;
  connector.Bind(&recorder, &Recorder::OnDone);
  connector.Start(loop_.port(), timers_, socket, listener.local(),
                  loop_.port().now() + 60 * kSecond);
  ASSERT_TRUE(Run([&] { return recorder.calls == 1; }));
  EXPECT_TRUE(recorder.error.ok());
  EXPECT_TRUE(connector.idle());
  EXPECT_EQ(timers_.running(), 0u);
  contract::CloseNow(loop_, loop_.port(), socket);
  contract::CloseNow(loop_, loop_.port(), listener);
}

// A listener whose queue is full drops what comes: the connect hangs until the deadline ends it.
TEST_F(ConnectorTest, DeadlineEndsAConnectThatNobodyAnswers) {
  if (std::string(io::Port::BackendName()) == "iocp") {
    GTEST_SKIP() << "a backlog hint is at least 200 on Windows, and a full queue refuses there";
  }
  io::Socket listener;
  ASSERT_TRUE(contract::ListenLoopback(loop_.port(), listener, Family::kV4, 1));
  std::vector<std::unique_ptr<io::Socket>> sockets;
  std::vector<std::unique_ptr<contract::Connect>> fillers;
  for (int i = 0; i < 8; ++i) {
    sockets.push_back(std::make_unique<io::Socket>());
    ASSERT_TRUE(loop_.port().Open(*sockets.back(), Family::kV4).ok());
    fillers.push_back(std::make_unique<contract::Connect>());
    loop_.port().Connect(*fillers.back(), *sockets.back(), listener.local());
  }
  // The queue is full once one of them has to wait while no further one gets in.
  loop_.Settle();
  io::Socket socket;
  ASSERT_TRUE(loop_.port().Open(socket, Family::kV4).ok());
  Recorder recorder;
  Connector connector;
  connector.Bind(&recorder, &Recorder::OnDone);
  connector.Start(loop_.port(), timers_, socket, listener.local(),
                  loop_.port().now() + 50 * kMillisecond);
  ASSERT_TRUE(Run([&] { return recorder.calls == 1; }));
  EXPECT_EQ(recorder.error.code, ErrorCode::kTimedOut);
  for (const auto& filler : sockets) contract::CloseNow(loop_, loop_.port(), *filler);
  contract::CloseNow(loop_, loop_.port(), socket);
  contract::CloseNow(loop_, loop_.port(), listener);
}

TEST_F(ConnectorTest, CancelReportsOnce) {
  contract::ClosedTcpPort closed(loop_, Family::kV4);
  io::Socket socket;
  ASSERT_TRUE(loop_.port().Open(socket, Family::kV4).ok());
  Recorder recorder;
  Connector connector;
  connector.Bind(&recorder, &Recorder::OnDone);
  connector.Cancel();
  connector.Start(loop_.port(), timers_, socket, closed.address(), loop_.port().now() + kSecond);
  connector.Cancel();
  connector.Cancel();
  ASSERT_TRUE(Run([&] { return recorder.calls == 1; }));
  EXPECT_FALSE(recorder.error.ok());
  contract::CloseNow(loop_, loop_.port(), socket);
}

TEST(SourceList, RotatesWithinAFamily) {
  const std::vector<Address> sources = {Address::Loopback(Family::kV4, 1),
                                        Address::Loopback(Family::kV6, 2),
                                        Address::Loopback(Family::kV4, 3)};
  SourceList list(sources);
  EXPECT_EQ(list.Next(Family::kV4).tcp_port(), 1);
  EXPECT_EQ(list.Next(Family::kV4).tcp_port(), 3);
  EXPECT_EQ(list.Next(Family::kV6).tcp_port(), 2);
  EXPECT_EQ(list.Next(Family::kV4).tcp_port(), 3);
  SourceList none({});
  EXPECT_TRUE(none.Next(Family::kV4).empty());
}

}  // namespace
}  // namespace sluice::net
