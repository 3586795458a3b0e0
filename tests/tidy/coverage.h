// SPDX-License-Identifier: Apache-2.0
//
// Which row of the redirect test matrix is covered by which test, read from the names of the tests:
// a test of row 35 has T35 in its name. tests/redirect/COVERAGE.md is this table, and a test holds
// it current.
#ifndef SLUICE_TESTS_TIDY_COVERAGE_H_
#define SLUICE_TESTS_TIDY_COVERAGE_H_

#include <map>
#include <string>
#include <vector>

#include "tests/tidy/tree.h"

namespace sluice::tidy {

struct MatrixRow {
  int number;
  const char* operation;
  const char* precondition;
  const char* where;  // "E" emulator, "E R" real Windows as well
  bool waits;         // datagrams: not built yet
};

const std::vector<MatrixRow>& Matrix();

struct CoveringTest {
  std::string name;  // "QueryTest.T02_RecordsOfOneHop"
  bool windows_only = false;
};

// By row number.
std::map<int, std::vector<CoveringTest>> CoveringTests(const Tree& tree);

std::string CoverageTable(const Tree& tree);

}  // namespace sluice::tidy

#endif  // SLUICE_TESTS_TIDY_COVERAGE_H_
