// SPDX-License-Identifier: Apache-2.0
#include "tools/sluice/histogram.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/base/prng.h"
#include "gtest/gtest.h"

namespace sluice::tool {
namespace {

TEST(HistogramTest, EmptyIsAllZero) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.min(), 0u);
  EXPECT_EQ(histogram.max(), 0u);
  EXPECT_EQ(histogram.mean(), 0);
  EXPECT_EQ(histogram.Percentile(50), 0u);
}

TEST(HistogramTest, SmallValuesAreExact) {
  Histogram histogram;
  for (std::uint64_t value = 1; value <= 100; ++value) histogram.Record(value);
  EXPECT_EQ(histogram.Percentile(0), 1u);
  EXPECT_EQ(histogram.Percentile(50), 50u);
  EXPECT_EQ(histogram.Percentile(99), 99u);
  EXPECT_EQ(histogram.Percentile(99.9), 100u);
  EXPECT_EQ(histogram.Percentile(100), 100u);
  EXPECT_DOUBLE_EQ(histogram.mean(), 50.5);
}

TEST(HistogramTest, ARankIsNotRoundedUpToTheNext) {
  Histogram histogram;
  for (int i = 0; i < 99900; ++i) histogram.Record(1);
  for (int i = 0; i < 100; ++i) histogram.Record(2);
  EXPECT_EQ(histogram.Percentile(99.9), 1u);
  EXPECT_EQ(histogram.Percentile(99.91), 2u);
}

TEST(HistogramTest, OneValueIsEveryPercentile) {
  Histogram histogram;
  histogram.Record(123456789);
  for (const double percent : {0.0, 50.0, 99.9, 100.0})
    EXPECT_EQ(histogram.Percentile(percent), 123456789u);
}

TEST(HistogramTest, PercentilesAreWithinOnePartIn1024OfTheTruth) {
  Prng prng(1);
  Histogram histogram;
  std::vector<std::uint64_t> values;
  for (int i = 0; i < 100000; ++i) {
    // Every order of magnitude alike.
    const std::uint64_t value = prng.Next() >> (24 + prng.Below(40));
    values.push_back(value);
    histogram.Record(value);
  }
  std::sort(values.begin(), values.end());
  for (const double percent : {1.0, 10.0, 25.0, 50.0, 75.0, 90.0, 99.0, 99.9, 99.99}) {
    const auto rank =
        static_cast<std::size_t>(percent / 100 * static_cast<double>(values.size())) - 1;
    const auto truth = static_cast<double>(values[rank]);
    const auto seen = static_cast<double>(histogram.Percentile(percent));
    EXPECT_GE(seen, truth) << percent;
    EXPECT_LE(seen, truth * (1 + 1.0 / 1024) + 1) << percent;
  }
  EXPECT_EQ(histogram.max(), values.back());
  EXPECT_EQ(histogram.min(), values.front());
}

TEST(HistogramTest, HugeValuesCountAsTheLargest) {
  Histogram histogram;
  histogram.Record(~std::uint64_t{0});
  EXPECT_EQ(histogram.max(), Histogram::kValueMax);
  EXPECT_EQ(histogram.Percentile(50), Histogram::kValueMax);
}

TEST(HistogramTest, MergeIsTheSameAsRecordingAllInOne) {
  Prng prng(2);
  Histogram a, b, all;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t value = prng.Below(10000000);
    (i % 3 == 0 ? a : b).Record(value);
    all.Record(value);
  }
  a.Merge(b);
  EXPECT_EQ(a.count(), all.count());
  EXPECT_EQ(a.min(), all.min());
  EXPECT_EQ(a.max(), all.max());
  EXPECT_DOUBLE_EQ(a.mean(), all.mean());
  for (const double percent : {1.0, 50.0, 99.0})
    EXPECT_EQ(a.Percentile(percent), all.Percentile(percent));
}

TEST(HistogramTest, ForEachVisitsWhatWasRecordedFromSmallToLarge) {
  Histogram histogram;
  for (const std::uint64_t value : {5u, 3u, 5u, 1000000u}) histogram.Record(value);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> seen;
  histogram.ForEach(
      [&](std::uint64_t value, std::uint64_t count) { seen.emplace_back(value, count); });
  const std::vector<std::pair<std::uint64_t, std::uint64_t>> expected = {
      {3, 1}, {5, 2}, {1000000, 1}};
  EXPECT_EQ(seen, expected);
}

TEST(HistogramTest, ClearForgets) {
  Histogram histogram;
  histogram.Record(7);
  histogram.Clear();
  EXPECT_EQ(histogram.count(), 0u);
  histogram.Record(9);
  EXPECT_EQ(histogram.min(), 9u);
  EXPECT_EQ(histogram.Percentile(50), 9u);
}

}  // namespace
}  // namespace sluice::tool
