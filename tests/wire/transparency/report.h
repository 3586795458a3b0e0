// SPDX-License-Identifier: Apache-2.0
//
// The score: what every column did with every script, as text and as Markdown.
#ifndef SLUICE_TESTS_WIRE_TRANSPARENCY_REPORT_H_
#define SLUICE_TESTS_WIRE_TRANSPARENCY_REPORT_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/wire/transparency/play.h"
#include "tests/wire/transparency/script.h"

namespace sluice::wire::transparency {

struct Cell {
  bool played = false;
  Verdict verdict;
  bool unavoidable = false;  // differs, as every proxy must
  std::string reason;        // empty: nobody has explained it
};

struct Row {
  const Script* script = nullptr;
  std::set<Seen> direct;
  std::vector<Cell> cells;  // one a column
};

struct Report {
  std::vector<std::string> columns;
  std::vector<Row> rows;
  std::string made_by;  // machine, kernel, versions
};

// "same", "explained", "DIFFERS" or "-".
std::string Word(const Cell& cell);
std::string TextRow(const Report& report, const Row& row);
std::string TextHead(const Report& report);
std::string TextScore(const Report& report);
std::string Markdown(const Report& report);

}  // namespace sluice::wire::transparency

#endif  // SLUICE_TESTS_WIRE_TRANSPARENCY_REPORT_H_
