// SPDX-License-Identifier: Apache-2.0
//
// A proxy between sockets that the test drives itself: client ends and an origin on the test
// thread's own port, the engine on its workers.
#ifndef SLUICE_TESTS_UNIT_RUNTIME_PROXY_FIXTURE_H_
#define SLUICE_TESTS_UNIT_RUNTIME_PROXY_FIXTURE_H_

#include <memory>
#include <vector>

#include "engine/redirect/none/none_redirector.h"
#include "engine/runtime/engine.h"
#include "engine/runtime/runtime.h"
#include "gtest/gtest.h"
#include "tests/contract/harness.h"
#include "tests/contract/stream.h"

namespace sluice::runtime {

class ProxyTest : public ::testing::Test {
 protected:
  // The two ends of one proxied connection. Operations first: see the harness.
  struct Ends {
    char client_byte = 0;
    char origin_byte = 0;
    bool reset_at_once = false;
    contract::Recv client_recv;
    contract::Recv origin_recv;
    io::Socket client;
    io::Socket origin;
  };

  void SetUp() override {
    ASSERT_TRUE(contract::ListenLoopback(loop_.port(), origin_listener_, Family::kV4));
    options_.listen = {Address::Loopback(Family::kV4, 0)};
  }

  void TearDown() override {
    for (const auto& ends : ends_) {
      contract::CloseNow(loop_, loop_.port(), ends->client);
      contract::CloseNow(loop_, loop_.port(), ends->origin);
    }
    contract::CloseNow(loop_, loop_.port(), origin_listener_);
    engine_.reset();
    if (runtime_ == nullptr) return;
    runtime_->Stop();
    const LiveCounts live = runtime_->Live();
    EXPECT_TRUE(live.AllZero()) << "flows " << live.flows << " sockets " << live.sockets
                                << " operations " << live.operations << " chunks " << live.chunks
                                << " buffers " << live.buffers << " pooled " << live.pooled
                                << " timers " << live.timers << " verdicts " << live.verdicts;
  }

  void MakeRuntime(int workers = 1) {
    RuntimeOptions options;
    options.workers = workers;
    options.caller_driven = caller_driven_;
    options.worker.slab = slab_;
    options.worker.stall_timeout = stall_timeout_;
    options.worker.handover_max = handover_max_;
    absl::StatusOr<std::unique_ptr<Runtime>> runtime = Runtime::Create(options);
    ASSERT_TRUE(runtime.ok()) << runtime.status();
    runtime_ = *std::move(runtime);
  }

  // An engine that sends everything to `upstream`. REQUIRES: MakeRuntime.
  std::unique_ptr<Engine> MakeEngine(const Address& upstream) {
    EngineOptions options;
    options.name = options_.name;
    options.listen = options_.listen;
    options.policy = options_.policy;
    options.limits = options_.limits;
    options.listener_limits = options_.listener_limits;
    options.buffered_max = options_.buffered_max;
    options.inspector = options_.inspector;
    options.inspector_bytes_per_second = options_.inspector_bytes_per_second;
    options.inspector_opens_per_second = options_.inspector_opens_per_second;
    options.tap = options_.tap;
    options.tap_bytes_max = options_.tap_bytes_max;
    options.redirector = std::make_unique<redirect::NoneRedirector>(upstream);
    absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Create(*runtime_, std::move(options));
    EXPECT_TRUE(engine.ok()) << engine.status();
    return engine.ok() ? *std::move(engine) : nullptr;
  }

  // The usual case: one engine in front of the test's origin.
  void StartProxy(int workers = 1) {
    MakeRuntime(workers);
    engine_ = MakeEngine(origin_listener_.local());
    ASSERT_NE(engine_, nullptr);
    const absl::Status started = engine_->Start();
    ASSERT_TRUE(started.ok()) << started;
  }

  // A client connected to the proxy, not yet seen by the origin.
  Ends& ConnectClient(const Address& proxy) {
    ends_.push_back(std::make_unique<Ends>());
    Ends& ends = *ends_.back();
    EXPECT_TRUE(loop_.port().Open(ends.client, proxy.family()).ok());
    ConnectEnds(ends, proxy);
    return ends;
  }
  // A proxy that refuses the client may have reset it before its connect was looked at: a reset is
  // then what the connect reports.
  void ConnectEnds(Ends& ends, const Address& proxy) {
    const Outcome outcome = contract::ConnectOnce(loop_, loop_.port(), ends.client, proxy);
    ends.reset_at_once = outcome.error.code == ErrorCode::kReset;
    EXPECT_TRUE(outcome.ok() || ends.reset_at_once) << outcome.error.ToString();
  }

  // A whole proxied connection through `engine_`.
  Ends& Connect() { return Connect(engine_->addresses()[0]); }
  Ends& Connect(const Address& proxy) {
    Ends& ends = ConnectClient(proxy);
    EXPECT_FALSE(ends.reset_at_once);
    contract::Accept accept;
    loop_.port().Accept(accept, origin_listener_);
    EXPECT_TRUE(loop_.RunUntil([&] { return accept.arrived(); }));
    EXPECT_TRUE(accept.outcome().ok());
    if (accept.outcome().ok()) {
      EXPECT_TRUE(loop_.port().Adopt(ends.origin, accept.Take()).ok());
    }
    return ends;
  }

  // A byte each way, then a receive pending at both ends and at both legs between. Wine reports a
  // reset as an end of stream when it finds no receive pending.
  void BothListen(Ends& ends) {
    io::Port& port = loop_.port();
    char byte;
    ASSERT_TRUE(contract::SendAll(loop_, port, ends.client, "a", 1).ok());
    ASSERT_EQ(contract::ReceiveOnce(loop_, port, ends.origin, &byte, 1).bytes, 1u);
    ASSERT_TRUE(contract::SendAll(loop_, port, ends.origin, "b", 1).ok());
    ASSERT_EQ(contract::ReceiveOnce(loop_, port, ends.client, &byte, 1).bytes, 1u);
    // The engine posts its next receive in the turn that delivered this byte, before it sleeps.
    loop_.Settle();
    const contract::IoBuffer client{&ends.client_byte, 1};
    port.Recv(ends.client_recv, ends.client, absl::MakeConstSpan(&client, 1));
    const contract::IoBuffer origin{&ends.origin_byte, 1};
    port.Recv(ends.origin_recv, ends.origin, absl::MakeConstSpan(&origin, 1));
    loop_.Turn();
  }

  // Through a proxy of its own: a stream each way, sent `piece` bytes at a time, to its end.
  void RelayBothWays(std::uint64_t bytes, std::size_t piece) {
    StartProxy();
    Ends& ends = Connect();
    contract::StreamSender up(1, bytes, piece);
    contract::StreamSender down(2, bytes, piece);
    contract::StreamReader at_origin(1, 50000);
    contract::StreamReader at_client(2, 50000);
    io::Port& port = loop_.port();
    up.Start(port, ends.client);
    down.Start(port, ends.origin);
    at_origin.Start(port, ends.origin);
    at_client.Start(port, ends.client);
    ASSERT_TRUE(loop_.RunUntil([&] { return up.done() && down.done(); }));
    ASSERT_TRUE(port.ShutdownSend(ends.client).ok());
    ASSERT_TRUE(port.ShutdownSend(ends.origin).ok());
    ASSERT_TRUE(loop_.RunUntil([&] { return at_origin.ended() && at_client.ended(); }));
    EXPECT_TRUE(at_origin.end_of_stream() && at_origin.intact());
    EXPECT_TRUE(at_client.end_of_stream() && at_client.intact());
    EXPECT_EQ(at_origin.received(), bytes);
    EXPECT_EQ(at_client.received(), bytes);
    ASSERT_TRUE(Await(metrics::Counter::k_closed_finished, 1));
  }

  // The client's next receive is a reset, or its connect was. Where a reset that finds no receive
  // pending is forgotten (Wine), an end of stream counts as one.
  bool ClientSeesReset(Ends& ends) {
    if (ends.reset_at_once) return true;
    char byte;
    const Outcome outcome = contract::ReceiveOnce(loop_, loop_.port(), ends.client, &byte, 1);
    if (outcome.error.code == ErrorCode::kReset) return true;
    const bool forgets = contract::WhyNot(contract::Ability::kRemembersReset) != nullptr;
    return forgets && outcome.ok() && outcome.bytes == 0;
  }

  // For what happens on the engine's own threads, where no outcome wakes the test's port: looks
  // again and again, in short turns.
  template <typename Done>
  [[nodiscard]] bool Eventually(Done done) {
    const Instant end = loop_.port().now() + contract::kPatience;
    while (!done()) {
      if (loop_.port().now() >= end) return false;
      loop_.Turn(0, loop_.port().now() + 2 * kMillisecond);
    }
    return true;
  }
  [[nodiscard]] bool Await(metrics::Counter counter, std::uint64_t value) {
    return Eventually([&] { return engine_->Metrics()[counter] >= value; });
  }

  // On a caller-driven runtime: runs the workers and the test's port until `done` holds.
  template <typename Done>
  [[nodiscard]] bool Driven(Done done) {
    return Eventually([&] {
      for (std::size_t i = 0; i < runtime_->workers(); ++i) {
        runtime_->worker(i).Turn(contract::kPast);
      }
      return done();
    });
  }

  bool caller_driven_ = false;
  Nanos stall_timeout_ = WorkerOptions().stall_timeout;
  contract::Loop loop_;
  io::Socket origin_listener_;
  std::vector<std::unique_ptr<Ends>> ends_;
  memory::SlabOptions slab_;
  std::size_t handover_max_ = 4096;
  EngineOptions options_;  // listen, policy, limits: copied by MakeEngine
  std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace sluice::runtime

#endif  // SLUICE_TESTS_UNIT_RUNTIME_PROXY_FIXTURE_H_
