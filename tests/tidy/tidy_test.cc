// SPDX-License-Identifier: Apache-2.0
//
// The project's own sources against every check. can_fail_test.cc proves that each of them can
// fail.
#include <gtest/gtest.h>

#include <string>

#include "tests/tidy/public_api.h"
#include "tests/tidy/rooms.h"
#include "tests/tidy/shape.h"
#include "tests/tidy/tree.h"
#include "tests/tidy/words.h"

namespace sluice::tidy {
namespace {

class Tidy : public testing::Test {
 protected:
  static const Tree& Project() {
    static const Tree* tree = new Tree(SLUICE_SOURCE_DIR);
    return *tree;
  }

  static void ExpectNone(const Findings& findings) {
    std::string all;
    for (const Finding& finding : findings) all += finding.Text() + "\n";
    EXPECT_TRUE(findings.empty()) << findings.size() << " findings:\n" << all;
  }
};

// Else an empty folder would pass everything.
TEST_F(Tidy, SeesTheProject) {
  EXPECT_NE(Project().Find("CMakeLists.txt"), nullptr);
  EXPECT_NE(Project().Find("engine/CMakeLists.txt"), nullptr);
  EXPECT_TRUE(Project().HasFilesBelow("engine/base"));
}

TEST_F(Tidy, RoomsIncludeOnlyWhatTheTableAllows) { ExpectNone(CheckIncludes(Project())); }
TEST_F(Tidy, FilesAndFunctionsAreShort) { ExpectNone(CheckSizes(Project(), SizeExceptions())); }
TEST_F(Tidy, NoFileIsDead) { ExpectNone(CheckDeadFiles(Project())); }
TEST_F(Tidy, NoMarkerIsLeft) { ExpectNone(CheckMarkers(Project())); }
TEST_F(Tidy, EveryFileNamesItsLicence) { ExpectNone(CheckLicence(Project())); }
TEST_F(Tidy, EveryRoomHasAShortReadme) { ExpectNone(CheckReadmes(Project())); }
TEST_F(Tidy, DocumentsNameWhatExists) { ExpectNone(CheckNamesInDocuments(Project())); }
TEST_F(Tidy, TheTopHoldsOnlyTheLayout) { ExpectNone(CheckTop(Project())); }
TEST_F(Tidy, PublicHeadersAreVocabulary) { ExpectNone(CheckPublicHeaders(Project())); }
TEST_F(Tidy, TheReadmeShowsTheExampleThatRuns) { ExpectNone(CheckReadmeExample(Project())); }
TEST_F(Tidy, NoPathOfOneMachine) { ExpectNone(CheckMachinePaths(Project())); }

}  // namespace
}  // namespace sluice::tidy
