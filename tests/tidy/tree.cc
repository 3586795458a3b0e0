// SPDX-License-Identifier: Apache-2.0
#include "tests/tidy/tree.h"

#include <fstream>
#include <regex>
#include <sstream>

namespace sluice::tidy {
namespace {

namespace fs = std::filesystem;

// Larger files are data.
constexpr std::uintmax_t kTextBytesMax = 4u << 20;

std::string Read(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

}  // namespace

std::string Finding::Text() const {
  return line == 0 ? path + ": " + what : path + ":" + std::to_string(line) + ": " + what;
}

std::string File::Name() const {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

std::string File::Folder() const {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

bool File::EndsWith(const std::string& ending) const {
  return path.size() >= ending.size() &&
         path.compare(path.size() - ending.size(), ending.size(), ending) == 0;
}

bool File::IsCpp() const { return EndsWith(".h") || EndsWith(".cc") || EndsWith(".c"); }

bool File::IsScript() const {
  return text.rfind("#!", 0) == 0 || EndsWith(".sh") || EndsWith(".bash") || EndsWith(".py");
}

bool File::IsCMake() const { return EndsWith(".cmake") || Name() == "CMakeLists.txt"; }

Tree::Tree(const fs::path& root) {
  for (const fs::directory_entry& entry : fs::directory_iterator(root)) {
    const std::string name = entry.path().filename().string();
    top_.insert(name);
    if (name != "build" && name != ".git") Load(root, entry.path());
  }
}

void Tree::Load(const fs::path& root, const fs::path& path) {
  const std::string below = path.lexically_relative(root).generic_string();
  if (fs::is_directory(path)) {
    if (path.filename() == "__pycache__") return;
    folders_.insert(below);
    for (const fs::directory_entry& entry : fs::directory_iterator(path)) Load(root, entry.path());
    return;
  }
  // Another process may be editing: a file that vanished meanwhile is no finding.
  std::error_code gone;
  if (!fs::is_regular_file(path, gone) || fs::file_size(path, gone) > kTextBytesMax || gone) return;
  File file;
  file.path = below;
  file.text = Read(path);
  if (file.text.find('\0') != std::string::npos) return;
  file.lines = SplitLines(file.text);
  files_.emplace(below, std::move(file));
}

const File* Tree::Find(const std::string& path) const {
  const auto found = files_.find(path);
  return found == files_.end() ? nullptr : &found->second;
}

bool Tree::HasFilesBelow(const std::string& folder) const {
  const auto first = files_.lower_bound(folder + "/");
  return first != files_.end() && first->first.rfind(folder + "/", 0) == 0;
}

std::vector<std::string> SplitLines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::vector<Include> IncludesOf(const File& file) {
  static const std::regex pattern(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  std::vector<Include> includes;
  for (size_t i = 0; i < file.lines.size(); ++i) {
    std::smatch match;
    if (file.lines[i].find("include") == std::string::npos) continue;
    if (!std::regex_search(file.lines[i], match, pattern)) continue;
    includes.push_back({static_cast<int>(i) + 1, match[1] == "<", match[2]});
  }
  return includes;
}

namespace {

// Blanks one C++ text from left to right. Each Skip starts at the first character of what it skips.
class Blanker {
 public:
  explicit Blanker(const std::string& text) : text_(text), out_(text) {}

  std::string Run() {
    while (at_ < text_.size()) {
      if (Starts("//")) {
        BlankTo(text_.find('\n', at_));
      } else if (Starts("/*")) {
        const size_t end = text_.find("*/", at_ + 2);
        BlankTo(end == std::string::npos ? end : end + 2);
      } else if (text_[at_] == '"') {
        at_ > 0 && text_[at_ - 1] == 'R' ? SkipRawString() : SkipQuoted('"');
      } else if (text_[at_] == '\'' && !IsDigitSeparator()) {
        SkipQuoted('\'');
      } else {
        ++at_;
      }
    }
    return out_;
  }

 private:
  bool Starts(const char* what) const { return text_.compare(at_, 2, what) == 0; }

  // 1'000: between two digits, unlike the quote of a character.
  bool IsDigitSeparator() const {
    return at_ > 0 && at_ + 1 < text_.size() &&
           isxdigit(static_cast<unsigned char>(text_[at_ - 1])) != 0 &&
           isxdigit(static_cast<unsigned char>(text_[at_ + 1])) != 0;
  }

  void BlankTo(size_t end) {
    if (end == std::string::npos) end = text_.size();
    for (; at_ < end; ++at_) {
      if (text_[at_] != '\n') out_[at_] = ' ';
    }
  }

  // The quotes stay, so that what is left still reads as an expression.
  void SkipQuoted(char quote) {
    size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != quote && text_[end] != '\n') {
      end += text_[end] == '\\' ? 2 : 1;
    }
    ++at_;
    BlankTo(std::min(end, text_.size()));
    if (at_ < text_.size()) ++at_;
  }

  void SkipRawString() {
    const size_t open = text_.find('(', at_);
    if (open == std::string::npos) return BlankTo(open);
    const std::string close = ")" + text_.substr(at_ + 1, open - at_ - 1) + "\"";
    const size_t end = text_.find(close, open);
    ++at_;
    BlankTo(end == std::string::npos ? end : end + close.size() - 1);
    if (at_ < text_.size()) ++at_;
  }

  const std::string& text_;
  std::string out_;
  size_t at_ = 0;
};

}  // namespace

std::string BlankCommentsAndLiterals(const std::string& text) { return Blanker(text).Run(); }

}  // namespace sluice::tidy
