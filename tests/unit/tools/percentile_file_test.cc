// SPDX-License-Identifier: Apache-2.0
#include "tools/sluice/percentile_file.h"

#include <sstream>
#include <vector>

#include "engine/base/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::tool {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Row {
  double value = 0;
  double percentile = 0;
  std::uint64_t count = 0;
  std::string rest;
};

// As HdrHistogram's tools read it: no comments, no empty lines, four words.
std::vector<Row> Rows(const std::string& text) {
  std::istringstream stream(text);
  std::string line;
  std::getline(stream, line);
  std::vector<Row> rows;
  while (std::getline(stream, line)) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    Row row;
    words >> row.value >> row.percentile >> row.count >> row.rest;
    EXPECT_FALSE(words.fail()) << line;
    rows.push_back(row);
  }
  return rows;
}

TEST(PercentileFileTest, HasTheHeaderAndTheFooterOfHdrHistogram) {
  Histogram latency;
  latency.Record(2 * static_cast<std::uint64_t>(kMillisecond));
  const std::string text = PercentileFile(latency);
  EXPECT_THAT(text, StartsWith("       Value     Percentile TotalCount 1/(1-Percentile)\n\n"));
  EXPECT_THAT(text, HasSubstr("#[Mean    =        2.000, StdDeviation   =        0.0"));
  EXPECT_THAT(text, HasSubstr("#[Max     =        2.000, Total count    =            1]"));
  EXPECT_THAT(text, HasSubstr("SubBuckets     =         2048]"));
}

TEST(PercentileFileTest, RowsRiseToTheMaximumInFinerAndFinerSteps) {
  Histogram latency;
  for (int i = 1; i <= 100000; ++i) latency.Record(static_cast<std::uint64_t>(i * kMicrosecond));
  const std::vector<Row> rows = Rows(PercentileFile(latency));
  ASSERT_GT(rows.size(), 50u);
  EXPECT_EQ(rows[1].percentile, 0.1);
  EXPECT_EQ(rows[5].percentile, 0.5);
  EXPECT_NEAR(rows[5].value, 50, 0.1);
  EXPECT_NEAR(static_cast<double>(rows[5].count), 50000, 100);
  EXPECT_EQ(rows[5].rest, "2.00");
  EXPECT_EQ(rows[6].percentile, 0.55);  // five steps in each half of what is left
  EXPECT_EQ(rows[10].percentile, 0.75);
  EXPECT_EQ(rows[11].percentile, 0.775);
  for (std::size_t i = 1; i < rows.size(); ++i) {
    EXPECT_GE(rows[i].value, rows[i - 1].value);
    EXPECT_GT(rows[i].percentile, rows[i - 1].percentile);
    EXPECT_GE(rows[i].count, rows[i - 1].count);
  }
  EXPECT_EQ(rows.back().value, 100);
  EXPECT_EQ(rows.back().percentile, 1);
  EXPECT_EQ(rows.back().count, 100000u);
  EXPECT_EQ(rows.back().rest, "inf");
}

TEST(PercentileFileTest, NothingRecordedIsAFileWithoutRows) {
  EXPECT_TRUE(Rows(PercentileFile(Histogram{})).empty());
}

}  // namespace
}  // namespace sluice::tool
