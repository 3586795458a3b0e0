// SPDX-License-Identifier: Apache-2.0
#include "tests/tidy/words.h"

#include <algorithm>
#include <regex>

#include "tests/tidy/rooms.h"

namespace sluice::tidy {
namespace {

constexpr size_t kLicenceLines = 3;

// Every line of the chosen files that the pattern matches.
template <typename Choose>
Findings Grep(const Tree& tree, const std::regex& pattern, const std::string& what, Choose choose) {
  Findings findings;
  for (const auto& [path, file] : tree.files()) {
    if (!choose(file)) continue;
    for (size_t i = 0; i < file.lines.size(); ++i) {
      std::smatch match;
      if (!std::regex_search(file.lines[i], match, pattern)) continue;
      findings.push_back({path, static_cast<int>(i) + 1, what + ": " + match[0].str()});
    }
  }
  return findings;
}

}  // namespace

Findings CheckMarkers(const Tree& tree) {
  // In two halves, or this line would be found.
  static const std::regex pattern(
      "\\b(TO"
      "DO|FIX"
      "ME|XX"
      "X|HA"
      "CK)\\b");
  return Grep(tree, pattern, "leftover marker",
              [](const File& file) { return file.path != "LICENSE"; });
}

Findings CheckLicence(const Tree& tree) {
  Findings findings;
  for (const auto& [path, file] : tree.files()) {
    if (!file.IsCpp() && !file.IsScript() && !file.IsCMake()) continue;
    const size_t end = std::min(kLicenceLines, file.lines.size());
    const bool found =
        std::any_of(file.lines.begin(), file.lines.begin() + static_cast<ptrdiff_t>(end),
                    [](const std::string& line) {
                      return line.find("SPDX-License-Identifier: Apache-2.0") != std::string::npos;
                    });
    if (!found) findings.push_back({path, 0, "has no SPDX-License-Identifier in its first lines"});
  }
  return findings;
}

Findings CheckMachinePaths(const Tree& tree) {
  static const std::regex pattern(R"((^|[^\w.~*})-])/)"
                                  "(work|farm|root|home)/");
  return Grep(tree, pattern, "path of one machine", [](const File&) { return true; });
}

Findings CheckTop(const Tree& tree) {
  static const std::set<std::string> allowed = {
      // Rooms of the house, and what every tool expects at the top.
      "engine", "bench", "tests", "tools", "CMakeLists.txt", "CMakePresets.json", "vcpkg.json",
      "LICENSE", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", ".ci",
      ".clang-format", ".clang-tidy", ".editorconfig", ".gitattributes", ".github", ".gitignore",
      // Not committed.
      ".git", "build"};
  Findings findings;
  for (const std::string& name : tree.top()) {
    if (allowed.count(name) == 0) findings.push_back({name, 0, "is not an entry of the layout"});
  }
  return findings;
}

namespace {

// All words of all sources, and all names of files. Documents do not count: they are what is
// checked.
std::set<std::string> WordsOfSources(const Tree& tree) {
  static const std::regex word(R"([A-Za-z_]\w*(\.h\b)?)");
  std::set<std::string> words;
  for (const auto& [path, file] : tree.files()) {
    for (size_t at = 0; at != std::string::npos; at = path.find('/', at + 1)) {
      words.insert(path.substr(at == 0 ? 0 : at + 1));
    }
    if (!file.IsCpp() && !file.IsCMake() && !file.IsScript()) continue;
    const std::sregex_iterator end;
    for (std::sregex_iterator match(file.text.begin(), file.text.end(), word); match != end;
         ++match) {
      words.insert(match->str());
    }
  }
  return words;
}

bool IsKnown(const std::set<std::string>& words, const std::string& name) {
  for (size_t at = 0; at != std::string::npos;) {
    const size_t colons = name.find("::", at);
    const std::string part = name.substr(at, colons == std::string::npos ? colons : colons - at);
    if (!part.empty() && words.count(part) == 0) return false;
    at = colons == std::string::npos ? colons : colons + 2;
  }
  return true;
}

}  // namespace

std::set<std::string> NamesIn(const std::string& line) {
  static const std::regex span("`([^`]+)`");
  static const std::regex tail(R"((\(.*\)|<.*>)$)");
  static const std::regex camel(R"([A-Z]\w*[a-z]\w*)");
  static const std::regex qualified(R"((::)?[A-Za-z_]\w*(::~?[A-Za-z_]\w*)+)");
  static const std::regex file(R"([\w./-]+\.(h|cc))");
  std::set<std::string> names;
  const std::sregex_iterator end;
  for (std::sregex_iterator at(line.begin(), line.end(), span); at != end; ++at) {
    const std::string name = std::regex_replace((*at)[1].str(), tail, "");
    if (std::regex_match(name, camel) || std::regex_match(name, qualified) ||
        std::regex_match(name, file)) {
      names.insert(name);
    }
  }
  return names;
}

Findings CheckNamesInDocuments(const Tree& tree) {
  std::vector<const File*> documents;
  for (const auto& [path, file] : tree.files()) {
    if (path == "engine/ARCHITECTURE.md" ||
        (file.Name() == "README.md" && RoomOf(path) != nullptr)) {
      documents.push_back(&file);
    }
  }
  Findings findings;
  if (documents.empty()) return findings;
  const std::set<std::string> words = WordsOfSources(tree);
  for (const File* document : documents) {
    for (size_t i = 0; i < document->lines.size(); ++i) {
      for (const std::string& name : NamesIn(document->lines[i])) {
        if (IsKnown(words, name)) continue;
        findings.push_back(
            {document->path, static_cast<int>(i) + 1, "`" + name + "` is nowhere in the sources"});
      }
    }
  }
  return findings;
}

}  // namespace sluice::tidy
