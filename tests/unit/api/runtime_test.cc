// SPDX-License-Identifier: Apache-2.0
//
// Runtimes through the public API: driven by their caller, and with each hook.
#include "sluice/runtime.h"

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "tests/unit/api/api_fixture.h"
#include "tests/unit/api/thread_facts.h"

namespace sluice::api {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

RuntimeOptions CallerDriven() {
  RuntimeOptions options;
  options.caller_driven = true;
  return options;
}

// ---- Driven by its caller ----

TEST_F(ApiTest, ACallerDrivenEngineRunsInTurns) {
  MakeRuntime(CallerDriven());
  StartEngine();
  PassBothWays(Connect());
  EXPECT_EQ(engine_->flows(), 1u);
  engine_->Stop(absl::ZeroDuration());
  EXPECT_EQ(engine_->metrics()["closed_drain"], 1u);
  EXPECT_TRUE(runtime_->Live().AllZero());
}

TEST_F(ApiTest, ACallerDrivenEngineMayHaveARuntimeOfItsOwn) {
  StartEngine(CallerDriven());
  PassBothWays(Connect());
  EXPECT_EQ(engine_->runtime().Live().flows, 1u);
}

// The hint leads to each moment at which a turn has something to do by itself, and to no other.
TEST_F(ApiTest, TheHintSaysWhenToTurn) {
  MakeRuntime(CallerDriven());
  EXPECT_EQ(runtime_->TimeToTurn(), absl::ZeroDuration());
  while (runtime_->Turn()) continue;
  EXPECT_EQ(runtime_->TimeToTurn(), absl::InfiniteDuration());
  options_.policy.idle_timeout = absl::Minutes(1);
  options_.policy.quiet_after = absl::ZeroDuration();
  StartEngine();
  EXPECT_EQ(runtime_->TimeToTurn(), absl::ZeroDuration());
  PassBothWays(Connect());
  // The hold of the ACK is over, what is left is the idle timeout.
  ASSERT_TRUE(Eventually([&] { return runtime_->TimeToTurn() > absl::Seconds(30); }));
  EXPECT_LE(runtime_->TimeToTurn(), absl::Minutes(1));
}

// One call does a bounded amount; the hint says that there is more.
TEST_F(ApiTest, ATurnThatIsNotDoneAsksForTheNext) {
  RuntimeOptions small = CallerDriven();
  small.worker.chunk_bytes = 512;
  MakeRuntime(small);
  options_.policy.splice = false;
  StartEngine();
  Ends& ends = Connect();
  PassBothWays(ends);
  while (runtime_->Turn()) continue;
  const std::string bytes(60000, 'b');
  ASSERT_TRUE(contract::SendAll(loop_, loop_.port(), ends.client, bytes.data(), bytes.size()).ok());
  EXPECT_TRUE(runtime_->Turn());
  EXPECT_EQ(runtime_->TimeToTurn(), absl::ZeroDuration());
  while (runtime_->Turn()) continue;
  EXPECT_GT(runtime_->TimeToTurn(), absl::ZeroDuration());
  EXPECT_EQ(engine_->metrics()["bytes_up"], 60005u);
}

TEST_F(ApiTest, ATurnThatSleepsEndsByAnOutcomeOrByWake) {
  MakeRuntime(CallerDriven());
  while (runtime_->Turn()) continue;
  std::thread waker([this] { runtime_->Wake(); });
  const Instant begin = Instant::Now();
  runtime_->Turn(absl::Nanoseconds(contract::kPatience));
  EXPECT_LT(Instant::Now() - begin, contract::kPatience);
  waker.join();
  StartEngine();
  while (runtime_->Turn()) continue;
  // A client whose SYN is on its way.
  ends_.push_back(std::make_unique<Ends>());
  contract::Connect connect;
  ASSERT_TRUE(loop_.port().Open(ends_.back()->client, Family::kV4).ok());
  loop_.port().Connect(connect, ends_.back()->client, engine_->addresses()[0]);
  ASSERT_TRUE(loop_.RunUntil([&] { return connect.arrived(); }));
  EXPECT_TRUE(runtime_->Turn(absl::Nanoseconds(contract::kPatience)));
  EXPECT_LT(Instant::Now() - begin, contract::kPatience);
  EXPECT_TRUE(Await("accepted", 1));
}

TEST_F(ApiTest, ACallerDrivenStopEndsInATurn) {
  MakeRuntime(CallerDriven());
  StartEngine();
  PassBothWays(Connect());
  int words = 0;
  engine_->BeginStop(absl::Milliseconds(20), [&] {
    ++words;
    EXPECT_TRUE(runtime_->Live().AllZero());
  });
  EXPECT_EQ(words, 0);
  EXPECT_EQ(engine_->flows(), 1u);
  // A sleep ends when the drain does.
  const Instant begin = Instant::Now();
  while (words == 0 && Instant::Now() - begin < contract::kPatience) {
    runtime_->Turn(absl::Nanoseconds(contract::kPatience));
  }
  EXPECT_EQ(words, 1);
  EXPECT_LT(Instant::Now() - begin, contract::kPatience);
  EXPECT_EQ(engine_->metrics()["closed_drain"], 1u);
  engine_->Stop();
  EXPECT_EQ(words, 1);
}

TEST_F(ApiTest, ACallerDrivenStopIsHurriedFromAnotherThread) {
  MakeRuntime(CallerDriven());
  StartEngine();
  PassBothWays(Connect());
  int words = 0;
  engine_->BeginStop(absl::InfiniteDuration(), [&] { ++words; });
  while (runtime_->Turn()) continue;
  EXPECT_EQ(words, 0);
  std::thread other([this] { engine_->HurryStop(); });
  const Instant begin = Instant::Now();
  while (words == 0 && Instant::Now() - begin < contract::kPatience) {
    runtime_->Turn(absl::Nanoseconds(contract::kPatience));
  }
  other.join();
  EXPECT_EQ(words, 1);
}

TEST_F(ApiTest, TheEndOfACallerDrivenEngineEndsItsStop) {
  MakeRuntime(CallerDriven());
  StartEngine();
  PassBothWays(Connect());
  int words = 0;
  engine_->BeginStop(absl::InfiniteDuration(), [&] { ++words; });
  engine_.reset();
  EXPECT_EQ(words, 1);
  runtime_->Turn();
  EXPECT_EQ(words, 1);
}

// ---- Hooks ----

// What the hook saw on each worker's thread.
struct Seen {
  std::mutex mutex;
  std::vector<int> started;
  std::vector<int> stopping;
  std::set<std::thread::id> threads;
  std::vector<std::string> names;
  std::vector<std::vector<int>> processors;

  ThreadHook Hook() {
    ThreadHook hook;
    hook.user = this;
    hook.started = [](void* user, int worker) {
      auto* seen = static_cast<Seen*>(user);
      const std::lock_guard<std::mutex> lock(seen->mutex);
      seen->started.push_back(worker);
      seen->threads.insert(std::this_thread::get_id());
      seen->names.push_back(NameOfThisThread());
      seen->processors.push_back(ProcessorsOfThisThread());
    };
    hook.stopping = [](void* user, int worker) {
      auto* seen = static_cast<Seen*>(user);
      const std::lock_guard<std::mutex> lock(seen->mutex);
      seen->stopping.push_back(worker);
      EXPECT_EQ(seen->threads.count(std::this_thread::get_id()), 1u);
    };
    return hook;
  }
};

// Counts, and refuses requests from the `refuse_from`th on, and the `refuse_one`th.
struct Memory {
  std::atomic<std::int64_t> bytes{0};
  std::atomic<int> blocks{0};
  std::atomic<int> requests{0};
  std::atomic<int> refuse_from{1 << 30};
  std::atomic<int> refuse_one{-1};

  MemoryHook Hook() {
    MemoryHook hook;
    hook.user = this;
    hook.allocate = [](void* user, std::size_t size) -> void* {
      auto* memory = static_cast<Memory*>(user);
      const int request = memory->requests.fetch_add(1);
      if (request >= memory->refuse_from || request == memory->refuse_one) return nullptr;
      memory->bytes += static_cast<std::int64_t>(size);
      ++memory->blocks;
      return std::malloc(size);
    };
    hook.free = [](void* user, void* block, std::size_t size) {
      auto* memory = static_cast<Memory*>(user);
      memory->bytes -= static_cast<std::int64_t>(size);
      --memory->blocks;
      std::free(block);
    };
    return hook;
  }
};

// Stands still until it is moved.
struct Clock {
  std::atomic<std::int64_t> ns{absl::ToInt64Nanoseconds(absl::Hours(1))};
  std::atomic<int> asked{0};

  ClockHook Hook() {
    ClockHook hook;
    hook.user = this;
    hook.now_ns = [](void* user) -> std::int64_t {
      auto* clock = static_cast<Clock*>(user);
      ++clock->asked;
      return clock->ns;
    };
    return hook;
  }
  void Move(absl::Duration by) { ns += absl::ToInt64Nanoseconds(by); }
};

// What the hooks of a test use outlives its runtime.
class HookTest : public ApiTest {
 protected:
  Seen seen;
  Memory memory;
  Clock clock;
};

TEST_F(HookTest, ThreadsTellOfTheirBeginAndEnd) {
  RuntimeOptions options;
  options.workers = 3;
  options.thread = seen.Hook();
  MakeRuntime(options);
  // Create has waited for them.
  EXPECT_THAT(seen.started, ElementsAre(0, 1, 2));
  EXPECT_EQ(seen.threads.size(), 3u);
  EXPECT_EQ(seen.threads.count(std::this_thread::get_id()), 0u);
  EXPECT_TRUE(seen.stopping.empty());
  runtime_.reset();
  EXPECT_THAT(seen.stopping, UnorderedElementsAre(0, 1, 2));
}

TEST_F(HookTest, ThreadsHaveNames) {
  if (!ThreadsHaveNames()) GTEST_SKIP() << "this system does not tell the names of threads";
  RuntimeOptions options;
  options.workers = 2;
  options.thread = seen.Hook();
  MakeRuntime(options);
  EXPECT_THAT(seen.names, ElementsAre("sluice/0", "sluice/1"));
  runtime_.reset();
  seen.names.clear();
  options.workers = 1;
  options.thread_name = "acme-proxy";
  MakeRuntime(options);
  EXPECT_THAT(seen.names, ElementsAre("acme-proxy/0"));
}

TEST_F(HookTest, ThreadsKeepToTheirProcessors) {
  const std::vector<int> all = ProcessorsOfThisThread();
  if (all.size() < 2) GTEST_SKIP() << "this machine has one processor";
  RuntimeOptions options;
  options.workers = 3;
  options.affinity = {{all[1]}, {all[0], all[1]}};
  options.thread = seen.Hook();
  MakeRuntime(options);
  EXPECT_THAT(seen.processors,
              ElementsAre(ElementsAre(all[1]), ElementsAre(all[0], all[1]), ElementsAre(all[1])));
  EXPECT_EQ(ProcessorsOfThisThread(), all);
}

TEST_F(HookTest, ReceiveMemoryAndPoolsComeFromTheHook) {
  RuntimeOptions options;
  options.workers = 2;
  options.worker.chunk_bytes = 4096;
  options.worker.chunks_max = 100;
  options.memory = memory.Hook();
  MakeRuntime(options);
  EXPECT_GE(memory.bytes, 2 * 4096 * 100);
  const int at_start = memory.blocks;
  StartEngine();
  PassBothWays(Connect());
  EXPECT_GT(memory.blocks, at_start) << "the pools of flows";
  TearDown();
  EXPECT_EQ(memory.bytes, 0);
  EXPECT_EQ(memory.blocks, 0);
}

TEST_F(HookTest, BuffersOfContextsComeFromTheHook) {
  class Large final : public OwnRedirect {
   public:
    bool Find(const Address& /*client*/, const Address& /*local*/, FoundOrigin* origin) override {
      origin->destination = destination;
      origin->context = std::string(60000, 'c');
      return true;
    }
    Address destination;
  };
  Large large;
  large.destination = origin();
  options_.redirect = Redirect::Own(&large);
  RuntimeOptions options;
  options.memory = memory.Hook();
  MakeRuntime(options);
  StartEngine();
  const std::int64_t at_start = memory.bytes;
  PassBothWays(Connect());
  // A block for the flow and one for what opens it, of not quite 32 KiB each, and the buffer.
  EXPECT_GE(memory.bytes - at_start, 100 * 1024);
  TearDown();
  EXPECT_EQ(memory.bytes, 0);
}

TEST_F(HookTest, MemoryThatIsRefusedFailsTheStart) {
  RuntimeOptions options;
  options.memory = memory.Hook();
  MakeRuntime(options);
  const int needed = memory.requests;
  ASSERT_GE(needed, 5) << "chunks, headers, links, receives, sends";
  runtime_.reset();
  for (int refused = 0; refused < needed; ++refused) {
    Memory refusing;
    refusing.refuse_one = refused;
    options.memory = refusing.Hook();
    const absl::StatusOr<std::unique_ptr<Runtime>> runtime = Runtime::Create(options);
    EXPECT_EQ(runtime.status().code(), absl::StatusCode::kResourceExhausted) << refused;
    EXPECT_THAT(std::string(runtime.status().message()), StartsWith("memory: worker 0 needs "));
    EXPECT_EQ(refusing.blocks, 0);
  }
}

TEST_F(HookTest, MemoryThatIsRefusedLaterEndsTheConnection) {
  RuntimeOptions options;
  options.memory = memory.Hook();
  MakeRuntime(options);
  StartEngine();
  memory.refuse_from = 0;
  EXPECT_TRUE(IsReset(ConnectClient(engine_->addresses()[0])));
  ASSERT_TRUE(Await("refused_memory", 1));
  memory.refuse_from = 1 << 30;
  PassBothWays(Connect());
}

// An hour passes when the clock says so.
TEST_F(HookTest, TimeoutsFollowTheClockOfTheHook) {
  RuntimeOptions options;
  options.clock = clock.Hook();
  MakeRuntime(options);
  StartEngine();
  Ends& ends = Connect();
  PassBothWays(ends);
  EXPECT_GT(clock.asked, 0);
  clock.Move(absl::Minutes(59));
  runtime_->Wake();
  PassBothWays(ends);
  // The last send is over, which is what the idle timeout counts from.
  ASSERT_TRUE(Await("bytes_down", 16));
  clock.Move(absl::Minutes(59));
  runtime_->Wake();
  loop_.Settle();
  EXPECT_EQ(engine_->metrics()["closed_idle"], 0u);
  clock.Move(absl::Minutes(2));
  runtime_->Wake();
  ASSERT_TRUE(Await("closed_idle", 1));
}

TEST_F(HookTest, TheHintFollowsTheClockOfTheHook) {
  RuntimeOptions options = CallerDriven();
  options.clock = clock.Hook();
  MakeRuntime(options);
  options_.policy.quiet_after = absl::ZeroDuration();
  StartEngine();
  PassBothWays(Connect());
  clock.Move(absl::Milliseconds(10));
  while (runtime_->Turn()) continue;
  const absl::Duration left = runtime_->TimeToTurn();
  EXPECT_GT(left, absl::ZeroDuration());
  // The wheel looks at far deadlines now and then, so it takes some steps.
  for (int i = 0; i < 100 && engine_->metrics()["closed_idle"] == 0; ++i) {
    clock.Move(runtime_->TimeToTurn());
    while (runtime_->Turn()) continue;
  }
  EXPECT_EQ(engine_->metrics()["closed_idle"], 1u);
  EXPECT_LE(clock.ns, absl::ToInt64Nanoseconds(absl::Hours(2) + absl::Seconds(1)));
}

}  // namespace
}  // namespace sluice::api
