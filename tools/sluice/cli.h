// SPDX-License-Identifier: Apache-2.0
//
// How verbs describe their flags. A verb registers itself with Add*Verb: options go to a struct of
// its own, and once the command line is parsed the chosen verb's action runs and returns the exit
// code. Values are read by units.h; an error names the flag, what was written, and what would be
// right. Main thread.
#ifndef SLUICE_TOOLS_CLI_H_
#define SLUICE_TOOLS_CLI_H_

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/base/clock.h"
#include "sluice/address.h"

namespace sluice::tool {

// What main runs after parsing; empty until a verb was chosen.
using Action = std::function<int()>;

void AddRunVerb(CLI::App& app, Action& action);
void AddChainVerb(CLI::App& app, Action& action);
void AddEchoVerb(CLI::App& app, Action& action);
void AddLoadVerb(CLI::App& app, Action& action);
void AddDoctorVerb(CLI::App& app, Action& action);
void AddVersionVerb(CLI::App& app, Action& action);

// A command line, read. Nothing has run or was printed.
struct Command {
  Action action;      // empty when there is nothing to run
  int exit_code = 0;  // when there is no action
  std::string error;  // for standard error, one line
  std::string help;   // for standard output
};
Command ParseCommand(int argc, char** argv);
// The whole program; what main.cc calls.
int ProgramMain(int argc, char** argv);

// "sluice: <text>" and a line end on standard error.
void PrintError(absl::string_view text);
// One line on standard output, at once: others wait for it.
void PrintLine(absl::string_view text);

struct CountRange {
  std::uint64_t min = 0;
  std::uint64_t max = std::numeric_limits<std::uint64_t>::max();
};

// `out` already holds the default, which the help shows.
CLI::Option* AddDuration(CLI::App* app, const std::string& flag, Nanos* out,
                         const std::string& help);
CLI::Option* AddCount(CLI::App* app, const std::string& flag, std::uint64_t* out, CountRange range,
                      const std::string& help);
CLI::Option* AddSize(CLI::App* app, const std::string& flag, std::uint64_t* out, CountRange range,
                     const std::string& help);
// One of `names`; `out` is its index.
CLI::Option* AddChoice(CLI::App* app, const std::string& flag, absl::Span<const char* const> names,
                       std::size_t* out, const std::string& help);
// An address with a TCP port. To listen on, port 0 is any free one; to connect to, it is refused,
// and an address of every interface (as in `:80`) means the loopback one.
enum class AddressUse { kListen, kConnect };
CLI::Option* AddAddress(CLI::App* app, const std::string& flag, Address* out, AddressUse use,
                        const std::string& help);
// The same, any number of them; `flag` may name a positional argument, too.
CLI::Option* AddAddresses(CLI::App* app, const std::string& flag, std::vector<Address>* out,
                          AddressUse use, const std::string& help);
CLI::Option* AddSources(CLI::App* app, const std::string& flag, std::vector<Address>* out,
                        const std::string& help);

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_CLI_H_
