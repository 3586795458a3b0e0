// SPDX-License-Identifier: Apache-2.0
//
// Connecting, and the many ways not to. Whatever is wrong with an address or a socket is an error
// outcome: not a hang, not a failed check, not a success.
#include <array>
#include <vector>

#include "tests/contract/harness.h"

namespace sluice::contract {
namespace {

class ConnectTest : public FamilyTest {};
SLUICE_BOTH_FAMILIES(ConnectTest);

Address V6Text(std::array<std::uint8_t, 16> bytes, std::uint16_t tcp_port) {
  return Address::V6(bytes, tcp_port);
}

// Refused is an outcome of its own: the Connector retries the next address on it. The number
// reaches us through a packet on Windows (1225) and inline elsewhere; both must be kRefused.
TEST_P(ConnectTest, ClosedTcpPortRefuses) {
  ClosedTcpPort closed(loop_, GetParam());
  Socket socket;
  ASSERT_TRUE(loop_.port().Open(socket, GetParam()).ok());
  const Outcome outcome = ConnectOnce(loop_, loop_.port(), socket, closed.address());
  EXPECT_EQ(outcome.error.code, ErrorCode::kRefused) << outcome.error.ToString();
  EXPECT_NE(outcome.error.raw, 0);
  EXPECT_EQ(outcome.bytes, 0u);
  EXPECT_TRUE(socket.peer().empty()) << "nobody is there";
  CloseNow(loop_, loop_.port(), socket);
}

// After a refusal a new socket in the same place connects, once somebody listens: nothing of the
// failed attempt sticks to the Socket object or to the operation.
TEST_P(ConnectTest, NewSocketConnectsAfterARefusal) {
  Connect connect;
  Port& port = loop_.port();
  ClosedTcpPort closed(loop_, GetParam());
  Socket socket;
  ASSERT_TRUE(port.Open(socket, GetParam()).ok());
  port.Connect(connect, socket, closed.address());
  EXPECT_TRUE(loop_.RunUntil([&] { return connect.outcomes() == 1; }));
  EXPECT_EQ(connect.code(), ErrorCode::kRefused);
  CloseNow(loop_, port, socket);
  closed.Release();
  Socket listener;
  const OsError listening = port.Listen(listener, closed.address(), io::ListenOptions{});
  ASSERT_TRUE(listening.ok()) << listening.ToString();
  ASSERT_TRUE(port.Open(socket, GetParam()).ok());
  port.Connect(connect, socket, listener.local());
  EXPECT_TRUE(loop_.RunUntil([&] { return connect.outcomes() == 2; }));
  EXPECT_TRUE(connect.outcome().ok()) << connect.outcome().error.ToString();
  CloseNow(loop_, port, socket);
  CloseNow(loop_, port, listener);
}

// Both ends know both addresses: what one calls local the other calls peer. (On Windows this needs
// the connect and accept context updates; without them getsockname fails or says 0.0.0.0.)
TEST_P(ConnectTest, BothEndsKnowBothAddresses) {
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  EXPECT_EQ(pair.client.local(), pair.server.peer());
  EXPECT_EQ(pair.client.peer(), pair.server.local());
  EXPECT_TRUE(pair.client.local().IsLoopback()) << pair.client.local().ToString();
  EXPECT_NE(pair.client.local().tcp_port(), 0);
  EXPECT_EQ(pair.client.local().family(), GetParam());
  EXPECT_EQ(pair.server.local().family(), GetParam());
}

// A chosen source address is what the peer sees, and what local() says from Bind on; its TCP port,
// which may not be chosen yet, is known when the connect has succeeded.
TEST_P(ConnectTest, BoundSourceAddressIsUsed) {
  Accept accept;
  Port& port = loop_.port();
  const Address source = GetParam() == Family::kV4 ? Address::V4({127, 0, 0, 2}, 0)
                                                   : Address::Loopback(Family::kV6, 0);
  Socket listener;
  Socket socket;
  ASSERT_TRUE(ListenLoopback(port, listener, GetParam()));
  ASSERT_TRUE(port.Open(socket, GetParam()).ok());
  const OsError bound = port.Bind(socket, source);
  EXPECT_TRUE(bound.ok()) << bound.ToString();
  EXPECT_EQ(socket.local().WithPort(0), source);
  port.Accept(accept, listener);
  EXPECT_TRUE(ConnectOnce(loop_, port, socket, listener.local()).ok());
  EXPECT_NE(socket.local().tcp_port(), 0);
  EXPECT_EQ(socket.peer(), listener.local());
  EXPECT_TRUE(loop_.RunUntil([&] { return accept.arrived(); }));
  EXPECT_TRUE(accept.outcome().ok());
  if (accept.outcome().ok()) {
    const AcceptedSocket accepted = accept.Take();
    EXPECT_EQ(accepted.peer.WithPort(0), source);
    EXPECT_EQ(accepted.peer, socket.local());
    Port::Discard(accepted, nullptr);
  }
  CloseNow(loop_, port, socket);
  CloseNow(loop_, port, listener);
}

// Bind says at once what is wrong with an address, and the socket stays open for another try.
TEST_P(ConnectTest, BindFailsWithAReason) {
  Port& port = loop_.port();
  Socket listener;
  Socket socket;
  ASSERT_TRUE(ListenLoopback(port, listener, GetParam()));
  ASSERT_TRUE(port.Open(socket, GetParam()).ok());
  EXPECT_EQ(port.Bind(socket, listener.local()).code, ErrorCode::kAddressInUse);
  const Address foreign =
      GetParam() == Family::kV4
          ? Address::V4({203, 0, 113, 77}, 0)
          : V6Text({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x77}, 0);
  EXPECT_EQ(port.Bind(socket, foreign).code, ErrorCode::kAddressNotAvailable);
  EXPECT_TRUE(socket.is_open());
  EXPECT_TRUE(port.Bind(socket, Address::Loopback(GetParam(), 0)).ok());
  EXPECT_TRUE(ConnectOnce(loop_, port, socket, listener.local()).ok());
  CloseNow(loop_, port, socket);
  CloseNow(loop_, port, listener);
}

// Connecting what is connected fails with its own name and leaves the connection alone.
TEST_P(ConnectTest, SecondConnectFailsAndHarmsNothing) {
  std::byte in[4];
  Pair pair(loop_, GetParam());
  ASSERT_TRUE(pair.ok());
  Port& port = loop_.port();
  Socket listener;
  ASSERT_TRUE(ListenLoopback(port, listener, GetParam()));
  const Outcome outcome = ConnectOnce(loop_, port, pair.client, listener.local());
  EXPECT_EQ(outcome.error.code, ErrorCode::kAlreadyConnected) << outcome.error.ToString();
  EXPECT_TRUE(SendAll(loop_, port, pair.client, "ok", 2).ok());
  EXPECT_EQ(ReceiveOnce(loop_, port, pair.server, in, sizeof in).bytes, 2u);
  CloseNow(loop_, port, listener);
}

// Receive and send on a socket that never connected: errors, at once, by name where every OS has
// one.
TEST_P(ConnectTest, UnconnectedSocketCarriesNothing) {
  std::byte bytes[4]{};
  Port& port = loop_.port();
  Socket socket;
  ASSERT_TRUE(port.Open(socket, GetParam()).ok());
  const Outcome received = ReceiveOnce(loop_, port, socket, bytes, sizeof bytes);
  EXPECT_EQ(received.error.code, ErrorCode::kNotConnected) << received.error.ToString();
  const Outcome sent = SendAll(loop_, port, socket, bytes, sizeof bytes);
  EXPECT_FALSE(sent.ok());
  CloseNow(loop_, port, socket);
}

class ConnectAddressTest : public ContractTest {};

// Addresses that cannot be connected to, none of which lets a packet out of the machine: broadcast,
// multicast, port 0, the other family. Each is an error outcome, and the socket closes as usual.
TEST_F(ConnectAddressTest, UnusableAddressesAreErrorOutcomes) {
  struct Case {
    const char* what;
    Family socket;
    Address remote;
  };
  const Case kCases[] = {
      {"v4 broadcast", Family::kV4, Address::V4({255, 255, 255, 255}, 9)},
      {"v4 multicast", Family::kV4, Address::V4({224, 0, 0, 1}, 9)},
      {"v4 port 0", Family::kV4, Address::Loopback(Family::kV4, 0)},
      {"v6 address on a v4 socket", Family::kV4, Address::Loopback(Family::kV6, 9)},
      {"v6 multicast", Family::kV6,
       V6Text({0xff, 0x0e, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 9)},
      {"v6 port 0", Family::kV6, Address::Loopback(Family::kV6, 0)},
      {"v4 address on a v6 socket", Family::kV6, Address::Loopback(Family::kV4, 9)},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.what);
    if (c.socket == Family::kV6 && !HasV6Loopback()) continue;
    Socket socket;
    ASSERT_TRUE(loop_.port().Open(socket, c.socket).ok());
    const Outcome outcome = ConnectOnce(loop_, loop_.port(), socket, c.remote);
    EXPECT_FALSE(outcome.ok());
    EXPECT_NE(outcome.error.code, ErrorCode::kAborted) << "that is what Cancel says";
    EXPECT_NE(outcome.error.raw, 0);
    CloseNow(loop_, loop_.port(), socket);
  }
}

// Open and Close without anything between, and the same Socket object again and again, in both
// families.
TEST_F(ConnectAddressTest, SocketObjectIsUsedAgain) {
  Socket socket;
  for (int i = 0; i < 50; ++i) {
    const Family family = i % 2 == 0 || !HasV6Loopback() ? Family::kV4 : Family::kV6;
    ASSERT_TRUE(loop_.port().Open(socket, family).ok());
    EXPECT_TRUE(socket.is_open());
    EXPECT_FALSE(socket.is_joined());
    EXPECT_TRUE(socket.peer().empty());
    loop_.port().Close(socket);
    EXPECT_FALSE(socket.is_open());
    EXPECT_TRUE(socket.is_joined()) << "nothing was armed, so there is nothing to wait for";
  }
}

}  // namespace
}  // namespace sluice::contract
