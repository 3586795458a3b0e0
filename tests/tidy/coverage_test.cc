// SPDX-License-Identifier: Apache-2.0
#include "tests/tidy/coverage.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace sluice::tidy {
namespace {

TEST(Coverage, EveryRowThatDoesNotWaitHasATest) {
  const Tree tree(SLUICE_SOURCE_DIR);
  const auto covering = CoveringTests(tree);
  for (const MatrixRow& row : Matrix()) {
    if (!row.waits) {
      EXPECT_EQ(covering.count(row.number), 1u) << "row " << row.number;
    }
  }
}

TEST(Coverage, TheTableIsCurrent) {
  const std::string path = "tests/redirect/COVERAGE.md";
  const Tree tree(SLUICE_SOURCE_DIR);
  const std::string wanted = CoverageTable(tree);
  if (std::getenv("SLUICE_WRITE_COVERAGE") != nullptr) {
    std::ofstream(std::string(SLUICE_SOURCE_DIR) + "/" + path) << wanted;
    return;
  }
  const File* file = tree.Find(path);
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(file->text, wanted) << "write it anew, see its second paragraph";
}

TEST(Coverage, MatrixIsWhole) {
  ASSERT_EQ(Matrix().size(), 116u);
  for (std::size_t i = 0; i < Matrix().size(); ++i) {
    EXPECT_EQ(Matrix()[i].number, static_cast<int>(i) + 1);
  }
}

}  // namespace
}  // namespace sluice::tidy
