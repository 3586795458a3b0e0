// SPDX-License-Identifier: Apache-2.0
//
// Harness of the Port contract suite. It knows the Port contract and nothing of any backend.
//
//   Recorded<Op>   an operation that counts its outcomes and checks the laws each outcome must keep
//   Loop           one or more ports, run until something holds (bounded by the ports' own clock)
//   Pair           two connected sockets
//   FamilyTest     a test that runs over IPv4 and over IPv6 loopback
//
// Order of declaration in a test: operations and buffers first, Pair last. A Pair closes its
// sockets and joins them when it goes, so the operations are idle when their turn to go comes, also
// after a failed ASSERT.
#ifndef SLUICE_TESTS_CONTRACT_HARNESS_H_
#define SLUICE_TESTS_CONTRACT_HARNESS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "engine/base/clock.h"
#include "engine/io/port.h"
#include "gtest/gtest.h"
#include "tests/contract/limits.h"

namespace sluice::contract {

using io::AcceptedSocket;
using io::Budget;
using io::IoBuffer;
using io::Message;
using io::Operation;
using io::Port;
using io::PortOptions;
using io::Socket;

// How long anything may take before it counts as never. Not a measure of speed.
inline constexpr Nanos kPatience = 30 * kSecond;
inline constexpr Instant kPast{0};

// Where this thread is: inside RunOnce, inside a handler.
struct TurnState {
  int turns = 0;
  int handlers = 0;
};
TurnState& turn_state();

// Stands for one handler on the stack; checks that it runs inside RunOnce and inside no other
// handler, and so inside no start call.
class HandlerScope {
 public:
  HandlerScope();
  ~HandlerScope();
  HandlerScope(const HandlerScope&) = delete;
  HandlerScope& operator=(const HandlerScope&) = delete;
};

template <typename Op>
class Recorded : public Op {
 public:
  Recorded() { this->template Bind<&Recorded::OnOutcome>(this); }

  // Runs in the handler, after the outcome was counted; may restart or free the operation.
  std::function<void(Outcome)> then;

  int outcomes() const { return outcomes_; }
  bool arrived() const { return outcomes_ > 0; }
  // Of the last outcome.
  const Outcome& outcome() const { return outcome_; }
  ErrorCode code() const { return outcome_.error.code; }
  std::uint32_t bytes() const { return outcome_.bytes; }

 private:
  void OnOutcome(Outcome outcome) {
    const HandlerScope scope;
    EXPECT_TRUE(this->idle()) << "an operation is idle again before its handler runs";
    ++outcomes_;
    outcome_ = outcome;
    const auto next = then;  // a copy: `then` may free the operation
    if (next) next(outcome);
  }

  int outcomes_ = 0;
  Outcome outcome_;
};

using Accept = Recorded<io::AcceptOp>;
using Await = Recorded<io::AwaitReadableOp>;
using Connect = Recorded<io::ConnectOp>;
using Control = Recorded<io::ControlOp>;
using Defer = Recorded<io::DeferOp>;
using Recv = Recorded<io::RecvOp>;
using Send = Recorded<io::SendOp>;

class Loop {
 public:
  explicit Loop(std::size_t ports = 1, const PortOptions& options = PortOptions{});
  // Unless AllowLeftovers was called, expects that nothing is armed and no socket is open.
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  Port& port(std::size_t index = 0) { return *ports_[index]; }
  // One RunOnce.
  int Turn(std::size_t index = 0, Instant deadline = kPast, Budget budget = Budget{});
  // Runs until `done` holds; false when it does not within kPatience of the first port's clock.
  [[nodiscard]] bool RunUntil(const std::function<bool()>& done);
  // Runs for a while so that what should not arrive has its chance to. Proves nothing by itself.
  void Settle();
  void AllowLeftovers() { leftovers_allowed_ = true; }
  // Ends one port early.
  void Destroy(std::size_t index) { ports_[index].reset(); }

 private:
  void Round(Instant deadline);

  std::vector<std::unique_ptr<Port>> ports_;
  std::size_t next_sleeper_ = 0;
  bool leftovers_allowed_ = false;
};

// Makes a port or ends the program: without one no test can say anything.
std::unique_ptr<Port> MakePort(const PortOptions& options = PortOptions{});

// Two connected sockets, `client` on one port of the loop and `server` on another (or the same).
class Pair {
 public:
  Pair(Loop& loop, Family family, std::size_t client_port = 0, std::size_t server_port = 0);
  ~Pair();
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  bool ok() const { return client.is_open() && server.is_open(); }
  Port& client_port() { return loop_.port(client_port_); }
  Port& server_port() { return loop_.port(server_port_); }
  // Closes both ends and joins them.
  void Finish();

  Socket client;
  Socket server;

 private:
  void Join(Family family);

  Loop& loop_;
  const std::size_t client_port_;
  const std::size_t server_port_;
};

// Listens on loopback, TCP port 0. False and a recorded failure when refused.
[[nodiscard]] bool ListenLoopback(Port& port, Socket& listener, Family family, int backlog = 1024);

// A TCP port of loopback where nothing listens, held by a bound socket so that nobody else gets it.
class ClosedTcpPort {
 public:
  ClosedTcpPort(Loop& loop, Family family);
  ~ClosedTcpPort() { Release(); }
  const Address& address() const { return address_; }
  void Release();

 private:
  Loop& loop_;
  Socket holder_;
  Address address_;
};

// One operation, from start to outcome. A missing outcome is a recorded failure, and Cancel ends
// it.
Outcome ReceiveOnce(Loop& loop, Port& port, Socket& socket, void* data, std::size_t size);
Outcome ConnectOnce(Loop& loop, Port& port, Socket& socket, const Address& remote);
// Sends all of it, in as many operations as it takes. Outcome: bytes taken, or the first error.
Outcome SendAll(Loop& loop, Port& port, Socket& socket, const void* data, std::size_t size);
// Closes and joins.
void CloseNow(Loop& loop, Port& port, Socket& socket);

// True when this machine has a v6 loopback; a machine without one skips the v6 half of the suite.
bool HasV6Loopback();

class ContractTest : public ::testing::Test {
 protected:
  // A deadline that a turn with work at hand must not wait for. Once something failed it is past,
  // so that a port that sleeps anyway is a failure and not a hang.
  Instant Soon() { return HasFailure() ? kPast : loop_.port().now() + kPatience; }

  Loop loop_;
};

class FamilyTest : public ::testing::TestWithParam<Family> {
 protected:
  void SetUp() override {
    if (GetParam() == Family::kV6 && !HasV6Loopback())
      GTEST_SKIP() << "no IPv6 loopback on this machine";
  }
  Loop loop_;
};

inline std::string FamilyName(const ::testing::TestParamInfo<Family>& info) {
  return info.param == Family::kV4 ? "V4" : "V6";
}

}  // namespace sluice::contract

#define SLUICE_BOTH_FAMILIES(suite)                                                         \
  INSTANTIATE_TEST_SUITE_P(Loopback, suite,                                                 \
                           ::testing::Values(::sluice::Family::kV4, ::sluice::Family::kV6), \
                           ::sluice::contract::FamilyName)

#endif  // SLUICE_TESTS_CONTRACT_HARNESS_H_
