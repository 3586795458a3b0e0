// SPDX-License-Identifier: Apache-2.0
//
// The table of rooms, and the checks that read it: who may include whom, what is compiled, what is
// described.
#ifndef SLUICE_TESTS_TIDY_ROOMS_H_
#define SLUICE_TESTS_TIDY_ROOMS_H_

#include <string>
#include <vector>

#include "tests/tidy/tree.h"

namespace sluice::tidy {

// Which headers besides std, Abseil and other rooms a room may include.
enum class OsHeaders { kNone, kWindows, kLinux };

struct Room {
  std::string folder;  // Below engine/. A deeper folder in the table is a room of its own.
  std::vector<std::string>
      include;  // Folders of the rooms it may include, besides itself and the vocabulary.
  OsHeaders os = OsHeaders::kNone;
};

// As in engine/ARCHITECTURE.md, row by row.
const std::vector<Room>& Rooms();

// The room that a file or an include path ("engine/io/port.h", "sluice/address.h") belongs to, or
// null.
const Room* RoomOf(const std::string& path);

// Every include of every room obeys the table; OS headers only in the two native backends.
Findings CheckIncludes(const Tree& tree);

// Every .cc below engine/ lies in a folder that engine/CMakeLists.txt compiles; every header is
// included by some other file.
Findings CheckDeadFiles(const Tree& tree);

// Every room with files has a README.md, short enough to be read.
Findings CheckReadmes(const Tree& tree);

}  // namespace sluice::tidy

#endif  // SLUICE_TESTS_TIDY_ROOMS_H_
