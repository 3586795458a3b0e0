// SPDX-License-Identifier: Apache-2.0
#include "tests/tidy/coverage.h"

#include <cstdio>
#include <regex>

namespace sluice::tidy {
namespace {

// Numbers at the front of a test's name: T35_T36_BadBlobs covers 35 and 36.
std::vector<int> RowsOf(const std::string& name) {
  std::vector<int> rows;
  std::size_t at = 0;
  while (at < name.size() && name[at] == 'T') {
    std::size_t end = at + 1;
    while (end < name.size() && name[end] >= '0' && name[end] <= '9') ++end;
    if (end == at + 1) break;
    if (end < name.size() && name[end] != '_') break;
    rows.push_back(std::stoi(name.substr(at + 1, end - at - 1)));
    at = end < name.size() ? end + 1 : end;
  }
  return rows;
}

std::string RowName(int number) {
  char text[16];
  std::snprintf(text, sizeof text, "T%02d", number);
  return text;
}

}  // namespace

std::map<int, std::vector<CoveringTest>> CoveringTests(const Tree& tree) {
  static const std::regex test(R"(^\s*(?:TYPED_)?TEST(?:_F|_P)?\((\w+),\s*(\w+)\))");
  std::map<int, std::vector<CoveringTest>> rows;
  for (const auto& [path, file] : tree.files()) {
    if (path.rfind("tests/", 0) != 0 || !file.EndsWith("_test.cc")) continue;
    const bool windows_only = file.Name().rfind("windows_", 0) == 0;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      // The macro's arguments may stand on two lines.
      std::string text = file.lines[i];
      if (text.find("TEST") == std::string::npos) continue;
      if (i + 1 < file.lines.size()) text += " " + file.lines[i + 1];
      std::smatch match;
      if (!std::regex_search(text, match, test)) continue;
      for (const int row : RowsOf(match[2].str())) {
        rows[row].push_back(CoveringTest{match[1].str() + "." + match[2].str(), windows_only});
      }
    }
  }
  return rows;
}

std::string CoverageTable(const Tree& tree) {
  const auto covering = CoveringTests(tree);
  std::string text =
      "# Where each row of the redirect test matrix runs\n\n"
      "Made from the names of the tests; `tidy` fails when it is not current, and "
      "`SLUICE_WRITE_COVERAGE=1 build/native/bin/tidy --gtest_filter=Coverage*` writes it anew.\n\n"
      "*linux*: natively. *wine*: the same test as a Windows program under Wine. *windows*: nobody "
      "here has run it on Windows; rows marked R are also in the acceptance kit (`tools/kit`).\n\n"
      "| row | operation | precondition | where | linux | wine | tests |\n"
      "|---|---|---|---|---|---|---|\n";
  for (const MatrixRow& row : Matrix()) {
    const auto found = covering.find(row.number);
    std::string tests;
    bool linux_too = false;
    if (found != covering.end()) {
      for (const CoveringTest& test : found->second) {
        linux_too = linux_too || !test.windows_only;
        tests += (tests.empty() ? "`" : ", `") + test.name + "`" +
                 (test.windows_only ? " (Windows only)" : "");
      }
    }
    const bool covered = !tests.empty();
    if (row.waits) tests = "waits: datagrams";
    text += "| " + RowName(row.number) + " | " + row.operation + " | " + row.precondition + " | " +
            row.where + " | " + (linux_too ? "yes" : "") + " | " + (covered ? "yes" : "") + " | " +
            tests + " |\n";
  }
  return text;
}

}  // namespace sluice::tidy
