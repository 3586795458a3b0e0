// SPDX-License-Identifier: Apache-2.0
//
// What only this backend promises: the ioctl path with a replaced WSAIoctl, the emulated registry
// kept in step with sockets, and how many system calls a connection costs.
#ifdef _WIN32

#include "engine/io/port.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/io/windows/emulated_ioctl.h"
#include "engine/io/windows/errors.h"
#include "engine/io/windows/system.h"
#include "gtest/gtest.h"

namespace sluice::io {
namespace {

constexpr std::uint32_t kCode = 0x980000DC;

template <typename Op>
class Recorded : public Op {
 public:
  Recorded() { this->template Bind<&Recorded::OnOutcome>(this); }
  int outcomes = 0;
  Outcome outcome;

 private:
  void OnOutcome(Outcome arrived) {
    ++outcomes;
    outcome = arrived;
  }
};

std::unique_ptr<Port> MakePort(const PortOptions& options) {
  auto port = Port::Create(options);
  EXPECT_TRUE(port.ok()) << port.status();
  return port.ok() ? *std::move(port) : nullptr;
}

template <typename Op>
void RunUntilArrived(Port& port, const Recorded<Op>& operation) {
  const Instant deadline = port.now() + 20 * kSecond;
  while (operation.outcomes == 0 && port.now() < deadline) port.RunOnce(deadline);
  ASSERT_EQ(operation.outcomes, 1);
}

// A WSAIoctl that does as the test says. One test at a time.
struct FakeIoctl {
  int result = 0;
  int error = 0;
  DWORD bytes = 0;
  int calls = 0;
  SOCKET socket = INVALID_SOCKET;
  DWORD code = 0;
  const void* in = nullptr;
  DWORD in_size = 0;
  void* out = nullptr;
  DWORD out_size = 0;
  OVERLAPPED* overlapped = nullptr;
};
FakeIoctl fake;

int WSAAPI CallFake(SOCKET socket, DWORD code, LPVOID in, DWORD in_size, LPVOID out, DWORD out_size,
                    LPDWORD bytes_returned, LPWSAOVERLAPPED overlapped,
                    LPWSAOVERLAPPED_COMPLETION_ROUTINE) {
  ++fake.calls;
  fake.socket = socket;
  fake.code = code;
  fake.in = in;
  fake.in_size = in_size;
  fake.out = out;
  fake.out_size = out_size;
  fake.overlapped = overlapped;
  if (fake.error != WSA_IO_PENDING) *bytes_returned = fake.bytes;
  WSASetLastError(fake.error);
  return fake.result;
}

class ReplacedIoctlTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fake = FakeIoctl{};
    PortOptions options;
    options.wsa_ioctl = reinterpret_cast<void (*)()>(&CallFake);
    port_ = MakePort(options);
    ASSERT_TRUE(port_->Open(socket_, Family::kV4).ok());
  }
  void TearDown() override { port_->Close(socket_); }
  void Start() {
    port_->Control(control_, socket_, kCode, absl::MakeSpan(in_), absl::MakeSpan(out_));
  }

  std::unique_ptr<Port> port_;
  Recorded<ControlOp> control_;
  std::array<std::byte, 3> in_{};
  std::array<std::byte, 40> out_{};
  Socket socket_;
};

TEST_F(ReplacedIoctlTest, GetsTheCallAsItWasMade) {
  if (!GetWinsock().skip_on_success_v4)
    GTEST_SKIP() << "success at once is then a packet, and the fake sends none";
  fake.bytes = 17;
  Start();
  EXPECT_EQ(control_.outcomes, 0);
  EXPECT_EQ(fake.calls, 1);
  EXPECT_EQ(fake.socket, socket_.native());
  EXPECT_EQ(fake.code, kCode);
  EXPECT_EQ(fake.in, in_.data());
  EXPECT_EQ(fake.in_size, in_.size());
  EXPECT_EQ(fake.out, out_.data());
  EXPECT_EQ(fake.out_size, out_.size());
  ASSERT_NE(fake.overlapped, nullptr);
  EXPECT_EQ(fake.overlapped->hEvent, nullptr);
  RunUntilArrived(*port_, control_);
  EXPECT_TRUE(control_.outcome.ok());
  EXPECT_EQ(control_.outcome.bytes, 17u);
}

// Winsock's number, and the size the driver reported beside it.
TEST_F(ReplacedIoctlTest, FailureAtOnce) {
  fake.result = SOCKET_ERROR;
  fake.error = WSAEFAULT;
  fake.bytes = 900;
  Start();
  EXPECT_EQ(control_.outcomes, 0) << "never inside the start call";
  RunUntilArrived(*port_, control_);
  EXPECT_TRUE(control_.inline_failure());
  EXPECT_EQ(control_.outcome.error.raw, WSAEFAULT);
  EXPECT_EQ(control_.outcome.error.code, ErrorCode::kBadPointer);
  EXPECT_EQ(control_.outcome.bytes, 900u);
}

// FWP_E_NOT_FOUND, verbatim from WSAGetLastError: more than 16 bits, and negative as an int.
TEST_F(ReplacedIoctlTest, LongNumberAtOnce) {
  fake.result = SOCKET_ERROR;
  fake.error = static_cast<int>(0x80320008);
  Start();
  RunUntilArrived(*port_, control_);
  EXPECT_EQ(static_cast<std::uint32_t>(control_.outcome.error.raw), 0x80320008u);
  EXPECT_EQ(control_.outcome.error.code, ErrorCode::kNotFound);
}

// A platform whose controls pend until told otherwise.
class PendingPlatform : public Platform {
 public:
  ControlRequest last;
  bool pends = true;
  ControlReply reply;

  void OnOpened(NativeHandle, Family) override {}
  void OnBound(NativeHandle, const Address&) override {}
  void OnListening(NativeHandle, const Address&, int) override {}
  void OnClosing(NativeHandle) override {}
  ConnectDecision OnConnecting(NativeHandle, const Address&, const Address& remote) override {
    return ConnectDecision{OsError{}, remote};
  }
  void BeginSyn(NativeHandle) override {}
  void EndSyn(NativeHandle, const Address&) override {}
  void OnConnected(NativeHandle, OsError) override {}
  void OnAccepted(NativeHandle, NativeHandle, const Address&, const Address&) override {}
  ControlAnswer Control(const ControlRequest& request, ControlReply* answer) override {
    if (request.code != kCode) return ControlAnswer::kUnknown;
    last = request;
    if (pends) return ControlAnswer::kPended;
    *answer = reply;
    return ControlAnswer::kDone;
  }
  void CancelControl(void* ticket) override {
    if (ticket == last.ticket) last.complete(ticket, ControlReply{kStatusCancelled, 0, 0});
  }
};

class EmulatedPortTest : public ::testing::Test {
 protected:
  void SetUp() override {
    PortOptions options;
    options.platform = &platform_;
    port_ = MakePort(options);
  }
  PendingPlatform platform_;
  std::unique_ptr<Port> port_;
};

// One status, two numbers: Winsock's at once, Win32's by packet.
TEST_F(EmulatedPortTest, SameStatusTwoNumbers) {
  Socket socket;
  ASSERT_TRUE(port_->Open(socket, Family::kV4).ok());
  const ControlReply reply{kStatusBufferTooSmall, 900, 0};
  for (const bool pends : {false, true}) {
    Recorded<ControlOp> control;
    platform_.pends = pends;
    platform_.reply = reply;
    port_->Control(control, socket, kCode, {}, {});
    if (pends) platform_.last.complete(platform_.last.ticket, reply);
    RunUntilArrived(*port_, control);
    EXPECT_EQ(control.outcome.error.raw, pends ? 122 : WSAEFAULT);
    EXPECT_EQ(control.outcome.error.code, ErrorCode::kBadPointer);
    EXPECT_EQ(control.inline_failure(), !pends);
    EXPECT_EQ(control.outcome.bytes, 900u);
  }
  port_->Close(socket);
}

TEST_F(EmulatedPortTest, LiteralNumberArrivesByEitherWay) {
  Socket socket;
  ASSERT_TRUE(port_->Open(socket, Family::kV6).ok());
  for (const std::uint32_t literal : {122u, 10022u, 0x80320008u}) {
    for (const bool pends : {false, true}) {
      const ControlReply reply{kStatusBufferTooSmall, 0, literal};
      Recorded<ControlOp> control;
      platform_.pends = pends;
      platform_.reply = reply;
      port_->Control(control, socket, kCode, {}, {});
      if (pends) platform_.last.complete(platform_.last.ticket, reply);
      RunUntilArrived(*port_, control);
      EXPECT_EQ(static_cast<std::uint32_t>(control.outcome.error.raw), literal);
    }
  }
  port_->Close(socket);
}

// What a port has told the registry it takes back: closed, discarded, destroyed with the port.
TEST_F(EmulatedPortTest, RegistryKeepsNothing) {
  {
    Recorded<ControlOp> control;
    Recorded<AcceptOp> accept;
    Recorded<ConnectOp> connect;
    Socket listener;
    Socket client;
    Socket pending;
    ASSERT_TRUE(port_->Listen(listener, Address::Loopback(Family::kV4, 0), ListenOptions{}).ok());
    ASSERT_TRUE(port_->Open(client, Family::kV4).ok());
    ASSERT_TRUE(port_->Open(pending, Family::kV4).ok());
    EXPECT_EQ(EmulatedSocketCount(), 3u);
    port_->Accept(accept, listener);
    port_->Connect(connect, client, listener.local());
    RunUntilArrived(*port_, connect);
    RunUntilArrived(*port_, accept);
    EXPECT_EQ(EmulatedSocketCount(), 4u);
    Port::Discard(accept.Take(), &platform_);
    port_->Control(control, pending, kCode, {}, {});
    EXPECT_EQ(EmulatedPendingCount(), 1u);
    port_->Close(pending);
    port_->Close(listener);
    port_->Close(client);
    EXPECT_EQ(EmulatedSocketCount(), 1u) << "one still waits for its control";
    port_.reset();
    EXPECT_EQ(control.outcomes, 0);
    EXPECT_TRUE(pending.is_joined());
  }
  EXPECT_EQ(EmulatedSocketCount(), 0u);
  EXPECT_EQ(EmulatedPendingCount(), 0u);
}

// The calls of a connection, counted: a change here is a change of what a connection costs, and
// should be meant.
TEST(WindowsPortCost, SystemCallsOfAConnection) {
  const bool skip = GetWinsock().skip_on_success_v4;
  auto port = MakePort(PortOptions{});
  Recorded<AcceptOp> accept;
  Recorded<ConnectOp> connect;
  Socket listener;
  Socket client;
  Socket server;
  const auto calls = [&] { return port->stats().calls.total(); };
  ASSERT_TRUE(port->Listen(listener, Address::Loopback(Family::kV4, 0), ListenOptions{}).ok());

  std::uint64_t before = calls();
  port->Accept(accept, listener);  // WSASocket for an empty bank, AcceptEx
  EXPECT_EQ(calls() - before, 2u);

  before = calls();
  ASSERT_TRUE(port->Open(client, Family::kV4).ok());  // WSASocket, associate, modes
  EXPECT_EQ(calls() - before, skip ? 3u : 2u);

  before = calls();
  port->Connect(connect, client, listener.local());  // SO_REUSE_UNICASTPORT, bind, ConnectEx
  EXPECT_EQ(calls() - before, 3u);

  RunUntilArrived(*port, connect);
  RunUntilArrived(*port, accept);

  before = calls();
  ASSERT_TRUE(port->Adopt(server, accept.Take()).ok());  // associate, modes
  EXPECT_EQ(calls() - before, skip ? 2u : 1u);

  before = calls();
  port->Close(client);
  port->Close(server);
  port->Close(listener);
  EXPECT_EQ(calls() - before, 3u);
}

TEST(WindowsPortCost, KeepAliveIsOneCall) {
  auto port = MakePort(PortOptions{});
  Recorded<ConnectOp> connect;
  Socket listener;
  Socket socket;
  ASSERT_TRUE(port->Listen(listener, Address::Loopback(Family::kV4, 0), ListenOptions{}).ok());
  ASSERT_TRUE(port->Open(socket, Family::kV4).ok());
  port->Connect(connect, socket, listener.local());
  RunUntilArrived(*port, connect);
  const std::uint64_t before = port->stats().calls.total();
  EXPECT_TRUE(port->KeepAlive(socket, 300 * kSecond, 75 * kSecond).ok());
  EXPECT_EQ(port->stats().calls.total() - before, 1u);
  DWORD on = 0;
  int size = sizeof(on);
  EXPECT_EQ(getsockopt(static_cast<SOCKET>(socket.native()), SOL_SOCKET, SO_KEEPALIVE,
                       reinterpret_cast<char*>(&on), &size),
            0);
  EXPECT_NE(on, 0u);
  port->Close(socket);
  port->Close(listener);
}

bool HasNoDelay(const Socket& socket) {
  DWORD value = 0;
  int size = sizeof(value);
  const int result = getsockopt(static_cast<SOCKET>(socket.native()), IPPROTO_TCP, TCP_NODELAY,
                                reinterpret_cast<char*>(&value), &size);
  EXPECT_EQ(result, 0);
  return value != 0;
}

// Nagle's algorithm can hold back a second send, or the tail of a big one; a first small send costs
// no call for it.
TEST(WindowsPortCost, NoDelayBeforeNagleCouldMatter) {
  auto port = MakePort(PortOptions{});
  Recorded<AcceptOp> accept;
  Recorded<ConnectOp> connect;
  Recorded<SendOp> send;
  Socket listener;
  Socket client;
  Socket server;
  ASSERT_TRUE(port->Listen(listener, Address::Loopback(Family::kV4, 0), ListenOptions{}).ok());
  port->Accept(accept, listener);
  ASSERT_TRUE(port->Open(client, Family::kV4).ok());
  port->Connect(connect, client, listener.local());
  RunUntilArrived(*port, connect);
  RunUntilArrived(*port, accept);
  ASSERT_TRUE(port->Adopt(server, accept.Take()).ok());
  std::array<char, 4096> bytes{};
  const auto send_some = [&](Socket& socket, std::size_t size) {
    send.outcomes = 0;
    const IoBuffer buffer{bytes.data(), size};
    port->Send(send, socket, absl::MakeConstSpan(&buffer, 1));
    RunUntilArrived(*port, send);
    EXPECT_TRUE(send.outcome.ok());
  };
  std::uint64_t before = port->stats().calls.total();
  send_some(client, 64);
  EXPECT_FALSE(HasNoDelay(client));
  EXPECT_LE(port->stats().calls.total() - before, 2u);
  send_some(client, 64);
  EXPECT_TRUE(HasNoDelay(client));
  send_some(server, 4096);
  EXPECT_TRUE(HasNoDelay(server));
  port->Close(client);
  port->Close(server);
  port->Close(listener);
}

// Sockets for accepts are made between turns: no more of them than accepts that wait, and then the
// next accept makes none.
TEST(WindowsPortCost, BankFollowsTheAccepts) {
  auto port = MakePort(PortOptions{});
  std::array<Recorded<AcceptOp>, 4> accepts;
  Socket listener;
  ASSERT_TRUE(port->Listen(listener, Address::Loopback(Family::kV4, 0), ListenOptions{}).ok());
  for (int i = 0; i < 3; ++i) port->Accept(accepts[static_cast<std::size_t>(i)], listener);
  std::uint64_t before = port->stats().calls.total();
  port->RunOnce(Instant{});  // the dequeue, three sockets
  EXPECT_EQ(port->stats().calls.total() - before, 4u);
  before = port->stats().calls.total();
  port->RunOnce(Instant{});
  EXPECT_EQ(port->stats().calls.total() - before, 1u);
  before = port->stats().calls.total();
  port->Accept(accepts[3], listener);
  EXPECT_EQ(port->stats().calls.total() - before, 1u);
  port->Close(listener);
  const Instant deadline = Instant::Now() + 20 * kSecond;
  while (!listener.is_joined() && Instant::Now() < deadline) port->RunOnce(deadline);
  for (const auto& accept : accepts) {
    EXPECT_EQ(accept.outcomes, 1);
    EXPECT_EQ(accept.outcome.error.code, ErrorCode::kAborted);
  }
}

}  // namespace
}  // namespace sluice::io

#endif  // _WIN32
