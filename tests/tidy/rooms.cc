// SPDX-License-Identifier: Apache-2.0
#include "tests/tidy/rooms.h"

#include <algorithm>
#include <regex>
#include <set>

namespace sluice::tidy {
namespace {

constexpr size_t kReadmeLinesMax = 30;
// What embedders see has a manual.
constexpr size_t kManualLinesMax = 200;

using Names = std::vector<std::string>;

Names operator+(Names left, const Names& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

bool Contains(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool StartsWith(const std::string& text, const std::string& start) {
  return text.rfind(start, 0) == 0;
}

bool IsWindowsHeader(const std::string& path) {
  static const std::regex pattern(
      R"((winsock2?|windows|mswsock|ws2tcpip|ws2ipdef|mstcpip|iphlpapi|winternl|winsvc|winbase|winnt|ntstatus|bcrypt)\.h)",
      std::regex::icase);
  return std::regex_match(path, pattern);
}

// Standard C++ headers have neither folder nor ending; these C headers are in the C ABI.
bool IsStandardHeader(const std::string& path) {
  return path.find_first_of("./") == std::string::npos || path == "stdint.h" ||
         path == "stddef.h" || path == "stdbool.h";
}

// Empty if the room may include it.
std::string ObjectionToOutside(const Room& room, const Include& include) {
  if (IsStandardHeader(include.path) || StartsWith(include.path, "absl/")) return "";
  if (room.os == OsHeaders::kNone) return "is neither std, Abseil nor a room";
  if (room.os == OsHeaders::kWindows && !IsWindowsHeader(include.path))
    return "is no Windows header";
  if (room.os == OsHeaders::kLinux && IsWindowsHeader(include.path)) return "is a Windows header";
  return "";
}

std::string Objection(const Room& room, const Include& include) {
  if (!StartsWith(include.path, "engine/") && !StartsWith(include.path, "sluice/")) {
    return ObjectionToOutside(room, include);
  }
  if (StartsWith(include.path, "engine/include/")) return "must be written as \"sluice/...\"";
  const Room* other = RoomOf(include.path);
  if (other == nullptr) return "belongs to no room";
  if (other == &room || other->folder == "include" || Contains(room.include, other->folder))
    return "";
  return "room " + room.folder + " may not include room " + other->folder;
}

std::vector<Room> MakeRooms() {
  const Names io = {"io", "base", "memory", "metrics"};
  const Names redirect = Names{"redirect"} + io;
  const Names flow = Names{"net", "inspect"} + redirect;
  const Names runtime = Names{"flow", "redirect/wfp", "redirect/emulated", "redirect/none"} + flow;
  return {
      {"include", {}},
      {"base", {}},
      {"memory", {"base"}},
      {"metrics", {"base"}},
      {"io", {"base", "memory", "metrics"}},
      {"io/windows", io, OsHeaders::kWindows},
      {"io/linux", io, OsHeaders::kLinux},
      {"io/sim", io},
      {"net", io},
      {"redirect", io},
      {"redirect/wfp", redirect},
      {"redirect/emulated", redirect},
      {"redirect/none", redirect},
      {"inspect", {"base", "memory"}},
      {"flow", flow},
      {"runtime", runtime},
      {"api", Names{"runtime"} + runtime},
      {"capi", {}},  // on the public C++ API alone
  };
}

}  // namespace

const std::vector<Room>& Rooms() {
  static const std::vector<Room>* rooms = new std::vector<Room>(MakeRooms());
  return *rooms;
}

const Room* RoomOf(const std::string& path) {
  const std::string full = StartsWith(path, "sluice/") ? "engine/include/" + path : path;
  const Room* best = nullptr;
  for (const Room& room : Rooms()) {
    if (!StartsWith(full, "engine/" + room.folder + "/")) continue;
    if (best == nullptr || room.folder.size() > best->folder.size()) best = &room;
  }
  return best;
}

Findings CheckIncludes(const Tree& tree) {
  Findings findings;
  for (const auto& [path, file] : tree.files()) {
    if (!StartsWith(path, "engine/") || !file.IsCpp()) continue;
    const Room* room = RoomOf(path);
    if (room == nullptr) {
      findings.push_back({path, 0, "lies in no room; see the table in tests/tidy/rooms.cc"});
      continue;
    }
    for (const Include& include : IncludesOf(file)) {
      const std::string objection = Objection(*room, include);
      if (!objection.empty())
        findings.push_back({path, include.line, include.path + ": " + objection});
    }
  }
  return findings;
}

namespace {

// The folders that engine/CMakeLists.txt gives to sluice_room, as "engine/io".
std::set<std::string> CompiledFolders(const Tree& tree) {
  std::set<std::string> folders;
  const File* cmake = tree.Find("engine/CMakeLists.txt");
  if (cmake == nullptr) return folders;
  static const std::regex pattern(R"(\bDIR\s+([a-z_/]+))");
  const std::sregex_iterator end;
  for (std::sregex_iterator at(cmake->text.begin(), cmake->text.end(), pattern); at != end; ++at) {
    folders.insert("engine/" + (*at)[1].str());
  }
  return folders;
}

// The files that others include, as paths below the top.
std::set<std::string> IncludedFiles(const Tree& tree) {
  std::set<std::string> included;
  for (const auto& [path, file] : tree.files()) {
    if (!file.IsCpp()) continue;
    for (const Include& include : IncludesOf(file)) {
      const std::string target =
          StartsWith(include.path, "sluice/") ? "engine/include/" + include.path : include.path;
      if (target != path) included.insert(target);
    }
  }
  return included;
}

}  // namespace

Findings CheckDeadFiles(const Tree& tree) {
  Findings findings;
  const std::set<std::string> compiled = CompiledFolders(tree);
  const std::set<std::string> included = IncludedFiles(tree);
  for (const auto& [path, file] : tree.files()) {
    if (!StartsWith(path, "engine/") || !file.IsCpp() || included.count(path) != 0) continue;
    if (file.EndsWith(".h")) {
      findings.push_back({path, 0, "no file includes this header"});
    } else if (!file.EndsWith(".cc") || compiled.count(file.Folder()) == 0) {
      findings.push_back({path, 0, "no sluice_room() compiles this file"});
    }
  }
  return findings;
}

Findings CheckReadmes(const Tree& tree) {
  Findings findings;
  for (const Room& room : Rooms()) {
    const std::string folder = "engine/" + room.folder;
    if (!tree.HasFilesBelow(folder)) continue;
    const File* readme = tree.Find(folder + "/README.md");
    if (readme == nullptr) {
      findings.push_back({folder, 0, "has no README.md"});
      continue;
    }
    const size_t most = room.folder == "include" ? kManualLinesMax : kReadmeLinesMax;
    if (readme->lines.size() > most) {
      findings.push_back({readme->path, 0,
                          "has " + std::to_string(readme->lines.size()) + " lines; at most " +
                              std::to_string(most) + ", so that it is read"});
    }
  }
  return findings;
}

}  // namespace sluice::tidy
