// SPDX-License-Identifier: Apache-2.0
#include "tests/tidy/synthetic_tree.h"

#include <fstream>
#include <random>

namespace sluice::tidy {

SyntheticTree::SyntheticTree() {
  // Tests run in parallel processes: the first free name is taken by creating it.
  std::random_device random;
  do {
    root_ = std::filesystem::temp_directory_path() / ("sluice-tidy-" + std::to_string(random()));
  } while (!std::filesystem::create_directory(root_));
}

SyntheticTree::~SyntheticTree() {
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

SyntheticTree& SyntheticTree::Write(const std::string& path, const std::string& text) {
  std::filesystem::create_directories((root_ / path).parent_path());
  std::ofstream(root_ / path, std::ios::binary) << text;
  return *this;
}

}  // namespace sluice::tidy
