// SPDX-License-Identifier: Apache-2.0
//
// The hooks of a Platform: called for each socket's life in the documented order, on every backend,
// because the emulated driver keeps its books by them.
#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "tests/contract/fake_platform.h"
#include "tests/contract/harness.h"

namespace sluice::contract {
namespace {

using Kind = FakePlatform::Kind;
using Event = FakePlatform::Event;

PortOptions With(io::Platform& platform) {
  PortOptions options;
  options.platform = &platform;
  return options;
}

class PlatformTest : public ::testing::TestWithParam<Family> {
 protected:
  PlatformTest() : loop_(1, With(platform_)) {}
  void SetUp() override {
    if (GetParam() == Family::kV6 && !HasV6Loopback())
      GTEST_SKIP() << "no IPv6 loopback on this machine";
  }
  Port& port() { return loop_.port(); }

  // Accepts one connection of `listener` and closes it again; what the accept outcome carried.
  AcceptedSocket AcceptAndDiscard(Socket& listener) {
    Accept accept;
    port().Accept(accept, listener);
    EXPECT_TRUE(loop_.RunUntil([&] { return accept.arrived(); }));
    EXPECT_TRUE(accept.outcome().ok());
    if (!accept.outcome().ok()) return AcceptedSocket{};
    const AcceptedSocket accepted = accept.Take();
    EXPECT_EQ(platform_.count(Kind::kAccepted, accepted.handle), 1)
        << "OnAccepted comes before the outcome";
    Port::Discard(accepted, &platform_);
    return accepted;
  }

  FakePlatform platform_;
  Loop loop_;
};
SLUICE_BOTH_FAMILIES(PlatformTest);

std::vector<Kind> Kinds(const std::vector<Event>& events) {
  std::vector<Kind> kinds;
  for (const Event& event : events) kinds.push_back(event.kind);
  return kinds;
}

// The position of the first event of a kind, or a failure.
std::size_t PositionOf(const std::vector<Event>& events, Kind kind) {
  const auto found =
      std::find_if(events.begin(), events.end(), [&](const Event& e) { return e.kind == kind; });
  EXPECT_NE(found, events.end()) << "no event of kind " << static_cast<int>(kind);
  return static_cast<std::size_t>(found - events.begin());
}

// A listener: made, bound, listening with its real address, closing; each once, in this order.
TEST_P(PlatformTest, ListenersLife) {
  Socket listener;
  ASSERT_TRUE(ListenLoopback(port(), listener, GetParam(), 77));
  const io::NativeHandle handle = listener.native();
  const Address local = listener.local();
  EXPECT_EQ(platform_.count(Kind::kClosing, handle), 0);
  CloseNow(loop_, port(), listener);
  const std::vector<Event> events = platform_.events(handle);
  EXPECT_EQ(Kinds(events),
            (std::vector<Kind>{Kind::kOpened, Kind::kBound, Kind::kListening, Kind::kClosing}));
  EXPECT_EQ(events[PositionOf(events, Kind::kBound)].local, local);
  EXPECT_EQ(events[PositionOf(events, Kind::kListening)].local, local);
}

// A connecting socket: made, asked, SYN begun and ended with the connecting end's address,
// connected, closing. And nothing of the accepting side falls between BeginSyn and EndSyn, where
// the platform makes it wait.
TEST_P(PlatformTest, ConnectingSocketsLife) {
  Socket listener;
  Socket client;
  ASSERT_TRUE(ListenLoopback(port(), listener, GetParam()));
  ASSERT_TRUE(port().Open(client, GetParam()).ok());
  const io::NativeHandle handle = client.native();
  EXPECT_TRUE(ConnectOnce(loop_, port(), client, listener.local()).ok());
  EXPECT_EQ(platform_.count(Kind::kConnected, handle), 1) << "OnConnected comes before the outcome";
  const Address client_address = client.local();
  const AcceptedSocket accepted = AcceptAndDiscard(listener);
  CloseNow(loop_, port(), client);
  std::vector<Event> events = platform_.events(handle);
  // Where the OS wants a bound socket, OnBound may stand anywhere before EndSyn.
  events.erase(std::remove_if(events.begin(), events.end(),
                              [](const Event& e) { return e.kind == Kind::kBound; }),
               events.end());
  EXPECT_EQ(Kinds(events), (std::vector<Kind>{Kind::kOpened, Kind::kConnecting, Kind::kBeginSyn,
                                              Kind::kEndSyn, Kind::kConnected, Kind::kClosing}));
  const Event connecting = events[PositionOf(events, Kind::kConnecting)];
  EXPECT_EQ(connecting.remote, listener.local());
  EXPECT_TRUE(connecting.local.empty()) << "the socket was not bound by its owner";
  const Event end_syn = events[PositionOf(events, Kind::kEndSyn)];
  EXPECT_EQ(end_syn.local.tcp_port(), client_address.tcp_port());
  EXPECT_TRUE(end_syn.local == client_address || end_syn.local.IsWildcard())
      << end_syn.local.ToString();
  EXPECT_TRUE(events[PositionOf(events, Kind::kConnected)].error.ok());
  EXPECT_EQ(accepted.peer, client_address);

  const std::vector<Event> all = platform_.events();
  for (std::size_t i = PositionOf(all, Kind::kBeginSyn); i < PositionOf(all, Kind::kEndSyn); ++i) {
    EXPECT_NE(all[i].kind, Kind::kAccepted);
  }
  CloseNow(loop_, port(), listener);
}

// The accepted side: OnAccepted names the listener and both addresses, before the outcome. A
// discarded socket is told as closing like any other.
TEST_P(PlatformTest, AcceptedSocketsLife) {
  Socket listener;
  Socket client;
  ASSERT_TRUE(ListenLoopback(port(), listener, GetParam()));
  ASSERT_TRUE(port().Open(client, GetParam()).ok());
  EXPECT_TRUE(ConnectOnce(loop_, port(), client, listener.local()).ok());
  const AcceptedSocket accepted = AcceptAndDiscard(listener);
  const std::vector<Event> events = platform_.events(accepted.handle);
  const Event birth = events[PositionOf(events, Kind::kAccepted)];
  EXPECT_EQ(birth.listener, listener.native());
  EXPECT_EQ(birth.local, listener.local());
  EXPECT_EQ(birth.remote, client.local());
  EXPECT_EQ(accepted.peer, client.local());
  EXPECT_LT(PositionOf(events, Kind::kAccepted), PositionOf(events, Kind::kClosing));
  EXPECT_EQ(platform_.count(Kind::kClosing, accepted.handle), 1);
  CloseNow(loop_, port(), client);
  CloseNow(loop_, port(), listener);
}

// OnConnecting sends the connect elsewhere: the SYN goes there and nowhere else. This is what a
// redirect is. The application does not notice: its peer is the one it asked for.
TEST_P(PlatformTest, ConnectIsRedirected) {
  Accept at_target;
  Socket wanted;
  Socket target;
  Socket client;
  ASSERT_TRUE(ListenLoopback(port(), wanted, GetParam()));
  ASSERT_TRUE(ListenLoopback(port(), target, GetParam()));
  Accept at_wanted;
  port().Accept(at_wanted, wanted);
  port().Accept(at_target, target);
  platform_.DecideWith([&](const Address& remote) {
    EXPECT_EQ(remote, wanted.local());
    return io::ConnectDecision{OsError{}, target.local()};
  });
  ASSERT_TRUE(port().Open(client, GetParam()).ok());
  Connect connect;
  port().Connect(connect, client, wanted.local());
  ASSERT_TRUE(loop_.RunUntil([&] { return connect.arrived(); }));
  EXPECT_TRUE(connect.outcome().ok());
  EXPECT_EQ(client.peer(), wanted.local());
  EXPECT_EQ(connect.reached(), target.local());
  EXPECT_TRUE(loop_.RunUntil([&] { return at_target.arrived(); }));
  EXPECT_TRUE(at_target.outcome().ok());
  if (at_target.outcome().ok()) {
    const AcceptedSocket accepted = at_target.Take();
    EXPECT_EQ(accepted.peer.tcp_port(), client.local().tcp_port());
    Port::Discard(accepted, &platform_);
  }
  EXPECT_EQ(at_wanted.outcomes(), 0);
  if (at_wanted.arrived()) Port::Discard(at_wanted.Take(), &platform_);
  CloseNow(loop_, port(), client);
  CloseNow(loop_, port(), target);
  CloseNow(loop_, port(), wanted);
}

// OnConnecting forbids: the connect fails with that very error, no SYN leaves, and BeginSyn is not
// called.
TEST_P(PlatformTest, ConnectIsForbidden) {
  Accept accept;
  Socket listener;
  Socket client;
  ASSERT_TRUE(ListenLoopback(port(), listener, GetParam()));
  port().Accept(accept, listener);
  platform_.DecideWith([](const Address& remote) {
    return io::ConnectDecision{OsError{ErrorCode::kAccessDenied, 10013}, remote};
  });
  ASSERT_TRUE(port().Open(client, GetParam()).ok());
  const Outcome outcome = ConnectOnce(loop_, port(), client, listener.local());
  EXPECT_EQ(outcome.error.code, ErrorCode::kAccessDenied);
  EXPECT_EQ(outcome.error.raw, 10013);
  EXPECT_TRUE(client.peer().empty());
  EXPECT_EQ(platform_.count(Kind::kBeginSyn), 0);
  EXPECT_EQ(platform_.count(Kind::kEndSyn), 0);
  loop_.Settle();
  EXPECT_EQ(accept.outcomes(), 0);
  CloseNow(loop_, port(), client);
  CloseNow(loop_, port(), listener);
}

// A connect that fails: each BeginSyn still has its one EndSyn (empty when nothing left), and
// OnConnected carries the error. A missing EndSyn leaves every accept of the platform waiting.
TEST_P(PlatformTest, FailedConnectStillEndsItsSyn) {
  ClosedTcpPort closed(loop_, GetParam());
  // Refused, refused before the SYN, and an address to which no SYN can leave at all.
  const Address nowhere =
      GetParam() == Family::kV4
          ? Address::V4({255, 255, 255, 255}, 9)
          : Address::V6({0xff, 0x0e, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 9);
  const Address remotes[] = {closed.address(), Address::Loopback(GetParam(), 0), nowhere};
  for (const Address& remote : remotes) {
    Socket client;
    ASSERT_TRUE(port().Open(client, GetParam()).ok());
    const std::size_t first_event = platform_.events().size();
    const Outcome outcome = ConnectOnce(loop_, port(), client, remote);
    EXPECT_FALSE(outcome.ok());
    std::vector<Event> events = platform_.events();
    events.erase(events.begin(), events.begin() + static_cast<std::ptrdiff_t>(first_event));
    const auto count = [&](Kind kind) {
      return std::count_if(events.begin(), events.end(),
                           [&](const Event& e) { return e.kind == kind; });
    };
    EXPECT_EQ(count(Kind::kConnecting), 1);
    EXPECT_EQ(count(Kind::kBeginSyn), count(Kind::kEndSyn));
    EXPECT_EQ(count(Kind::kConnected), 1);
    const Event connected = events[PositionOf(events, Kind::kConnected)];
    EXPECT_EQ(connected.error.code, outcome.error.code);
    CloseNow(loop_, port(), client);
  }
  closed.Release();
}

// Handles are reused by the OS at once, so OnClosing must come before: for each handle,
// opened/accepted and closing alternate, whatever happens to the socket in between. An accepted
// socket is told by OnAccepted alone.
TEST_P(PlatformTest, ClosingComesBeforeTheHandleIsUsedAgain) {
  for (int round = 0; round < 20; ++round) {
    Recv recv;
    std::byte in[4];
    Pair pair(loop_, GetParam());
    ASSERT_TRUE(pair.ok());
    if (round % 3 == 0) port().Recv(recv, pair.client, {IoBuffer{in, sizeof in}});
    if (round % 2 == 0) port().Abort(pair.client);
    pair.Finish();
  }
  std::vector<io::NativeHandle> open;
  for (const Event& event : platform_.events()) {
    const auto found = std::find(open.begin(), open.end(), event.socket);
    if (event.kind == Kind::kOpened) {
      EXPECT_EQ(found, open.end()) << "made twice without closing";
      if (found == open.end()) open.push_back(event.socket);
    } else if (event.kind == Kind::kAccepted) {
      EXPECT_EQ(found, open.end()) << "an accepted socket was told as opened too";
      if (found == open.end()) open.push_back(event.socket);
    } else if (event.kind == Kind::kClosing) {
      EXPECT_NE(found, open.end()) << "closed twice";
      if (found != open.end()) open.erase(found);
    } else {
      EXPECT_NE(found, open.end())
          << "told of a handle that is closed, event " << static_cast<int>(event.kind);
    }
  }
}

}  // namespace
}  // namespace sluice::contract
