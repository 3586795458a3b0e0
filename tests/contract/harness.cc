// SPDX-License-Identifier: Apache-2.0
#include "tests/contract/harness.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace sluice::contract {
namespace {

// An operation whose outcome does not come even after Cancel cannot be destroyed, and its test
// cannot go on.
[[noreturn]] void Stuck(const char* what) {
  std::fprintf(stderr, "contract: %s: no outcome within the patience, not even after Cancel\n",
               what);
  std::fflush(stderr);
  std::abort();
}

template <typename Op>
Outcome Finish(Loop& loop, Port& port, Op& operation, const char* what) {
  if (loop.RunUntil([&] { return operation.arrived(); })) return operation.outcome();
  ADD_FAILURE() << what << ": no outcome within the patience";
  port.Cancel(operation);
  if (!loop.RunUntil([&] { return operation.arrived(); })) Stuck(what);
  return operation.outcome();
}

}  // namespace

TurnState& turn_state() {
  thread_local TurnState state;
  return state;
}

HandlerScope::HandlerScope() {
  EXPECT_EQ(turn_state().turns, 1) << "handlers run only inside RunOnce, on its thread";
  EXPECT_EQ(turn_state().handlers, 0)
      << "a handler ran inside another one, that is inside a start call";
  ++turn_state().handlers;
}

HandlerScope::~HandlerScope() { --turn_state().handlers; }

std::unique_ptr<Port> MakePort(const PortOptions& options) {
  absl::StatusOr<std::unique_ptr<Port>> port = Port::Create(options);
  if (!port.ok()) {
    std::fprintf(stderr, "contract: Port::Create: %s\n", port.status().ToString().c_str());
    std::fflush(stderr);
    std::abort();
  }
  return *std::move(port);
}

Loop::Loop(std::size_t ports, const PortOptions& options) {
  for (std::size_t i = 0; i < ports; ++i) ports_.push_back(MakePort(options));
}

Loop::~Loop() {
  if (leftovers_allowed_) return;
  for (const auto& port : ports_) {
    if (port == nullptr) continue;
    EXPECT_EQ(port->stats().armed, 0u) << "operations left armed at the end of the test";
    EXPECT_EQ(port->stats().sockets, 0u) << "sockets left open at the end of the test";
  }
}

int Loop::Turn(std::size_t index, Instant deadline, Budget budget) {
  ++turn_state().turns;
  const int ran = ports_[index]->RunOnce(deadline, budget);
  --turn_state().turns;
  EXPECT_GE(ran, 0);
  EXPECT_LE(ran, budget.handlers);
  return ran;
}

// Looks at every port once; when none had work, one of them sleeps a little, in turn.
void Loop::Round(Instant deadline) {
  if (ports_.size() == 1) {
    Turn(0, deadline);
    return;
  }
  int ran = 0;
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    if (ports_[i] != nullptr) ran += Turn(i);
  }
  if (ran != 0) return;
  next_sleeper_ = (next_sleeper_ + 1) % ports_.size();
  Port* sleeper = ports_[next_sleeper_].get();
  if (sleeper != nullptr) Turn(next_sleeper_, sleeper->now() + 200 * kMicrosecond);
}

bool Loop::RunUntil(const std::function<bool()>& done) {
  if (done()) return true;
  std::size_t clock = 0;  // the first port that lives
  while (ports_[clock] == nullptr) ++clock;
  Turn(clock);
  const Instant deadline = ports_[clock]->now() + kPatience;
  while (!done()) {
    if (ports_[clock]->now() >= deadline) return false;
    Round(deadline);
  }
  return true;
}

void Loop::Settle() {
  for (int i = 0; i < 8; ++i) {
    for (std::size_t p = 0; p < ports_.size(); ++p) {
      if (ports_[p] == nullptr) continue;
      Turn(p);
      Turn(p, ports_[p]->now() + kMillisecond);
    }
  }
}

Pair::Pair(Loop& loop, Family family, std::size_t client_port, std::size_t server_port)
    : loop_(loop), client_port_(client_port), server_port_(server_port) {
  Join(family);
}

void Pair::Join(Family family) {
  Accept accept;
  Connect connect;
  Socket listener;
  if (!ListenLoopback(server_port(), listener, family, 8)) return;
  const OsError opened = client_port().Open(client, family);
  EXPECT_TRUE(opened.ok()) << opened.ToString();
  if (opened.ok()) {
    server_port().Accept(accept, listener);
    client_port().Connect(connect, client, listener.local());
    const Outcome connected =
        sluice::contract::Finish(loop_, client_port(), connect, "connect of a pair");
    EXPECT_TRUE(connected.ok()) << connected.error.ToString();
    const Outcome accepted =
        sluice::contract::Finish(loop_, server_port(), accept, "accept of a pair");
    EXPECT_TRUE(accepted.ok()) << accepted.error.ToString();
    if (accepted.ok()) {
      const OsError adopted = server_port().Adopt(server, accept.Take());
      EXPECT_TRUE(adopted.ok()) << adopted.ToString();
    }
  }
  CloseNow(loop_, server_port(), listener);
}

void Pair::Finish() {
  // A joined end may have outlived its port.
  if (!client.is_joined()) client_port().Close(client);
  if (!server.is_joined()) server_port().Close(server);
  if (!loop_.RunUntil([&] { return client.is_joined() && server.is_joined(); }))
    Stuck("close of a pair");
}

Pair::~Pair() { Finish(); }

bool ListenLoopback(Port& port, Socket& listener, Family family, int backlog) {
  io::ListenOptions options;
  options.backlog = backlog;
  const OsError error = port.Listen(listener, Address::Loopback(family, 0), options);
  EXPECT_TRUE(error.ok()) << error.ToString();
  return error.ok();
}

ClosedTcpPort::ClosedTcpPort(Loop& loop, Family family) : loop_(loop) {
  Socket listener;
  if (!ListenLoopback(loop.port(), listener, family)) return;
  address_ = listener.local();
  CloseNow(loop, loop.port(), listener);
  EXPECT_TRUE(loop.port().Open(holder_, family).ok());
  const OsError bound = loop.port().Bind(holder_, address_);
  EXPECT_TRUE(bound.ok()) << bound.ToString();
}

void ClosedTcpPort::Release() { CloseNow(loop_, loop_.port(), holder_); }

Outcome ReceiveOnce(Loop& loop, Port& port, Socket& socket, void* data, std::size_t size) {
  Recv operation;
  port.Recv(operation, socket, {IoBuffer{data, size}});
  return Finish(loop, port, operation, "receive");
}

Outcome ConnectOnce(Loop& loop, Port& port, Socket& socket, const Address& remote) {
  Connect operation;
  port.Connect(operation, socket, remote);
  return Finish(loop, port, operation, "connect");
}

Outcome SendAll(Loop& loop, Port& port, Socket& socket, const void* data, std::size_t size) {
  std::byte* next = static_cast<std::byte*>(const_cast<void*>(data));
  Outcome total;
  while (total.bytes < size) {
    Send operation;
    port.Send(operation, socket, {IoBuffer{next + total.bytes, size - total.bytes}});
    const Outcome outcome = Finish(loop, port, operation, "send");
    if (!outcome.ok()) return outcome;
    EXPECT_GT(outcome.bytes, 0u) << "a send that succeeds takes something";
    total.bytes += outcome.bytes;
  }
  return total;
}

void CloseNow(Loop& loop, Port& port, Socket& socket) {
  port.Close(socket);
  if (!loop.RunUntil([&] { return socket.is_joined(); })) Stuck("close");
}

bool HasV6Loopback() {
  static const bool has = [] {
    const std::unique_ptr<Port> port = MakePort();
    Socket socket;
    const OsError error =
        port->Listen(socket, Address::Loopback(Family::kV6, 0), io::ListenOptions{});
    port->Close(socket);
    // Only what says "no such address family or address" counts as a machine without; the rest is a
    // bug.
    return error.code != ErrorCode::kAddressNotAvailable && error.code != ErrorCode::kNotSupported;
  }();
  return has;
}

}  // namespace sluice::contract
