// SPDX-License-Identifier: Apache-2.0
//
// The binary interface is the committed one, on every operating system, and an extension of every
// one that was released.
//
//   SLUICE_WRITE_ABI=1 build/native/bin/capi --gtest_filter=Abi.IsTheCommittedOne
//
// writes abi.txt anew; it refuses when something else than an addition would be written.
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/capi/abi_dump.h"

namespace {

using Lines = std::vector<std::string>;

const std::string kFolder = std::string(SLUICE_SOURCE_DIR) + "/tests/capi/";

Lines Dump() {
  Lines lines;
  abi_dump([](void* user, const char* text) { static_cast<Lines*>(user)->push_back(text); },
           &lines);
  return lines;
}

Lines FromFile(const std::string& name) {
  std::ifstream file(kFolder + name, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << kFolder + name;
  Lines lines;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line[0] != '#') lines.push_back(line);
  }
  return lines;
}

bool StartsWith(const std::string& text, const std::string& start) {
  return text.rfind(start, 0) == 0;
}

// "struct NAME size N" as NAME and N.
std::map<std::string, int> SizesOf(const Lines& lines) {
  std::map<std::string, int> sizes;
  for (const std::string& line : lines) {
    if (!StartsWith(line, "struct ")) continue;
    std::istringstream words(line);
    std::string word;
    std::string name;
    int size = 0;
    words >> word >> name >> word >> size;
    sizes[name] = size;
  }
  return sizes;
}

// What of `older` is not as it was. New lines are right everywhere, but a struct that does not tell
// its own size is fixed for ever.
std::string Changes(const Lines& older, const Lines& newer) {
  std::string changes;
  const std::set<std::string> now(newer.begin(), newer.end());
  const std::set<std::string> before(older.begin(), older.end());
  for (const std::string& line : older) {
    if (StartsWith(line, "struct ") || StartsWith(line, "constant SLUICE_API_VERSION ")) continue;
    if (now.count(line) == 0) changes += "gone or moved: " + line + "\n";
  }
  const std::map<std::string, int> sizes = SizesOf(newer);
  for (const auto& [name, size] : SizesOf(older)) {
    const auto found = sizes.find(name);
    if (found == sizes.end()) continue;  // its members are gone too
    const bool grows = before.count("member " + name + " offset 0 size 4: uint32_t size") != 0;
    if (found->second < size || (found->second > size && !grows)) {
      changes += "another size: struct " + name + "\n";
    }
  }
  return changes;
}

TEST(Abi, IsTheCommittedOne) {
  const Lines dump = Dump();
  if (std::getenv("SLUICE_WRITE_ABI") != nullptr) {
    ASSERT_EQ(Changes(FromFile("abi.txt"), dump), "") << "nothing was written";
    std::ofstream file(kFolder + "abi.txt", std::ios::binary);
    file << "# SPDX-License-Identifier: Apache-2.0\n# Made by abi_test.cc, which says how.\n";
    for (const std::string& line : dump) file << line << "\n";
  }
  const Lines committed = FromFile("abi.txt");
  const std::set<std::string> wanted(committed.begin(), committed.end());
  for (const std::string& line : dump) {
    EXPECT_EQ(wanted.count(line), 1u) << "not in abi.txt: " << line;
  }
  EXPECT_EQ(dump, committed) << "abi.txt is another; abi_test.cc says how it is written";
}

TEST(Abi, ExtendsWhatWasReleased) {
  const Lines released = FromFile("abi-0.1.txt");
  ASSERT_GE(released.size(), 8u);
  EXPECT_EQ(Changes(released, Dump()), "");
}

// That the comparison can fail.
TEST(Abi, SeesWhatIsNoExtension) {
  const Lines before = {"struct s size 8",
                        "member s offset 0 size 4: uint32_t size",
                        "member s offset 4 size 4: uint32_t a",
                        "struct fixed size 4",
                        "member fixed offset 0 size 4: uint32_t b",
                        "constant X 1"};
  Lines grown = before;
  grown[0] = "struct s size 12";
  grown.insert(grown.begin() + 3, "member s offset 8 size 4: uint32_t c");
  EXPECT_EQ(Changes(before, grown), "");
  Lines moved = before;
  moved[2] = "member s offset 8 size 4: uint32_t a";
  EXPECT_EQ(Changes(before, moved), "gone or moved: " + before[2] + "\n");
  Lines renumbered = before;
  renumbered[5] = "constant X 2";
  EXPECT_EQ(Changes(before, renumbered), "gone or moved: constant X 1\n");
  Lines shrunk = before;
  shrunk[0] = "struct s size 4";
  EXPECT_EQ(Changes(before, shrunk), "another size: struct s\n");
  Lines unfixed = before;
  unfixed[3] = "struct fixed size 8";
  EXPECT_EQ(Changes(before, unfixed), "another size: struct fixed\n");
}

}  // namespace
