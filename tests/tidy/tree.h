// SPDX-License-Identifier: Apache-2.0
//
// Tree: the project's files as text, and small helpers to read them. Loaded once, immutable
// afterwards. The build folder and .git are not part of it.
#ifndef SLUICE_TESTS_TIDY_TREE_H_
#define SLUICE_TESTS_TIDY_TREE_H_

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace sluice::tidy {

// What a check found. Every check returns a list of them; an empty list is a pass.
struct Finding {
  std::string path;
  int line = 0;  // 0: the file or folder as a whole.
  std::string what;

  std::string Text() const;
};
using Findings = std::vector<Finding>;

struct File {
  std::string path;  // Below the top, with '/'.
  std::string text;
  std::vector<std::string> lines;

  std::string Name() const;    // "port.h"
  std::string Folder() const;  // "engine/io", "" at the top
  bool EndsWith(const std::string& ending) const;
  bool IsCpp() const;     // .h, .cc, .c
  bool IsScript() const;  // Starts with "#!", or is a file such a script sources.
  bool IsCMake() const;
};

class Tree {
 public:
  explicit Tree(const std::filesystem::path& root);

  const std::map<std::string, File>& files() const { return files_; }
  const std::set<std::string>& folders() const { return folders_; }
  // Names directly below the top, files and folders, those of the build and of git included.
  const std::set<std::string>& top() const { return top_; }
  const File* Find(const std::string& path) const;
  // True if a file lies in the folder or below it.
  bool HasFilesBelow(const std::string& folder) const;

 private:
  void Load(const std::filesystem::path& root, const std::filesystem::path& path);

  std::map<std::string, File> files_;
  std::set<std::string> folders_;
  std::set<std::string> top_;
};

struct Include {
  int line = 0;
  bool angle = false;
  std::string path;
};
std::vector<Include> IncludesOf(const File& file);

// The text with comments and the insides of literals blanked out; line breaks stay, so positions
// keep their meaning.
std::string BlankCommentsAndLiterals(const std::string& text);

std::vector<std::string> SplitLines(const std::string& text);

}  // namespace sluice::tidy

#endif  // SLUICE_TESTS_TIDY_TREE_H_
