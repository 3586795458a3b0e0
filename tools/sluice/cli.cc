// SPDX-License-Identifier: Apache-2.0
#include "tools/sluice/cli.h"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/sluice/exit_codes.h"
#include "tools/sluice/os.h"
#include "tools/sluice/units.h"

namespace sluice::tool {
namespace {

// "--idle-timeout,-i" -> "--idle-timeout".
std::string FlagName(const std::string& flag) { return flag.substr(0, flag.find(',')); }

[[noreturn]] void Refuse(const std::string& flag, absl::string_view why) {
  throw CLI::ValidationError(FlagName(flag), std::string(why));
}

// Registers `flag` with a parser that returns a StatusOr.
template <typename T, typename Parse>
CLI::Option* AddParsed(CLI::App* app, const std::string& flag, T* out, const std::string& help,
                       Parse parse) {
  return app->add_option_function<std::string>(
      flag,
      [flag, out, parse](const std::string& text) {
        auto value = parse(text);
        if (!value.ok()) Refuse(flag, value.status().message());
        *out = *std::move(value);
      },
      help);
}

template <typename Parse>
CLI::Option* AddRanged(CLI::App* app, const std::string& flag, std::uint64_t* out, CountRange range,
                       const std::string& help, Parse parse) {
  return app->add_option_function<std::string>(
      flag,
      [flag, out, range, parse](const std::string& text) {
        const absl::StatusOr<std::uint64_t> value = parse(text);
        if (!value.ok()) Refuse(flag, value.status().message());
        if (*value < range.min)
          Refuse(flag, absl::StrCat("'", text, "' is too small: at least ", range.min));
        if (*value > range.max)
          Refuse(flag, absl::StrCat("'", text, "' is too large: at most ", range.max));
        *out = *value;
      },
      help);
}

absl::StatusOr<Address> ReadAddress(const std::string& text, AddressUse use) {
  absl::StatusOr<Address> address = Address::Parse(text);
  if (!address.ok() || use == AddressUse::kListen) return address;
  if (address->tcp_port() == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' has port 0, where nobody listens"));
  }
  if (address->IsWildcard())
    return Address::Loopback(address->Canonical().family(), address->tcp_port());
  return address;
}

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

// CLI11 lists what it could not place backwards and does not name an unknown verb at all.
std::string Explain(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  const std::vector<std::string> unplaced = app.remaining(/*recurse=*/true);
  const bool verb_missing = app.get_subcommands().empty();
  std::string culprit;
  for (int i = argc - 1; i > 0; --i) {
    const std::string word = argv[i];
    if (std::find(unplaced.begin(), unplaced.end(), word) == unplaced.end()) continue;
    // A flag nobody knows leaves its value over, too.
    if (culprit.empty() || word[0] == '-' || culprit[0] != '-') culprit = word;
  }
  if (!culprit.empty() && verb_missing && culprit[0] != '-')
    return absl::StrCat("'", culprit, "' is not a verb");
  if (!culprit.empty())
    return absl::StrCat("'", culprit, "' is not a flag here, and no flag before it takes it");
  if (verb_missing) return "no verb given: run, chain, echo, load, doctor or version";
  return FirstLine(error.what());
}

void Parse(CLI::App& app, int argc, char** argv, Command* command) {
  std::ostringstream help_text;
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    command->exit_code = app.exit(help, help_text, help_text);
  } catch (const CLI::CallForAllHelp& help) {
    command->exit_code = app.exit(help, help_text, help_text);
  } catch (const CLI::ParseError& error) {
    const std::vector<CLI::App*> verbs = app.get_subcommands();
    const std::string verb = verbs.empty() ? "" : absl::StrCat(" ", verbs.front()->get_name());
    command->error =
        absl::StrCat(Explain(app, error, argc, argv), " (see sluice", verb, " --help)");
    command->exit_code = kExitUsage;
    command->action = nullptr;
  }
  command->help = help_text.str();
}

}  // namespace

void PrintError(absl::string_view text) {
  std::fprintf(stderr, "sluice: %.*s\n", static_cast<int>(text.size()), text.data());
  std::fflush(stderr);
}

void PrintLine(absl::string_view text) {
  std::fprintf(stdout, "%.*s\n", static_cast<int>(text.size()), text.data());
  std::fflush(stdout);
}

CLI::Option* AddDuration(CLI::App* app, const std::string& flag, Nanos* out,
                         const std::string& help) {
  return AddParsed(app, flag, out, help, &ParseDuration)
      ->type_name("DURATION")
      ->default_str(FormatDuration(*out));
}

CLI::Option* AddCount(CLI::App* app, const std::string& flag, std::uint64_t* out, CountRange range,
                      const std::string& help) {
  return AddRanged(app, flag, out, range, help, &ParseCount)
      ->type_name("COUNT")
      ->default_str(absl::StrCat(*out));
}

CLI::Option* AddSize(CLI::App* app, const std::string& flag, std::uint64_t* out, CountRange range,
                     const std::string& help) {
  return AddRanged(app, flag, out, range, help, &ParseSize)
      ->type_name("BYTES")
      ->default_str(absl::StrCat(*out));
}

CLI::Option* AddChoice(CLI::App* app, const std::string& flag, absl::Span<const char* const> names,
                       std::size_t* out, const std::string& help) {
  const std::vector<std::string> all(names.begin(), names.end());
  const auto parse = [all](const std::string& text) -> absl::StatusOr<std::size_t> {
    const auto found = std::find(all.begin(), all.end(), text);
    if (found != all.end()) return static_cast<std::size_t>(found - all.begin());
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is none of ", absl::StrJoin(all, ", ")));
  };
  return AddParsed(app, flag, out, help, parse)
      ->type_name(absl::StrJoin(all, "|"))
      ->default_str(all[*out]);
}

CLI::Option* AddAddress(CLI::App* app, const std::string& flag, Address* out, AddressUse use,
                        const std::string& help) {
  return AddParsed(app, flag, out, help,
                   [use](const std::string& text) { return ReadAddress(text, use); })
      ->type_name("ADDRESS");
}

CLI::Option* AddAddresses(CLI::App* app, const std::string& flag, std::vector<Address>* out,
                          AddressUse use, const std::string& help) {
  return app
      ->add_option_function<std::vector<std::string>>(
          flag,
          [flag, out, use](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) {
              const absl::StatusOr<Address> address = ReadAddress(text, use);
              if (!address.ok()) Refuse(flag, address.status().message());
              out->push_back(*address);
            }
          },
          help)
      ->type_name("ADDRESS");
}

CLI::Option* AddSources(CLI::App* app, const std::string& flag, std::vector<Address>* out,
                        const std::string& help) {
  return AddParsed(app, flag, out, help, &ParseSources)->type_name("ADDRESS[,...]");
}

Command ParseCommand(int argc, char** argv) {
  CLI::App app("Sluice, a proxy engine on a completion-port model", "sluice");
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Show the flags of all verbs");
  app.option_defaults()->always_capture_default(false);
  app.failure_message(CLI::FailureMessage::simple);

  Command command;
  AddRunVerb(app, command.action);
  AddChainVerb(app, command.action);
  AddEchoVerb(app, command.action);
  AddLoadVerb(app, command.action);
  AddDoctorVerb(app, command.action);
  AddVersionVerb(app, command.action);
  Parse(app, argc, argv, &command);
  return command;
}

int ProgramMain(int argc, char** argv) {
  const Command command = ParseCommand(argc, argv);
  if (!command.error.empty()) PrintError(command.error);
  std::fputs(command.help.c_str(), stdout);
  std::fflush(stdout);
  if (!command.action) return command.exit_code;
  RaiseHandleLimit();
  try {
    return command.action();
  } catch (const std::exception& error) {
    PrintError(error.what());
    return kExitFatal;
  }
}

}  // namespace sluice::tool
