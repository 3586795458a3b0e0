// SPDX-License-Identifier: Apache-2.0
//
// Engines through the public API between sockets that the test drives itself: client ends and an
// origin on the test thread's own port.
#ifndef SLUICE_TESTS_UNIT_API_API_FIXTURE_H_
#define SLUICE_TESTS_UNIT_API_API_FIXTURE_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "sluice/engine.h"
#include "tests/contract/harness.h"

namespace sluice::api {

class ApiTest : public ::testing::Test {
 protected:
  // The two ends of one proxied connection. Operations first: see the harness.
  struct Ends {
    io::Socket client;
    io::Socket origin;
  };

  void SetUp() override {
    ASSERT_TRUE(contract::ListenLoopback(loop_.port(), origin_listener_, Family::kV4));
    options_.listen = {Address::Loopback(Family::kV4, 0)};
    options_.redirect = Redirect::To(origin());
  }

  void TearDown() override {
    for (const auto& ends : ends_) {
      contract::CloseNow(loop_, loop_.port(), ends->client);
      contract::CloseNow(loop_, loop_.port(), ends->origin);
    }
    contract::CloseNow(loop_, loop_.port(), origin_listener_);
    engine_.reset();
    if (runtime_ == nullptr) return;
    EXPECT_TRUE(runtime_->Live().AllZero());
    runtime_.reset();
  }

  Address origin() const { return origin_listener_.local(); }

  void MakeRuntime(const RuntimeOptions& options = RuntimeOptions()) {
    absl::StatusOr<std::unique_ptr<Runtime>> runtime = Runtime::Create(options);
    ASSERT_TRUE(runtime.ok()) << runtime.status();
    runtime_ = *std::move(runtime);
  }
  // On `runtime_`.
  static std::unique_ptr<Engine> MakeEngine(Runtime& runtime, EngineOptions options) {
    absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Create(runtime, std::move(options));
    EXPECT_TRUE(engine.ok()) << engine.status();
    if (!engine.ok()) return nullptr;
    const absl::Status started = (*engine)->Start();
    EXPECT_TRUE(started.ok()) << started;
    return started.ok() ? *std::move(engine) : nullptr;
  }
  // `options_` on a runtime of the engine's own, or on `runtime_` if there is one.
  void StartEngine(const RuntimeOptions& runtime = RuntimeOptions()) {
    if (runtime_ != nullptr) {
      engine_ = MakeEngine(*runtime_, std::move(options_));
      ASSERT_NE(engine_, nullptr);
      return;
    }
    absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Create(std::move(options_), runtime);
    ASSERT_TRUE(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
    const absl::Status started = engine_->Start();
    ASSERT_TRUE(started.ok()) << started;
  }

  // What the caller of a caller-driven runtime would do, and the test's own port.
  void Go() {
    if (engine_ != nullptr && engine_->runtime().caller_driven()) engine_->runtime().Turn();
    if (runtime_ != nullptr && runtime_->caller_driven() && engine_ == nullptr) runtime_->Turn();
    loop_.Turn(0, loop_.port().now() + kMillisecond);
  }
  template <typename Done>
  [[nodiscard]] bool Eventually(Done done) {
    const Instant end = loop_.port().now() + contract::kPatience;
    while (!done()) {
      if (loop_.port().now() >= end) return false;
      Go();
    }
    return true;
  }
  [[nodiscard]] bool Await(absl::string_view counter, std::uint64_t value) {
    return Eventually([&] { return engine_->metrics()[counter] >= value; });
  }

  // A client that asked to be connected to the proxy; whether it was stands in the outcome.
  Ends& ConnectClient(const Address& proxy) {
    ends_.push_back(std::make_unique<Ends>());
    Ends& ends = *ends_.back();
    EXPECT_TRUE(loop_.port().Open(ends.client, proxy.family()).ok());
    contract::Connect connect;
    loop_.port().Connect(connect, ends.client, proxy);
    EXPECT_TRUE(Eventually([&] { return connect.arrived(); }));
    client_outcome_ = connect.outcome();
    return ends;
  }
  // A whole proxied connection.
  Ends& Connect(const Address& proxy) {
    Ends& ends = ConnectClient(proxy);
    contract::Accept accept;
    loop_.port().Accept(accept, origin_listener_);
    EXPECT_TRUE(Eventually([&] { return accept.arrived(); }));
    if (accept.outcome().ok()) {
      EXPECT_TRUE(loop_.port().Adopt(ends.origin, accept.Take()).ok());
    } else {
      ADD_FAILURE() << "no connection came to the origin";
    }
    return ends;
  }
  Ends& Connect() { return Connect(engine_->addresses()[0]); }

  // What is sent at one end comes out at the other.
  void Pass(io::Socket& from, io::Socket& to, const std::string& text) {
    ASSERT_TRUE(contract::SendAll(loop_, loop_.port(), from, text.data(), text.size()).ok());
    std::string got(text.size(), '\0');
    std::size_t count = 0;
    while (count < got.size()) {
      contract::Recv recv;
      const io::IoBuffer buffer{got.data() + count, static_cast<std::uint32_t>(got.size() - count)};
      loop_.port().Recv(recv, to, absl::MakeConstSpan(&buffer, 1));
      const bool arrived = Eventually([&] { return recv.arrived(); });
      if (!arrived) loop_.port().Cancel(recv);
      if (!arrived && !Eventually([&] { return recv.arrived(); })) return;
      ASSERT_TRUE(recv.outcome().ok()) << recv.outcome().error.ToString();
      ASSERT_GT(recv.bytes(), 0u) << "the stream ended";
      count += recv.bytes();
    }
    EXPECT_EQ(got, text);
  }
  void PassBothWays(Ends& ends) {
    Pass(ends.client, ends.origin, "there");
    Pass(ends.origin, ends.client, "and back");
  }
  // The client's connect, or its next receive, is a reset.
  [[nodiscard]] bool IsReset(Ends& ends) {
    if (client_outcome_.error.code == ErrorCode::kReset) return true;
    char byte = 0;
    contract::Recv recv;
    const io::IoBuffer buffer{&byte, 1};
    loop_.port().Recv(recv, ends.client, absl::MakeConstSpan(&buffer, 1));
    if (!Eventually([&] { return recv.arrived(); })) {
      loop_.port().Cancel(recv);
      return Eventually([&] { return recv.arrived(); }) && false;
    }
    if (recv.code() == ErrorCode::kReset) return true;
    const bool forgets = contract::WhyNot(contract::Ability::kRemembersReset) != nullptr;
    return forgets && recv.outcome().ok() && recv.bytes() == 0;
  }

  contract::Loop loop_;
  io::Socket origin_listener_;
  Outcome client_outcome_;  // of the last client's connect
  std::vector<std::unique_ptr<Ends>> ends_;
  EngineOptions options_;
  std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace sluice::api

#endif  // SLUICE_TESTS_UNIT_API_API_FIXTURE_H_
