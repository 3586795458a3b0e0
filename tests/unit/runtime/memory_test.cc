// SPDX-License-Identifier: Apache-2.0
//
// The formula of worst-case memory, and a process held to it: slow readers, slow writers and stuck
// verdicts at once. What grows is resident memory, so the limit that fails is seen whichever it is.
#include "engine/runtime/memory_bound.h"

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "tests/contract/stream.h"
#include "tests/unit/runtime/proxy_fixture.h"

#if defined(__linux__)
#include <unistd.h>
#endif

namespace sluice::runtime {
namespace {

using metrics::Counter;

// Never answers for flows with an odd number; keeps no more tokens than it is given room for.
class StuckInspector final : public Inspector {
 public:
  explicit StuckInspector(std::size_t tokens) { tokens_.reserve(tokens); }
  Verdict OnData(InspectedFlow& flow, Direction direction, Bytes&, DataCall& call) override {
    if (direction == Direction::kDown || flow.id % 2 == 0) return Verdict::kPass;
    Pending token = call.TakeLater();
    if (token && tokens_.size() < tokens_.capacity()) tokens_.push_back(std::move(token));
    return Verdict::kPend;
  }

 private:
  std::vector<Pending> tokens_;  // one worker: one thread
};

class MemoryTest : public ProxyTest {
 protected:
  static constexpr std::uint32_t kTokens = 64;

  EngineOptions OptionsOf(const Address& upstream) {
    EngineOptions options;
    options.listen = options_.listen;
    options.policy = options_.policy;
    options.limits = options_.limits;
    options.inspector = options_.inspector;
    options.redirector = std::make_unique<redirect::NoneRedirector>(upstream);
    return options;
  }
  RuntimeOptions RuntimeOf() {
    RuntimeOptions options;
    options.worker.slab = slab_;
    options.worker.handover_max = handover_max_;
    return options;
  }
  std::size_t Bound(const RuntimeOptions& runtime, const EngineOptions& engine) {
    const EngineOptions* engines[] = {&engine};
    return WorstCaseMemory(runtime, engines).total();
  }

  StuckInspector inspector_{kTokens};  // outlives the engine, which goes in TearDown
};

// Each limit is in the formula: raising it raises the bound by what it costs.
TEST_F(MemoryTest, EveryLimitCounts) {
  const RuntimeOptions runtime = RuntimeOf();
  EngineOptions engine = OptionsOf(origin_listener_.local());
  engine.limits.flows_max = 1000;
  const std::size_t base = Bound(runtime, engine);
  RuntimeOptions bigger = runtime;
  bigger.worker.slab.chunks_max += 100;
  EXPECT_GE(Bound(bigger, engine), base + 100 * (bigger.worker.slab.chunk_bytes +
                                                 sizeof(flow::Landing) + sizeof(io::SendOp)));
  bigger = runtime;
  bigger.workers = 3;
  EXPECT_GT(Bound(bigger, engine), 2 * base);
  bigger = runtime;
  bigger.worker.handover_max *= 2;
  EXPECT_GE(Bound(bigger, engine), base + runtime.worker.handover_max * sizeof(io::AcceptedSocket));
  engine.limits.flows_max = 2000;
  const std::size_t flows = Bound(runtime, engine);
  EXPECT_GE(flows, base + 1000 * (sizeof(flow::Flow) + sizeof(flow::Opening)));
  engine.limits.flows_per_source_max = 10;
  EXPECT_GT(Bound(runtime, engine), flows);
  engine.limits = AdmissionLimits{.flows_max = 1000};
  engine.listener.accepts *= 2;
  EXPECT_GT(Bound(runtime, engine), base);
  engine.listener.accepts /= 2;
  engine.inspector = &inspector_;
  const std::size_t inspected = Bound(runtime, engine);
  engine.policy.pending_max *= 2;
  EXPECT_GE(Bound(runtime, engine), inspected + engine.policy.pending_max / 2 * 32);
  class Deaf final : public Tap {
    void OnRecord(const TapRecord&) override {}
  } deaf;
  engine.tap = &deaf;
  const std::size_t tapped = Bound(runtime, engine);
  engine.tap_bytes_max *= 2;
  EXPECT_EQ(Bound(runtime, engine), tapped + engine.tap_bytes_max / 2);
}

#if defined(__linux__) && !defined(SLUICE_AUDIT_BUILD)

std::size_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t size = 0;
  std::size_t resident = 0;
  statm >> size >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

TEST_F(MemoryTest, ResidentMemoryStaysBelowTheBound) {
  constexpr std::size_t kFlows = 600;
  constexpr std::size_t kRefused = 100;
  // What the test itself needs for each connection, and the slack of the allocator.
  constexpr std::size_t kTestBytes = 512 * 1024;
  constexpr std::size_t kBytesPerEnds = sizeof(Ends) + 64;
  slab_ = memory::SlabOptions{16 * 1024, 256};
  options_.limits.flows_max = kFlows;
  options_.policy.pending_max = kTokens;
  options_.policy.pending_timeout = 3600 * kSecond;
  options_.policy.pending_default = Verdict::kDrop;
  options_.inspector = &inspector_;
  const std::size_t bound = Bound(RuntimeOf(), OptionsOf(origin_listener_.local()));
  const std::vector<std::byte> bytes(256 * 1024);
  std::vector<contract::Send> sends(2 * kFlows);
  ends_.reserve(kFlows + kRefused);

  const std::size_t before = ResidentBytes();
  StartProxy();
  const contract::IoBuffer piece{const_cast<std::byte*>(bytes.data()), bytes.size()};
  for (std::size_t i = 0; i < kFlows; ++i) {
    Ends& ends = Connect();
    // Nobody reads what is sent, in either direction; half of the flows wait for verdicts, and a
    // third of the clients say a byte now and then.
    if (i % 3 != 0) loop_.port().Send(sends[2 * i], ends.client, absl::MakeConstSpan(&piece, 1));
    loop_.port().Send(sends[2 * i + 1], ends.origin, absl::MakeConstSpan(&piece, 1));
  }
  ASSERT_TRUE(Await(Counter::k_pended, options_.policy.pending_max));
  ASSERT_TRUE(Await(Counter::k_refused_pending, 1));
  for (std::size_t i = 0; i < kRefused; ++i) ConnectClient(engine_->addresses()[0]);
  ASSERT_TRUE(Await(Counter::k_refused_flows, kRefused));
  for (int round = 0; round < 10; ++round) {
    for (std::size_t i = 0; i < kFlows; i += 3) {
      ASSERT_TRUE(contract::SendAll(loop_, loop_.port(), ends_[i]->client, "x", 1).ok());
    }
  }
  loop_.Settle();
  const std::size_t grown = ResidentBytes() - before;
  const std::size_t allowed = bound + kTestBytes + (kFlows + kRefused) * kBytesPerEnds;
  std::printf("resident memory grew by %zu KiB; bound %zu KiB, with the test's own %zu KiB\n",
              grown >> 10, bound >> 10, allowed >> 10);
  RecordProperty("grown_bytes", std::to_string(grown));
  EXPECT_LE(grown, allowed);
  EXPECT_EQ(runtime_->Live().verdicts, options_.policy.pending_max);
  for (const auto& ends : ends_) {
    loop_.port().Abort(ends->client);
    loop_.port().Abort(ends->origin);
  }
  ASSERT_TRUE(loop_.RunUntil([&] {
    for (const contract::Send& send : sends) {
      if (!send.idle()) return false;
    }
    return true;
  }));
}

#elif !defined(__linux__)

TEST_F(MemoryTest, ResidentMemoryStaysBelowTheBound) {
  GTEST_SKIP() << "resident memory is read from /proc/self/statm";
}

#endif

}  // namespace
}  // namespace sluice::runtime
