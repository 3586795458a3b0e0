// SPDX-License-Identifier: Apache-2.0
//
// A check that cannot fail checks nothing. Each check is shown a small tree with one fault that it
// must name, and beside the fault its legal neighbour, that it must not name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/tidy/public_api.h"
#include "tests/tidy/rooms.h"
#include "tests/tidy/shape.h"
#include "tests/tidy/synthetic_tree.h"
#include "tests/tidy/words.h"

namespace sluice::tidy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr char kLicence[] = "// SPDX-License-Identifier: Apache-2.0\n";

std::vector<std::string> Texts(const Findings& findings) {
  std::vector<std::string> texts;
  for (const Finding& finding : findings) texts.push_back(finding.Text());
  return texts;
}

std::string Lines(int count, const std::string& line = "x") {
  std::string text;
  for (int i = 0; i < count; ++i) text += line + "\n";
  return text;
}

TEST(CanFail, IncludeSideways) {
  SyntheticTree tree;
  tree.Write("engine/net/a.h",
             "#include \"engine/io/port.h\"\n#include \"engine/redirect/origin.h\"\n");
  tree.Write("engine/base/a.h",
             "#include \"sluice/address.h\"\n#include \"engine/memory/slab.h\"\n");
  EXPECT_THAT(
      Texts(CheckIncludes(tree.Load())),
      UnorderedElementsAre(
          "engine/net/a.h:2: engine/redirect/origin.h: room net may not include room redirect",
          "engine/base/a.h:2: engine/memory/slab.h: room base may not include room memory"));
}

TEST(CanFail, PublicHeaderBeyondVocabulary) {
  SyntheticTree tree;
  tree.Write("engine/include/sluice/a.h",
             "#include <string>\n#include \"absl/status/status.h\"\n"
             "#include \"absl/synchronization/mutex.h\"\n");
  EXPECT_THAT(Texts(CheckPublicHeaders(tree.Load())),
              ElementsAre("engine/include/sluice/a.h:3: absl/synchronization/mutex.h: is no "
                          "vocabulary type"));
}

TEST(CanFail, ReadmeThatShowsAnotherExample) {
  const std::string example = "// README begins\nint a;\nint b;\n// README ends\n";
  SyntheticTree same;
  same.Write("README.md", "Text\n```cpp\nint a;\nint b;\n```\n");
  same.Write("tools/examples/minimal_proxy.cc", example);
  EXPECT_THAT(Texts(CheckReadmeExample(same.Load())), IsEmpty());
  SyntheticTree other;
  other.Write("README.md", "Text\n```cpp\nint a;\nint c;\n```\n");
  other.Write("tools/examples/minimal_proxy.cc", example);
  EXPECT_EQ(CheckReadmeExample(other.Load()).size(), 1u);
  SyntheticTree shorter;
  shorter.Write("README.md", "Text\n```cpp\nint a;\n```\n");
  shorter.Write("tools/examples/minimal_proxy.cc", example);
  EXPECT_EQ(CheckReadmeExample(shorter.Load()).size(), 1u);
  SyntheticTree none;
  none.Write("README.md", "Text\n");
  none.Write("tools/examples/minimal_proxy.cc", example);
  EXPECT_EQ(CheckReadmeExample(none.Load()).size(), 1u);
}

TEST(CanFail, IncludeBetweenPlatforms) {
  SyntheticTree tree;
  tree.Write("engine/redirect/wfp/a.cc",
             "#include \"engine/redirect/origin.h\"\n#include \"engine/redirect/emulated/b.h\"\n");
  tree.Write("engine/io/sim/a.cc",
             "#include \"engine/io/port.h\"\n#include \"engine/io/linux/ring.h\"\n");
  tree.Write(
      "engine/runtime/a.cc",
      "#include \"engine/redirect/emulated/b.h\"\n#include \"engine/io/windows/system.h\"\n");
  EXPECT_EQ(CheckIncludes(tree.Load()).size(), 3u);
}

TEST(CanFail, OsHeaderOutsideItsBackend) {
  SyntheticTree tree;
  tree.Write("engine/io/windows/a.cc", "#include <winsock2.h>\n#include <unistd.h>\n");
  tree.Write("engine/io/linux/a.cc", "#include <sys/socket.h>\n#include <windows.h>\n");
  tree.Write("engine/io/a.cc", "#include <cerrno>\n#include <poll.h>\n");
  tree.Write("engine/include/sluice/a.h",
             "#include <vector>\n#include \"absl/status/status.h\"\n#include <sys/types.h>\n");
  tree.Write("tools/sluice/a.cc", "#include <unistd.h>\n");
  EXPECT_THAT(Texts(CheckIncludes(tree.Load())),
              UnorderedElementsAre(
                  "engine/io/windows/a.cc:2: unistd.h: is no Windows header",
                  "engine/io/linux/a.cc:2: windows.h: is a Windows header",
                  "engine/io/a.cc:2: poll.h: is neither std, Abseil nor a room",
                  "engine/include/sluice/a.h:3: sys/types.h: is neither std, Abseil nor a room"));
}

TEST(CanFail, PublicHeaderIncludesRoom) {
  SyntheticTree tree;
  tree.Write("engine/include/sluice/a.h",
             "#include \"sluice/b.h\"\n#include \"engine/base/check.h\"\n");
  tree.Write("engine/flow/a.h", "#include \"engine/include/sluice/a.h\"\n");
  EXPECT_EQ(CheckIncludes(tree.Load()).size(), 2u);
}

TEST(CanFail, FolderThatIsNoRoom) {
  SyntheticTree tree;
  tree.Write("engine/misc/a.h", "").Write("engine/flow/a.h", "#include \"engine/misc/a.h\"\n");
  EXPECT_THAT(
      Texts(CheckIncludes(tree.Load())),
      UnorderedElementsAre("engine/misc/a.h: lies in no room; see the table in tests/tidy/rooms.cc",
                           "engine/flow/a.h:1: engine/misc/a.h: belongs to no room"));
}

TEST(CanFail, LongFile) {
  SyntheticTree tree;
  tree.Write("tools/long.cc", Lines(kFileLinesMax + 1))
      .Write("tools/short.cc", Lines(kFileLinesMax));
  tree.Write("tools/long.md", Lines(kFileLinesMax + 1));
  EXPECT_THAT(Texts(CheckSizes(tree.Load(), {})),
              ElementsAre("tools/long.cc: the file has 601 lines; at most 600"));
}

TEST(CanFail, LongFunction) {
  const std::string body = Lines(kFunctionLinesMax - 1, "  f();");
  SyntheticTree tree;
  tree.Write("engine/a.cc", "namespace n {\nvoid Short() {\n" +
                                Lines(kFunctionLinesMax - 2, "  f();") +
                                "}\nvoid Class::Long(int a) {\n" + body + "}\n}\n");
  EXPECT_THAT(Texts(CheckSizes(tree.Load(), {})),
              ElementsAre("engine/a.cc:72: Class::Long has 71 lines; at most 70"));
  EXPECT_THAT(CheckSizes(tree.Load(), {{"engine/a.cc", "Class::Long", 71, "a table"}}), IsEmpty());
}

TEST(CanFail, UnneededException) {
  SyntheticTree tree;
  tree.Write("engine/a.cc", "void F() {}\n");
  EXPECT_THAT(Texts(CheckSizes(tree.Load(), {{"engine/a.cc", "F", 100, "was long once"}})),
              ElementsAre("engine/a.cc: the size exception for 'F' is no longer needed"));
}

TEST(FunctionsOf, FindsBodiesOfAllKinds) {
  // Not marked as C++, or clang-format would format it.
  const std::string text = R"source(
#define MACRO(x) if (x) {
namespace a::b {
class alignas(64) C : public D {
 public:
  explicit C(int x) : a_{x}, b_(x), c_{} {
    if (x) { g("}"); }
  }
  int Get() const noexcept { return '{' + 1'000; }
 private:
  int a_{3};
};
enum class E : int { kA, kB };
const int kTable[] = {1, 2, 3};
const int kOther[Count()] = {
    1, 2};
template <class T, typename U = X<int>>
auto F(T t) -> decltype(t) {
  // } in a comment
  return [&] { return R"(}})"; }();
}
TEST_F(Suite, Name) {
  struct Local { void M() { } };
}
extern "C" {
int c_function(void) { return 1; }
}
}  // namespace a::b
)source";
  std::vector<std::string> names;
  std::vector<int> lines;
  for (const Function& function : FunctionsOf(text)) {
    names.push_back(function.name);
    lines.push_back(function.lines);
  }
  EXPECT_THAT(names, ElementsAre("C", "Get", "F", "TEST_F(Suite, Name)", "c_function"));
  EXPECT_THAT(lines, ElementsAre(3, 1, 4, 3, 1));
}

TEST(CanFail, DeadFiles) {
  SyntheticTree tree;
  tree.Write("engine/CMakeLists.txt", "sluice_room(base DIR base)\n");
  tree.Write("engine/base/a.cc", "#include \"engine/base/a.h\"\n").Write("engine/base/a.h", "");
  tree.Write("engine/base/lonely.h", "#include \"engine/base/lonely.h\"\n");
  tree.Write("engine/base/deeper/b.cc", "");
  EXPECT_THAT(Texts(CheckDeadFiles(tree.Load())),
              UnorderedElementsAre("engine/base/lonely.h: no file includes this header",
                                   "engine/base/deeper/b.cc: no sluice_room() compiles this file"));
}

TEST(CanFail, Markers) {
  SyntheticTree tree;
  tree.Write("tools/a.cc",
             "int a;  // TO"
             "DO: later\nint b;  // to do\n");
  tree.Write("bench/README.md",
             "FIX"
             "ME\nmktemp a.XX"
             "XXXX\n");
  EXPECT_EQ(CheckMarkers(tree.Load()).size(), 2u);
}

TEST(CanFail, Licence) {
  SyntheticTree tree;
  tree.Write("tools/good.cc", kLicence).Write("tools/bad.cc", "int a;\n");
  tree.Write("tools/script", "#!/bin/bash\n")
      .Write("tools/x.cmake", "set(a b)\n")
      .Write("tools/x.md", "text\n");
  tree.Write("tools/late.h", Lines(3, "//") + kLicence);
  EXPECT_EQ(CheckLicence(tree.Load()).size(), 4u);
}

TEST(CanFail, Readmes) {
  SyntheticTree tree;
  tree.Write("engine/base/a.h", "")
      .Write("engine/net/a.h", "")
      .Write("engine/net/README.md", Lines(30));
  tree.Write("engine/flow/README.md", Lines(31));
  EXPECT_THAT(
      Texts(CheckReadmes(tree.Load())),
      UnorderedElementsAre("engine/base: has no README.md",
                           "engine/flow/README.md: has 31 lines; at most 30, so that it is read"));
}

TEST(CanFail, NamesInDocuments) {
  SyntheticTree tree;
  tree.Write("engine/base/clock.h", "class Clock { void Now(); };\n");
  tree.Write("engine/base/README.md",
             "`Clock`, `Clock::Now()`, `clock.h`, `engine/base/clock.h`, `true`, `make it so`\n"
             "`Calendar`, `Clock::Later()`, `calendar.h`\n");
  tree.Write("tools/README.md", "`Calendar`\n");
  EXPECT_THAT(
      Texts(CheckNamesInDocuments(tree.Load())),
      UnorderedElementsAre("engine/base/README.md:2: `Calendar` is nowhere in the sources",
                           "engine/base/README.md:2: `Clock::Later` is nowhere in the sources",
                           "engine/base/README.md:2: `calendar.h` is nowhere in the sources"));
}

TEST(CanFail, Top) {
  SyntheticTree tree;
  tree.Write("engine/a", "").Write("scratch/a", "").Write("notes.txt", "").Write("build/a", "");
  EXPECT_EQ(CheckTop(tree.Load()).size(), 2u);
}

TEST(CanFail, MachinePaths) {
  SyntheticTree tree;
  tree.Write("tools/a",
             "cd /wo"
             "rk/main\nsee https://example.org/work/a and ${x}/work/b\n\"/ro"
             "ot/x\"\n");
  EXPECT_EQ(CheckMachinePaths(tree.Load()).size(), 2u);
}

}  // namespace
}  // namespace sluice::tidy
