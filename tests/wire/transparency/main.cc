// SPDX-License-Identifier: Apache-2.0
//
// transparency: plays the scripts through proxies and prints, or writes, the table.
#if !defined(_WIN32)

#include <sys/utsname.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "tests/wire/transparency/column.h"
#include "tests/wire/transparency/explanations.h"
#include "tests/wire/transparency/report.h"

namespace sluice::wire::transparency {
namespace {

constexpr const char* kUsage =
    "usage: transparency [flag...]      plays the scripts directly and through proxies\n"
    "  --windows           sluice.exe of the preset windows too, under Wine\n"
    "  --peers FOLDER      HAProxy and nginx too, as tools/setup/peers left them there\n"
    "  --proxy NAME=ADDR   a proxy that runs already and leads to the origin; may be repeated\n"
    "  --origin PORT       the origin's IPv4 port, for --proxy; default any, printed\n"
    "  --no-sluice         leaves ours out\n"
    "  --plays N           through each proxy; default 5\n"
    "  --only TEXT         scripts whose name has TEXT in it\n"
    "  --list              prints the scripts' names\n"
    "  --write FILE        the table as Markdown\n"
    "Run it from the top of the tree. Exit 0: no difference of ours is without a reason.\n";

struct Options {
  bool windows = false;
  bool ours = true;
  bool list = false;
  std::string peers;
  std::vector<std::string> proxies;
  int origin = 0;
  int plays = 5;
  std::string only;
  std::string write;
};

bool Parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--windows") {
      options.windows = true;
    } else if (flag == "--no-sluice") {
      options.ours = false;
    } else if (flag == "--list") {
      options.list = true;
    } else if (i + 1 == argc) {
      return false;
    } else if (const std::string value = argv[++i]; flag == "--peers") {
      options.peers = std::filesystem::absolute(value).string();
    } else if (flag == "--proxy") {
      options.proxies.push_back(value);
    } else if (flag == "--origin") {
      options.origin = std::atoi(value.c_str());
    } else if (flag == "--plays") {
      options.plays = std::max(1, std::atoi(value.c_str()));
    } else if (flag == "--only") {
      options.only = value;
    } else if (flag == "--write") {
      options.write = value;
    } else {
      return false;
    }
  }
  return true;
}

std::vector<Column> Columns(const Options& options, const std::string& scratch) {
  std::vector<Column> columns;
  const auto ours = [&](const std::string& name, const Launch& launch) {
    columns.push_back(SluiceColumn(name, launch, 1, "none", Families::kBoth));
    columns.push_back(SluiceColumn(name, launch, 4, "none", Families::kBoth));
    columns.push_back(SluiceColumn(name, launch, 4, "emulated", Families::kBoth));
  };
  if (options.ours) ours("sluice", EnvironmentLaunch());
  if (options.windows) {
    ours("sluice.exe (Wine)", Launch{{"tools/wine-run", "build/windows/bin/sluice.exe"}, true});
  }
  if (!options.peers.empty()) {
    columns.push_back(HaproxyColumn(options.peers, scratch));
    columns.push_back(NginxColumn(options.peers, scratch));
  }
  for (const std::string& text : options.proxies)
    columns.push_back(NamedColumn(text, options.origin));
  return columns;
}

std::string FirstLineOf(const std::vector<std::string>& words) {
  Program program(words);
  program.Wait(Duration(60000));
  const std::string text = program.out() + program.err();
  return text.substr(0, text.find('\n'));
}

std::string MadeBy(const Options& options) {
  utsname system{};
  uname(&system);
  char date[32];
  const std::time_t now = std::time(nullptr);
  std::strftime(date, sizeof(date), "%Y-%m-%d", std::gmtime(&now));
  std::string cpu = "unknown";
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("model name", 0) != 0) continue;
    cpu = line.substr(line.find(':') + 2);
    break;
  }
  std::string text = std::string("Made ") + date + " on " + system.sysname + " " + system.release +
                     ", " + cpu + ", " + std::to_string(std::thread::hardware_concurrency()) +
                     " cores; " + std::to_string(options.plays) + " plays a cell; " +
                     FirstLineOf(Program::Sluice({"version"}));
  if (options.windows) text += "; " + FirstLineOf({"sh", "-c", "wine --version 2>/dev/null"});
  if (!options.peers.empty()) {
    const std::string root = options.peers;
    const std::string libraries = "LD_LIBRARY_PATH=" + root + "/usr/lib/x86_64-linux-gnu";
    text += "; " + FirstLineOf({"env", libraries, root + "/usr/sbin/haproxy", "-v"});
    text += "; " + FirstLineOf({"env", libraries, root + "/usr/sbin/nginx", "-v"});
  }
  return text + ".";
}

Row PlayRow(const Script& script, std::vector<Column>& columns, Direct& direct,
            const Options& options) {
  Row row;
  row.script = &script;
  std::vector<Column*> all;
  for (Column& column : columns) all.push_back(&column);
  const std::vector<std::vector<Seen>> plays = PlayColumns(script, all, options.plays);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    Cell cell;
    cell.played = !plays[i].empty();
    cell.verdict = Judge(script, plays[i], direct);
    if (!cell.verdict.same) {
      const Explained explained = Explain(script, columns[i], cell.verdict, direct.Known(script));
      cell.unavoidable = explained.unavoidable;
      cell.reason = explained.reason;
    }
    row.cells.push_back(cell);
  }
  row.direct = direct.Known(script);
  return row;
}

// Ours, not explained.
bool IsBad(const Column& column, const Cell& cell) {
  return column.maker == "sluice" && cell.played && !cell.verdict.same && cell.reason.empty();
}

void PrintSeen(const Row& row, const std::vector<Column>& columns) {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    for (const Seen& seen : row.cells[i].verdict.others) {
      std::printf("    %s: %s\n", columns[i].name.c_str(), seen.ToString().c_str());
    }
  }
  for (const Cell& cell : row.cells) {
    if (cell.verdict.same) continue;
    for (const Seen& seen : row.direct) std::printf("    directly: %s\n", seen.ToString().c_str());
    return;
  }
}

int Run(const Options& options) {
  std::string scratch = (std::filesystem::temp_directory_path() / "transparency-XXXXXX").string();
  if (mkdtemp(scratch.data()) == nullptr) return 1;
  std::vector<Column> columns = Columns(options, scratch);
  Origins origins;
  Direct direct(origins, Duration(3000));
  Report report;
  report.made_by = MadeBy(options);
  int bad = 0;
  for (const Column& column : columns) {
    report.columns.push_back(column.name);
    std::printf("%s: origin %s and %s\n", column.name.c_str(), column.origins->v4.address().c_str(),
                column.origins->v6.address().c_str());
    if (!column.problem.empty()) {
      std::printf("%s: cannot be played: %s\n", column.name.c_str(), column.problem.c_str());
      ++bad;
    }
  }
  std::printf("%s\n", TextHead(report).c_str());
  for (const Script& script : Scripts()) {
    if (script.name.find(options.only) == std::string::npos) continue;
    report.rows.push_back(PlayRow(script, columns, direct, options));
    const Row& row = report.rows.back();
    std::printf("%s\n", TextRow(report, row).c_str());
    PrintSeen(row, columns);
    std::fflush(stdout);
    for (std::size_t i = 0; i < columns.size(); ++i) bad += IsBad(columns[i], row.cells[i]) ? 1 : 0;
  }
  std::printf("%s\n", TextScore(report).c_str());
  for (Column& column : columns) {
    const std::string held = Finish(column);
    if (held.empty()) continue;
    std::printf("%s: at the end: %s\n", column.name.c_str(), held.c_str());
    ++bad;
  }
  std::filesystem::remove_all(scratch);
  if (!options.write.empty()) std::ofstream(options.write) << Markdown(report);
  return bad == 0 ? 0 : 1;
}

}  // namespace
}  // namespace sluice::wire::transparency

int main(int argc, char** argv) {
  using namespace sluice::wire::transparency;
  Options options;
  if (!Parse(argc, argv, options)) {
    std::fputs(kUsage, stderr);
    return 64;
  }
  if (options.list) {
    for (const Script& script : Scripts()) std::printf("%s\n", script.name.c_str());
    return 0;
  }
  return Run(options);
}

#else
int main() { return 0; }
#endif
