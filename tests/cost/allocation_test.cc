// SPDX-License-Identifier: Apache-2.0
//
// Law 8: nothing allocates on the data path after start. Counted on the worker's thread, over many
// connections from accept to joined, once a first few have warmed its pools.
#include "tests/cost/allocations.h"

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "tests/cost/chain.h"
#include "tests/cost/far_ends.h"

namespace sluice::cost {
namespace {

constexpr int kAtOnce = 32;
constexpr std::uint64_t kWarmUp = 400;
constexpr std::uint64_t kMeasured = 600;

// So that the zero below means something.
TEST(AllocationTest, TheCountCounts) {
  if (!AllocationsAreCounted()) GTEST_SKIP() << "the sanitizer needs an operator new of its own";
  const std::uint64_t before = ThreadAllocations();
  const auto kept = std::make_unique<std::string>(100, 'x');
  EXPECT_EQ(ThreadAllocations() - before, 2u);
}

class DataPathTest : public ::testing::TestWithParam<int> {};

TEST_P(DataPathTest, AllocatesNothingForAConnectionOnceWarm) {
  if (!AllocationsAreCounted()) GTEST_SKIP() << "the sanitizer needs an operator new of its own";
  // The pools grow to the most flows there ever were at once, so the warm-up has more of them.
  FarEnds ends(3 * kAtOnce);
  Chain chain(ChainOptions{.depth = GetParam()}, ends.origin());
  ASSERT_TRUE(ends.Run(kWarmUp, chain.front())) << ends.failure();
  const Chain::Spent before = chain.spent();
  ASSERT_TRUE(ends.Run(kMeasured, chain.front(), kAtOnce)) << ends.failure();
  const Chain::Spent after = chain.spent();
  // All but those whose last FIN is still on its way.
  EXPECT_GE(after.joined - before.joined + 2 * kAtOnce, kMeasured);
  EXPECT_EQ(after.allocations - before.allocations, 0u)
      << "over " << kMeasured << " connections; find the caller with a breakpoint on CountedNew in "
      << "the worker's thread, after the warm-up";
}

INSTANTIATE_TEST_SUITE_P(Depth, DataPathTest, ::testing::Values(1, 4));

}  // namespace
}  // namespace sluice::cost
