// SPDX-License-Identifier: Apache-2.0
#include "engine/metrics/metrics.h"

#include <set>
#include <string>

#include "gtest/gtest.h"

namespace sluice::metrics {
namespace {

TEST(Counters, SnapshotSumsWorkers) {
  Counters first;
  Counters second;
  first.Add(Counter::k_accepted);
  first.Add(Counter::k_bytes_up, 100);
  second.Add(Counter::k_accepted, 2);
  Snapshot snapshot;
  first.AddTo(snapshot);
  second.AddTo(snapshot);
  EXPECT_EQ(snapshot[Counter::k_accepted], 3u);
  EXPECT_EQ(snapshot[Counter::k_bytes_up], 100u);
  EXPECT_EQ(snapshot[Counter::k_bytes_down], 0u);
}

TEST(Counters, EveryNameIsUniqueAndExplained) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < kCounterCount; ++i) {
    const auto counter = static_cast<Counter>(i);
    EXPECT_TRUE(names.insert(std::string(CounterName(counter))).second) << CounterName(counter);
    EXPECT_FALSE(CounterHelp(counter).empty());
  }
}

}  // namespace
}  // namespace sluice::metrics
