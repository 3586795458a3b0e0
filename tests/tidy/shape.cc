// SPDX-License-Identifier: Apache-2.0
#include "tests/tidy/shape.h"

#include <algorithm>
#include <regex>
#include <set>

namespace sluice::tidy {
namespace {

// Preprocessor lines carry braces that belong to nobody here.
std::string BlankDirectives(const std::string& text) {
  std::string out;
  bool continued = false;
  for (std::string line : SplitLines(text)) {
    const size_t first = line.find_first_not_of(" \t");
    const bool directive = continued || (first != std::string::npos && line[first] == '#');
    continued = directive && !line.empty() && line.back() == '\\';
    if (directive) line.assign(line.size(), ' ');
    out += line + "\n";
  }
  return out;
}

// "template <class T> void F()" -> "void F()", so that its words do not look like a class.
std::string WithoutTemplateHeads(std::string head) {
  static const std::regex start(R"(^\s*template\s*<)");
  for (std::smatch match; std::regex_search(head, match, start);) {
    int depth = 1;
    size_t at = static_cast<size_t>(match.length(0));
    for (; at < head.size() && depth > 0; ++at) {
      if (head[at] == '<') ++depth;
      if (head[at] == '>') --depth;
    }
    head.erase(0, at);
  }
  return head;
}

enum class Scope {
  kOuter,
  kFunction,
  kInner
};  // Namespace or class; function; a block or list in either.

// What the text before an opening brace makes of it, outside of functions.
Scope ScopeOf(const std::string& raw_head) {
  static const std::regex outer(
      R"(^\s*(inline\s+)?(namespace|class|struct|union|enum|extern|concept)\b)");
  const std::string head = WithoutTemplateHeads(raw_head);
  if (std::regex_search(head, outer)) return Scope::kOuter;
  const size_t last = head.find_last_not_of(' ');
  if (last != std::string::npos && head[last] == '=') return Scope::kInner;
  return head.find('(') != std::string::npos ? Scope::kFunction : Scope::kInner;
}

// "public:" and its like: what follows is a head of its own.
bool IsAccessSpecifier(const std::string& head) {
  static const std::regex access(R"(^\s*(public|protected|private):$)");
  return head.size() < 40 && std::regex_search(head, access);
}

// The word before the first parenthesis; for TEST(A, B) the whole of it.
std::string NameOf(const std::string& raw_head) {
  const std::string head = WithoutTemplateHeads(raw_head);
  static const std::regex test(R"((\w*TEST\w*\([^)]*\)))");
  static const std::regex name(R"(([~\w:]+)\s*\()");
  std::smatch match;
  if (std::regex_search(head, match, test) || std::regex_search(head, match, name)) return match[1];
  return "(unnamed)";
}

}  // namespace

std::vector<Function> FunctionsOf(const std::string& text) {
  const std::string code = BlankDirectives(BlankCommentsAndLiterals(text));
  std::vector<Function> functions;
  std::vector<Scope> scopes;
  std::string head;  // What was written since the last statement or scope ended.
  int line = 1;
  bool in_function = false;
  for (size_t i = 0; i < code.size(); ++i) {
    const char c = code[i];
    if (c == '\n') ++line;
    if (c == '{') {
      // clang-format puts a space before the brace of a body, none before that of an initialiser.
      const bool is_list = i > 0 && code[i - 1] != ' ' && code[i - 1] != '\n';
      const Scope scope = in_function || is_list ? Scope::kInner : ScopeOf(head);
      if (scope == Scope::kFunction) {
        functions.push_back({NameOf(head), line, 0});
        in_function = true;
      }
      if (scope == Scope::kOuter) head.clear();
      scopes.push_back(scope);
    } else if (c == '}') {
      if (scopes.empty()) continue;
      if (scopes.back() == Scope::kFunction) {
        functions.back().lines = line - functions.back().first_line + 1;
        in_function = false;
      }
      // An initialiser's end is in the middle of a head: "Foo() : a_{1} {".
      if (scopes.back() != Scope::kInner) head.clear();
      scopes.pop_back();
    } else if (c == ';' && !in_function) {
      head.clear();
    } else if (!in_function) {
      head += c == '\n' ? ' ' : c;
      if (c == ':' && IsAccessSpecifier(head)) head.clear();
    }
  }
  return functions;
}

const std::vector<SizeException>& SizeExceptions() {
  static const std::vector<SizeException>* exceptions = new std::vector<SizeException>{};
  return *exceptions;
}

namespace {

// Applies the limit or its exception; remembers which exceptions were needed.
class Ruler {
 public:
  Ruler(const std::vector<SizeException>& exceptions, Findings& findings)
      : exceptions_(exceptions), needed_(exceptions.size(), false), findings_(findings) {}

  void Measure(const File& file, const std::string& function, int line, int lines, int limit) {
    if (lines <= limit) return;
    for (size_t i = 0; i < exceptions_.size(); ++i) {
      if (exceptions_[i].path != file.path || exceptions_[i].function != function) continue;
      needed_[i] = true;
      limit = exceptions_[i].lines_max;
    }
    if (lines <= limit) return;
    findings_.push_back({file.path, line,
                         (function.empty() ? "the file" : function) + " has " +
                             std::to_string(lines) + " lines; at most " + std::to_string(limit)});
  }

  void ReportUnneeded() {
    for (size_t i = 0; i < exceptions_.size(); ++i) {
      if (needed_[i]) continue;
      findings_.push_back(
          {exceptions_[i].path, 0,
           "the size exception for '" + exceptions_[i].function + "' is no longer needed"});
    }
  }

 private:
  const std::vector<SizeException>& exceptions_;
  std::vector<bool> needed_;
  Findings& findings_;
};

}  // namespace

Findings CheckSizes(const Tree& tree, const std::vector<SizeException>& exceptions) {
  Findings findings;
  Ruler ruler(exceptions, findings);
  for (const auto& [path, file] : tree.files()) {
    if (!file.IsCpp() && !file.IsScript() && !file.IsCMake()) continue;
    ruler.Measure(file, "", 0, static_cast<int>(file.lines.size()), kFileLinesMax);
    if (!file.IsCpp()) continue;
    for (const Function& function : FunctionsOf(file.text)) {
      ruler.Measure(file, function.name, function.first_line, function.lines, kFunctionLinesMax);
    }
  }
  ruler.ReportUnneeded();
  return findings;
}

}  // namespace sluice::tidy
