// SPDX-License-Identifier: Apache-2.0
//
// Limits of engines and listeners: what is refused, what waits, what is said.
#include <string>
#include <vector>

#include "engine/base/log.h"
#include "engine/base/mutex.h"
#include "tests/contract/stream.h"
#include "tests/unit/runtime/proxy_fixture.h"

namespace sluice::runtime {
namespace {

using contract::ReceiveOnce;
using contract::SendAll;
using metrics::Counter;

class LimitsTest : public ProxyTest {
 protected:
  // A proxied connection whose ends are gone again, and so is its flow.
  void Finish(Ends& ends, std::uint64_t joined) {
    contract::CloseNow(loop_, loop_.port(), ends.client);
    contract::CloseNow(loop_, loop_.port(), ends.origin);
    ASSERT_TRUE(Await(Counter::k_joined, joined));
  }
};

TEST_F(LimitsTest, LimitsThatCannotWorkAreNamed) {
  MakeRuntime();
  const auto message = [&](auto change) {
    EngineOptions options;
    options.listen = {Address::Loopback(Family::kV4, 0)};
    options.redirector = std::make_unique<redirect::NoneRedirector>(origin_listener_.local());
    change(options);
    return std::string(Engine::Create(*runtime_, std::move(options)).status().message());
  };
  EXPECT_NE(message([](EngineOptions& o) { o.limits.flows_max = 0; }).find("limits.flows_max"),
            std::string::npos);
  EXPECT_NE(message([](EngineOptions& o) { o.listener_limits.resize(2); }).find("listener_limits"),
            std::string::npos);
  EXPECT_NE(message([](EngineOptions& o) {
              o.limits.accepts_per_second = 2000000000;
            }).find("accepts_per_second"),
            std::string::npos);
  EXPECT_NE(message([](EngineOptions& o) {
              o.policy.pending_default = Verdict::kPend;
            }).find("pending_default"),
            std::string::npos);
  RuntimeOptions options;
  options.worker.handover_max = 3;
  EXPECT_NE(Runtime::Create(options).status().message().find("handover_max"), std::string::npos);
}

TEST_F(LimitsTest, OneSourceIsRefusedWhenItHasTooManyFlows) {
  options_.limits.flows_per_source_max = 2;
  StartProxy(2);
  Ends& first = Connect();
  Connect();
  EXPECT_TRUE(ClientSeesReset(ConnectClient(engine_->addresses()[0])));
  EXPECT_EQ(engine_->Metrics()[Counter::k_refused_source], 1u);
  EXPECT_EQ(engine_->flows(), 2u);
  Finish(first, 1);
  Connect();
  EXPECT_EQ(engine_->flows(), 2u);
}

// Another client address is another source.
TEST_F(LimitsTest, OtherSourcesAreNotRefused) {
  options_.limits.flows_per_source_max = 1;
  StartProxy();
  Connect();
  ends_.push_back(std::make_unique<Ends>());
  io::Socket& client = ends_.back()->client;
  ASSERT_TRUE(loop_.port().Open(client, Family::kV4).ok());
  ASSERT_TRUE(loop_.port().Bind(client, Address::V4({127, 0, 0, 2}, 0)).ok());
  ASSERT_TRUE(contract::ConnectOnce(loop_, loop_.port(), client, engine_->addresses()[0]).ok());
  ASSERT_TRUE(Await(Counter::k_connected, 2));
  EXPECT_EQ(engine_->Metrics()[Counter::k_refused_source], 0u);
}

TEST_F(LimitsTest, AListenerHasLimitsOfItsOwn) {
  options_.listen = {Address::Loopback(Family::kV4, 0), Address::Loopback(Family::kV4, 0)};
  options_.listener_limits = {AdmissionLimits{}, AdmissionLimits{.flows_max = 1}};
  StartProxy(2);
  const Address& wide = engine_->addresses()[0];
  const Address& narrow = engine_->addresses()[1];
  Connect(wide);
  Connect(wide);
  Ends& only = Connect(narrow);
  EXPECT_TRUE(ClientSeesReset(ConnectClient(narrow)));
  EXPECT_EQ(engine_->Metrics()[Counter::k_refused_flows], 1u);
  // The refused one is not counted by the engine either.
  EXPECT_EQ(engine_->flows(), 3u);
  Connect(wide);
  Finish(only, 1);
  Connect(narrow);
  EXPECT_EQ(engine_->Metrics()[Counter::k_refused_flows], 1u);
}

TEST_F(LimitsTest, PastTheAcceptRateClientsWaitAndAreServed) {
  options_.limits.accepts_per_second = 40;
  options_.limits.accepts_burst = 2;
  StartProxy(2);
  const Instant begin = loop_.port().now();
  for (int i = 0; i < 6; ++i) ConnectClient(engine_->addresses()[0]);
  ASSERT_TRUE(Await(Counter::k_connected, 6));
  // Four tokens had to come; the first two were there from the start.
  EXPECT_GE(loop_.port().now() - begin, 3 * 25 * kMillisecond);
  EXPECT_GE(engine_->Metrics()[Counter::k_paused_rate], 1u);
  EXPECT_EQ(engine_->flows(), 6u);
}

TEST_F(LimitsTest, AListenerHasARateOfItsOwn) {
  options_.listen = {Address::Loopback(Family::kV4, 0), Address::Loopback(Family::kV4, 0)};
  options_.limits.accepts_per_second = 1000000;
  options_.listener_limits = {AdmissionLimits{},
                              AdmissionLimits{.accepts_per_second = 1, .accepts_burst = 1}};
  StartProxy();
  for (int i = 0; i < 3; ++i) ConnectClient(engine_->addresses()[1]);
  ASSERT_TRUE(Await(Counter::k_paused_rate, 1));
  // The other listener does not wait with it.
  for (int i = 0; i < 5; ++i) ConnectClient(engine_->addresses()[0]);
  ASSERT_TRUE(Await(Counter::k_connected, 6));
  EXPECT_LT(engine_->flows(), 8u);
}

TEST_F(LimitsTest, ALifetimeEndsABusyFlow) {
  options_.policy.lifetime = 150 * kMillisecond;
  options_.policy.quiet_after = 20 * kMillisecond;
  StartProxy();
  Ends& ends = Connect();
  char buffer[16];
  const Instant begin = loop_.port().now();
  ASSERT_TRUE(Eventually([&] {
    if (engine_->Metrics()[Counter::k_closed_lifetime] == 1) return true;
    // Busy all the time: no idle timeout would ever end it.
    if (SendAll(loop_, loop_.port(), ends.client, "busy", 4).ok()) {
      ReceiveOnce(loop_, loop_.port(), ends.origin, buffer, sizeof buffer);
    }
    return false;
  }));
  EXPECT_GE(loop_.port().now() - begin, 100 * kMillisecond);
  EXPECT_EQ(engine_->Metrics()[Counter::k_closed_idle], 0u);
}

// Four slow readers and one budget: reading stops at it, and nothing is lost when it goes on.
TEST_F(LimitsTest, BufferedBytesOfAllFlowsAreBounded) {
  constexpr std::size_t kFlows = 4;
  constexpr std::uint64_t kTotal = std::uint64_t{24} << 20;
  options_.buffered_max = 256 * 1024;
  options_.policy.queue_high = 8 << 20;
  options_.policy.splice = false;
  StartProxy();
  std::vector<std::unique_ptr<contract::StreamSender>> senders;
  std::vector<std::unique_ptr<contract::StreamReader>> readers;
  for (std::size_t i = 0; i < kFlows; ++i) {
    Ends& ends = Connect();
    senders.push_back(std::make_unique<contract::StreamSender>(i, kTotal, 1 << 20));
    readers.push_back(std::make_unique<contract::StreamReader>(i, 1 << 20));
    senders.back()->Start(loop_.port(), ends.client);
  }
  ASSERT_TRUE(Await(Counter::k_paused_buffered, kFlows));
  loop_.Settle();
  // One receive each may have been under way.
  const std::size_t chunk = memory::SlabOptions{}.chunk_bytes;
  EXPECT_LE(runtime_->Live().chunks * chunk,
            options_.buffered_max + 2 * kFlows * io::RecvOp::kBuffersMax * chunk);
  for (std::size_t i = 0; i < kFlows; ++i) readers[i]->Start(loop_.port(), ends_[i]->origin);
  for (std::size_t i = 0; i < kFlows; ++i) {
    ASSERT_TRUE(loop_.RunUntil([&] { return senders[i]->done(); }));
    ASSERT_TRUE(loop_.port().ShutdownSend(ends_[i]->client).ok());
  }
  for (std::size_t i = 0; i < kFlows; ++i) {
    ASSERT_TRUE(loop_.RunUntil([&] { return readers[i]->ended(); }));
    EXPECT_TRUE(readers[i]->intact());
    EXPECT_EQ(readers[i]->received(), kTotal);
  }
}

// Who holds the budget may wait, by way of its peers, for what others would move: an echo server
// that cannot write reads no more. So who holds nothing goes on, also in the same flow.
TEST_F(LimitsTest, WhoHoldsNothingIsNotStopped) {
  constexpr std::uint64_t kTotal = std::uint64_t{16} << 20;
  options_.buffered_max = 64 * 1024;
  options_.policy.queue_high = 8 << 20;
  options_.policy.splice = false;
  StartProxy();
  Ends& stuck = Connect();
  contract::StreamSender sender(1, std::uint64_t{64} << 20, 1 << 20);
  sender.Start(loop_.port(), stuck.client);
  ASSERT_TRUE(Await(Counter::k_paused_buffered, 1));
  loop_.Settle();
  ASSERT_FALSE(sender.done());
  Ends& other = Connect();
  contract::StreamSender up(2, kTotal, 1 << 20);
  contract::StreamReader up_reader(2, 1 << 20);
  contract::StreamSender back(3, kTotal, 1 << 20);
  contract::StreamReader back_reader(3, 1 << 20);
  up_reader.Start(loop_.port(), other.origin);
  up.Start(loop_.port(), other.client);
  back_reader.Start(loop_.port(), stuck.client);
  back.Start(loop_.port(), stuck.origin);
  ASSERT_TRUE(loop_.RunUntil(
      [&] { return up_reader.received() == kTotal && back_reader.received() == kTotal; }));
  EXPECT_TRUE(up_reader.intact() && back_reader.intact());
  EXPECT_FALSE(sender.done());
  // Ends what is still armed.
  for (const auto& ends : ends_) {
    loop_.port().Abort(ends->client);
    loop_.port().Abort(ends->origin);
  }
  ASSERT_TRUE(loop_.RunUntil([&] {
    return sender.operation().idle() && up_reader.operation().idle() &&
           back_reader.operation().idle();
  }));
}

// Lines of the log; puts the default sink back when it goes.
class Capture {
 public:
  Capture() {
    SetLogSink(
        [](void* user, LogLevel, absl::string_view line) {
          auto* self = static_cast<Capture*>(user);
          const MutexLock lock(self->mutex_);
          self->lines_.emplace_back(line);
        },
        this);
  }
  ~Capture() { SetLogSink(nullptr, nullptr); }
  int CountOf(const std::string& text) {
    const MutexLock lock(mutex_);
    int count = 0;
    for (const std::string& line : lines_) count += line.find(text) != std::string::npos ? 1 : 0;
    return count;
  }

 private:
  Mutex mutex_;
  std::vector<std::string> lines_ ABSL_GUARDED_BY(mutex_);
};

// A limit that is met again and again is said once in a while, with its name and value.
TEST_F(LimitsTest, ALimitIsNamedInTheLogOnce) {
  Capture capture;
  options_.limits.flows_max = 1;
  StartProxy();
  Connect();
  const Instant begin = Instant::Now();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(ClientSeesReset(ConnectClient(engine_->addresses()[0])));
  EXPECT_EQ(engine_->Metrics()[Counter::k_refused_flows], 3u);
  const Nanos seconds = (Instant::Now() - begin) / kSecond;
  EXPECT_GE(capture.CountOf("limit flows_max=1 reached: refusing"), 1);
  EXPECT_LE(capture.CountOf("limit flows_max=1 reached: refusing"), 1 + seconds);
  engine_.reset();
  runtime_->Stop();
}

}  // namespace
}  // namespace sluice::runtime
