// SPDX-License-Identifier: Apache-2.0
//
// The swarm: thousands of seeds, each a different world. A failing seed is printed;
// tests/sim/replay SEED plays it again and says everything.
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "engine/base/log.h"
#include "gtest/gtest.h"
#include "tests/sim/crash_note.h"
#include "tests/sim/sim_run.h"

namespace sluice::sim {
namespace {

using metrics::Counter;

// Seeds after which nothing rare should be missing.
constexpr std::uint64_t kEnoughForAll = 5000;

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  std::uint64_t value = 0;
  return text != nullptr && absl::SimpleAtoi(text, &value) ? value : otherwise;
}

class Swarm : public ::testing::Test {
 protected:
  // Faults are what the engine is here to be told of: thousands of lines.
  void SetUp() override {
    SetLogLevel(LogLevel::kError);
    SetLogSink([](void*, LogLevel, absl::string_view) {}, nullptr);
  }
  void TearDown() override {
    SetLogSink(nullptr, nullptr);
    SetLogLevel(LogLevel::kInfo);
  }
};

// What the seeds must lead to, some of them: odds that never come true prove nothing.
void ExpectEverythingWasMet(const metrics::Snapshot& metrics) {
  for (std::size_t i = 0; i < metrics::kCounterCount; ++i) {
    const auto counter = static_cast<Counter>(i);
    switch (counter) {
      case Counter::k_bytes_copied:        // zero, but for inspectors that copy
      case Counter::k_slow_callbacks:      // of the OS clock
      case Counter::k_closed_bad_context:  // the platform here makes good ones
      case Counter::k_closed_loop_guard:   // no ring is built here
      case Counter::k_closed_hop_budget:
      case Counter::k_closed_storm:
      case Counter::k_refused_memory:        // what was asked of the allocator was given
      case Counter::k_refused_source:        // every client is its own source: loopback
      case Counter::k_direct_without_query:  // a policy that no seed chooses
        continue;
      default:
        EXPECT_GT(metrics[counter], 0u) << metrics::CounterName(counter) << " was never met";
    }
  }
}

TEST_F(Swarm, EverySeedKeepsTheLaws) {
  const std::uint64_t first = FromEnvironment("SLUICE_SIM_FIRST", 1);
  const std::uint64_t seeds = FromEnvironment("SLUICE_SIM_SEEDS", 10000);
  metrics::Snapshot met;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    const CrashNote note(seed);
    const Scenario scenario = Scenario::FromSeed(seed);
    const Report report = Play(scenario);
    ASSERT_TRUE(report.ok()) << "replay with: tests/sim/replay " << seed << "\n"
                             << scenario.ToString() << report.ToString();
    for (std::size_t i = 0; i < metrics::kCounterCount; ++i) {
      met.values[i] += report.metrics.values[i];
    }
  }
  if (seeds >= kEnoughForAll) ExpectEverythingWasMet(met);
}

// Else a failing seed could not be replayed.
TEST_F(Swarm, SameSeedSameRun) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const Report once = Play(Scenario::FromSeed(seed));
    const Report again = Play(Scenario::FromSeed(seed));
    ASSERT_EQ(once.fingerprint, again.fingerprint) << "seed " << seed;
    ASSERT_EQ(once.steps, again.steps) << "seed " << seed;
    ASSERT_EQ(once.stories, again.stories) << "seed " << seed;
  }
}

}  // namespace
}  // namespace sluice::sim
