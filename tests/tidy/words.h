// SPDX-License-Identifier: Apache-2.0
//
// Checks of plain text: licence lines, leftovers, names in documents, paths of one machine, entries
// at the top.
#ifndef SLUICE_TESTS_TIDY_WORDS_H_
#define SLUICE_TESTS_TIDY_WORDS_H_

#include <set>
#include <string>

#include "tests/tidy/tree.h"

namespace sluice::tidy {

// No marker of unfinished work.
Findings CheckMarkers(const Tree& tree);

// Every source, script and CMake file has its licence in the first lines.
Findings CheckLicence(const Tree& tree);

// No absolute path of a machine that somebody worked on.
Findings CheckMachinePaths(const Tree& tree);

// At the top lie only the entries that the layout names.
Findings CheckTop(const Tree& tree);

// What looks like a C++ name or file in backticks in the rooms' READMEs and in
// engine/ARCHITECTURE.md exists in the sources.
Findings CheckNamesInDocuments(const Tree& tree);

// The text in backticks of one line of a document, that is a name of ours: "Port", "Port::Recv",
// "port.h".
std::set<std::string> NamesIn(const std::string& line);

}  // namespace sluice::tidy

#endif  // SLUICE_TESTS_TIDY_WORDS_H_
