// SPDX-License-Identifier: Apache-2.0
#include "tests/tidy/public_api.h"

#include <algorithm>
#include <string>
#include <vector>

namespace sluice::tidy {
namespace {

constexpr char kExample[] = "tools/examples/minimal_proxy.cc";

bool StartsWith(const std::string& text, const std::string& start) {
  return text.rfind(start, 0) == 0;
}

// The lines between the first one that is `begin` and the next one that is `end`; none if there are
// no such lines.
std::vector<std::string> Between(const std::vector<std::string>& lines, const std::string& begin,
                                 const std::string& end) {
  const auto first = std::find(lines.begin(), lines.end(), begin);
  if (first == lines.end()) return {};
  const auto last = std::find(first + 1, lines.end(), end);
  if (last == lines.end()) return {};
  return std::vector<std::string>(first + 1, last);
}

}  // namespace

Findings CheckPublicHeaders(const Tree& tree) {
  Findings findings;
  for (const auto& [path, file] : tree.files()) {
    if (!StartsWith(path, "engine/include/") || !file.IsCpp()) continue;
    for (const Include& include : IncludesOf(file)) {
      if (!StartsWith(include.path, "absl/")) continue;
      const bool vocabulary =
          StartsWith(include.path, "absl/status/") || StartsWith(include.path, "absl/strings/") ||
          StartsWith(include.path, "absl/time/") || StartsWith(include.path, "absl/types/");
      if (!vocabulary) {
        findings.push_back({path, include.line, include.path + ": is no vocabulary type"});
      }
    }
  }
  return findings;
}

Findings CheckReadmeExample(const Tree& tree) {
  const File* readme = tree.Find("README.md");
  const File* example = tree.Find(kExample);
  if (readme == nullptr) return {{"README.md", 0, "is missing"}};
  if (example == nullptr) return {{kExample, 0, "is missing"}};
  const std::vector<std::string> shown = Between(readme->lines, "```cpp", "```");
  const std::vector<std::string> run =
      Between(example->lines, "// README begins", "// README ends");
  if (run.empty()) return {{kExample, 0, "has no part between README begins and README ends"}};
  if (shown.empty()) return {{"README.md", 0, "shows no C++"}};
  if (shown == run) return {};
  const std::size_t both = std::min(shown.size(), run.size());
  const auto first = static_cast<std::size_t>(
      std::mismatch(shown.begin(), shown.begin() + static_cast<std::ptrdiff_t>(both), run.begin())
          .first -
      shown.begin());
  const std::string line = first < shown.size() ? shown[first] : "the end";
  return {{"README.md", 0, std::string("its C++ is not that of ") + kExample + ": " + line}};
}

}  // namespace sluice::tidy
