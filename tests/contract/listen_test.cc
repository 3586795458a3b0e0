// SPDX-License-Identifier: Apache-2.0
//
// Listening and accepting.
#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/contract/harness.h"

namespace sluice::contract {
namespace {

class ListenTest : public FamilyTest {};
SLUICE_BOTH_FAMILIES(ListenTest);

// Port 0 becomes a real one, known at once: every test and every embedder relies on it.
TEST_P(ListenTest, TcpPortZeroIsResolved) {
  Socket listener;
  ASSERT_TRUE(ListenLoopback(loop_.port(), listener, GetParam()));
  EXPECT_EQ(listener.local().WithPort(0), Address::Loopback(GetParam(), 0));
  EXPECT_NE(listener.local().tcp_port(), 0);
  EXPECT_TRUE(listener.is_open());
  CloseNow(loop_, loop_.port(), listener);
}

// Two services on one address is a configuration error that must be told, from the same port and
// from another; a shared address would hand half of the connections to the wrong one.
TEST_P(ListenTest, AddressInUseIsTold) {
  const std::unique_ptr<Port> other = MakePort();
  Socket first;
  Socket second;
  ASSERT_TRUE(ListenLoopback(loop_.port(), first, GetParam()));
  for (Port* port : {&loop_.port(), other.get()}) {
    const OsError error = port->Listen(second, first.local(), io::ListenOptions{});
    EXPECT_EQ(error.code, ErrorCode::kAddressInUse) << error.ToString();
    EXPECT_NE(error.raw, 0);
    EXPECT_FALSE(second.is_open());
    EXPECT_TRUE(second.is_joined()) << "a failed Listen leaves nothing behind";
    port->Close(second);
  }
  CloseNow(loop_, loop_.port(), first);
}

// An address of another machine, and then the same Socket object for a good one.
TEST_P(ListenTest, ForeignAddressIsToldAndTheSocketIsGoodForAnother) {
  Socket listener;
  const Address foreign =
      GetParam() == Family::kV4
          ? Address::V4({203, 0, 113, 77}, 0)
          : Address::V6({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 0);
  const OsError error = loop_.port().Listen(listener, foreign, io::ListenOptions{});
  EXPECT_EQ(error.code, ErrorCode::kAddressNotAvailable) << error.ToString();
  EXPECT_TRUE(listener.is_joined());
  EXPECT_TRUE(ListenLoopback(loop_.port(), listener, GetParam()));
  CloseNow(loop_, loop_.port(), listener);
}

// A service that stops and starts again gets its address back, also while old connections of it,
// closed by this side, are still in TIME_WAIT.
TEST_P(ListenTest, AddressIsFreeAgainAfterClose) {
  std::byte in[4];
  Port& port = loop_.port();
  Address address = Address::Loopback(GetParam(), 0);
  for (int life = 0; life < 3; ++life) {
    Accept accept;
    Socket listener;
    Socket client;
    Socket server;
    const OsError error = port.Listen(listener, address, io::ListenOptions{});
    ASSERT_TRUE(error.ok()) << "life " << life << ": " << error.ToString();
    address = listener.local();
    port.Accept(accept, listener);
    ASSERT_TRUE(port.Open(client, GetParam()).ok());
    EXPECT_TRUE(ConnectOnce(loop_, port, client, address).ok());
    EXPECT_TRUE(loop_.RunUntil([&] { return accept.arrived(); }));
    EXPECT_TRUE(port.Adopt(server, accept.Take()).ok());
    CloseNow(loop_, port, server);  // first, so that TIME_WAIT is on the service's side
    EXPECT_EQ(ReceiveOnce(loop_, port, client, in, sizeof in).bytes, 0u);
    CloseNow(loop_, port, client);
    CloseNow(loop_, port, listener);
  }
}

// Two hundred clients come at once while four accepts are outstanding: all of them get in, none
// twice, and an accept is good for use again in its own handler.
TEST_P(ListenTest, BurstAboveTheOutstandingAccepts) {
  constexpr std::size_t kClients = 200;
  std::array<Accept, 4> accepts;
  std::vector<std::unique_ptr<Connect>> connects;
  std::vector<std::unique_ptr<Socket>> clients;
  std::set<std::string> accepted;
  std::set<std::string> connected;
  Port& port = loop_.port();
  Socket listener;
  ASSERT_TRUE(ListenLoopback(port, listener, GetParam()));
  for (Accept& accept : accepts) {
    accept.then = [&](Outcome outcome) {
      if (!outcome.ok()) return;
      const AcceptedSocket socket = accept.Take();
      EXPECT_TRUE(accepted.insert(socket.peer.ToString()).second) << "the same connection twice";
      EXPECT_EQ(socket.local, listener.local());
      Port::Discard(socket, nullptr);
      port.Accept(accept, listener);
    };
    port.Accept(accept, listener);
  }
  for (std::size_t i = 0; i < kClients; ++i) {
    clients.push_back(std::make_unique<Socket>());
    connects.push_back(std::make_unique<Connect>());
    ASSERT_TRUE(port.Open(*clients[i], GetParam()).ok());
    port.Connect(*connects[i], *clients[i], listener.local());
  }
  EXPECT_TRUE(loop_.RunUntil([&] {
    return accepted.size() == kClients && std::all_of(connects.begin(), connects.end(),
                                                      [](const auto& c) { return c->arrived(); });
  }));
  for (std::size_t i = 0; i < kClients; ++i) {
    EXPECT_EQ(connects[i]->outcomes(), 1);
    EXPECT_TRUE(connects[i]->outcome().ok()) << connects[i]->outcome().error.ToString();
    connected.insert(clients[i]->local().ToString());
    port.Close(*clients[i]);
  }
  EXPECT_EQ(connected, accepted);
  CloseNow(loop_, port, listener);
  for (const Accept& accept : accepts) EXPECT_EQ(accept.code(), ErrorCode::kAborted);
}

// A connection that came, and sent, and left, before anybody accepted is still a connection:
// accepted with its data and its end.
TEST_P(ListenTest, ConnectionThatCameAndWentIsAccepted) {
  std::byte in[8];
  Accept accept;
  Port& port = loop_.port();
  Socket listener;
  Socket client;
  Socket server;
  ASSERT_TRUE(ListenLoopback(port, listener, GetParam()));
  ASSERT_TRUE(port.Open(client, GetParam()).ok());
  EXPECT_TRUE(ConnectOnce(loop_, port, client, listener.local()).ok());
  EXPECT_TRUE(SendAll(loop_, port, client, "bye", 3).ok());
  CloseNow(loop_, port, client);
  port.Accept(accept, listener);
  ASSERT_TRUE(loop_.RunUntil([&] { return accept.arrived(); }));
  ASSERT_TRUE(accept.outcome().ok());
  ASSERT_TRUE(port.Adopt(server, accept.Take()).ok());
  EXPECT_EQ(ReceiveOnce(loop_, port, server, in, sizeof in).bytes, 3u);
  EXPECT_EQ(ReceiveOnce(loop_, port, server, in, sizeof in).bytes, 0u);
  CloseNow(loop_, port, server);
  CloseNow(loop_, port, listener);
}

// Closing a listener refuses newcomers from then on.
TEST_P(ListenTest, ClosedListenerRefuses) {
  Accept accept;
  Port& port = loop_.port();
  Socket listener;
  Socket client;
  ASSERT_TRUE(ListenLoopback(port, listener, GetParam()));
  const Address address = listener.local();
  port.Accept(accept, listener);
  loop_.Turn();
  CloseNow(loop_, port, listener);
  EXPECT_EQ(accept.outcomes(), 1);
  EXPECT_EQ(accept.code(), ErrorCode::kAborted);
  ASSERT_TRUE(port.Open(client, GetParam()).ok());
  EXPECT_EQ(ConnectOnce(loop_, port, client, address).error.code, ErrorCode::kRefused);
  CloseNow(loop_, port, client);
}

class ListenLoopTest : public ContractTest {
 protected:
  // Connects to loopback of `family` at the listener's port; true when that worked.
  bool Reaches(const Socket& listener, Family family) {
    Socket client;
    EXPECT_TRUE(loop_.port().Open(client, family).ok());
    const Address remote = Address::Loopback(family, listener.local().tcp_port());
    const bool reached = ConnectOnce(loop_, loop_.port(), client, remote).ok();
    last_client_ = client.local();
    CloseNow(loop_, loop_.port(), client);
    return reached;
  }
  Address last_client_;
};

// One wildcard listener for both families: v4 clients come in too, shown with their own address.
TEST_F(ListenLoopTest, DualStackListenerTakesBoth) {
  if (!HasV6Loopback()) GTEST_SKIP() << "no IPv6 loopback on this machine";
  Socket listener;
  io::ListenOptions options;
  options.dual_stack = true;
  ASSERT_TRUE(loop_.port().Listen(listener, Address::Wildcard(Family::kV6, 0), options).ok());
  for (const Family family : {Family::kV4, Family::kV6}) {
    Accept accept;
    loop_.port().Accept(accept, listener);
    EXPECT_TRUE(Reaches(listener, family));
    ASSERT_TRUE(loop_.RunUntil([&] { return accept.arrived(); }));
    ASSERT_TRUE(accept.outcome().ok());
    const AcceptedSocket accepted = accept.Take();
    EXPECT_EQ(accepted.peer.Canonical(), last_client_);
    EXPECT_EQ(accepted.local.Canonical().family(), family);
    Socket server;
    EXPECT_TRUE(loop_.port().Adopt(server, accepted).ok());
    CloseNow(loop_, loop_.port(), server);
  }
  CloseNow(loop_, loop_.port(), listener);
}

// And without the option a v6 listener is v6 only, whatever the system's default is.
TEST_F(ListenLoopTest, V6ListenerAloneRefusesV4) {
  if (!HasV6Loopback()) GTEST_SKIP() << "no IPv6 loopback on this machine";
  Socket listener;
  ASSERT_TRUE(
      loop_.port().Listen(listener, Address::Wildcard(Family::kV6, 0), io::ListenOptions{}).ok());
  EXPECT_FALSE(Reaches(listener, Family::kV4));
  EXPECT_TRUE(Reaches(listener, Family::kV6));
  CloseNow(loop_, loop_.port(), listener);
}

// reuse_port shares an address between listeners that all asked for it.
TEST_F(ListenLoopTest, ReusePortSharesAnAddress) {
  SLUICE_NEEDS(Ability::kReusePort);
  Socket first;
  Socket second;
  io::ListenOptions options;
  options.reuse_port = true;
  ASSERT_TRUE(loop_.port().Listen(first, Address::Loopback(Family::kV4, 0), options).ok());
  const OsError error = loop_.port().Listen(second, first.local(), options);
  EXPECT_TRUE(error.ok()) << error.ToString();
  EXPECT_EQ(second.local(), first.local());
  CloseNow(loop_, loop_.port(), second);
  CloseNow(loop_, loop_.port(), first);
}

// Where there is no such thing it must be an error: a listener that silently takes the address
// alone is a second worker without connections.
TEST_F(ListenLoopTest, ReusePortIsAnErrorElsewhere) {
  if (WhyNot(Ability::kReusePort) == nullptr) GTEST_SKIP() << "this backend has reuse_port";
  Socket listener;
  io::ListenOptions options;
  options.reuse_port = true;
  EXPECT_FALSE(loop_.port().Listen(listener, Address::Loopback(Family::kV4, 0), options).ok());
  EXPECT_TRUE(listener.is_joined());
}

}  // namespace
}  // namespace sluice::contract
