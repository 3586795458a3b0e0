// SPDX-License-Identifier: Apache-2.0
//
// SyntheticTree: a small project in a temporary folder, written by a test and removed with it.
#ifndef SLUICE_TESTS_TIDY_SYNTHETIC_TREE_H_
#define SLUICE_TESTS_TIDY_SYNTHETIC_TREE_H_

#include <filesystem>
#include <string>

#include "tests/tidy/tree.h"

namespace sluice::tidy {

class SyntheticTree {
 public:
  SyntheticTree();
  ~SyntheticTree();
  SyntheticTree(const SyntheticTree&) = delete;
  SyntheticTree& operator=(const SyntheticTree&) = delete;

  // Returns itself, so that a tree can be written in one expression.
  SyntheticTree& Write(const std::string& path, const std::string& text);
  Tree Load() const { return Tree(root_); }

 private:
  std::filesystem::path root_;
};

}  // namespace sluice::tidy

#endif  // SLUICE_TESTS_TIDY_SYNTHETIC_TREE_H_
