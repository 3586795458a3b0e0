// SPDX-License-Identifier: Apache-2.0
//
// The verb `doctor`: can connections be redirected on this machine, and if not, why.
#include "tools/sluice/doctor.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "engine/io/port.h"
#include "sluice/version.h"
#include "tools/sluice/cli.h"
#include "tools/sluice/doctor_acceptance.h"
#include "tools/sluice/exit_codes.h"

namespace sluice::tool {
namespace {

int ExitCodeOf(Severity worst) {
  if (worst == Severity::kFatal) return kExitFatal;
  return worst == Severity::kWarning ? kExitErrors : kExitOk;
}

nlohmann::ordered_json DocumentOf(const DoctorReport& report) {
  nlohmann::ordered_json json;
  json["program"] = absl::StrCat("sluice ", kVersionText);
  json["schema"] = 1;
  json["result"] = SeverityText(report.Worst());
  json["exit_code"] = ExitCodeOf(report.Worst());
  json["findings"] = nlohmann::ordered_json::array();
  for (const Finding& finding : report.findings) {
    nlohmann::ordered_json entry;
    entry["severity"] = SeverityText(finding.severity);
    entry["area"] = finding.area;
    entry["what"] = finding.what;
    if (!finding.advice.empty()) entry["advice"] = finding.advice;
    json["findings"].push_back(entry);
  }
  for (const auto& [area, details] : report.json.items()) json[area] = details;
  return json;
}

void PrintText(const DoctorReport& report) {
  int counts[static_cast<int>(Severity::kFatal) + 1] = {};
  for (const Finding& finding : report.findings) {
    ++counts[static_cast<int>(finding.severity)];
    PrintLine(
        absl::StrFormat("%-8s %s: %s", SeverityText(finding.severity), finding.area, finding.what));
    if (!finding.advice.empty()) PrintLine(absl::StrFormat("%-8s   -> %s", "", finding.advice));
  }
  PrintLine(absl::StrCat("doctor: ", SeverityText(report.Worst()), "; ",
                         counts[static_cast<int>(Severity::kFatal)], " fatal, ",
                         counts[static_cast<int>(Severity::kWarning)], " warnings"));
}

int Doctor(const DoctorOptions& options) {
  DoctorReport report;
  report.facts = LookAtSystem();
  CheckSystem(report);
  CheckPort(report);
  CheckPlatform(options, report);
  CheckListeners(options, report);
  CheckNeighbours(report);
  CheckEmulation(options, report);
  if (options.acceptance) {
    // Whatever was found is what was asked for.
    nlohmann::ordered_json json = DocumentOf(report);
    AddAcceptance(options, report, &json);
    PrintLine(json.dump(1));
    return kExitOk;
  }
  if (options.json) {
    PrintLine(DocumentOf(report).dump(2));
  } else {
    PrintText(report);
  }
  return ExitCodeOf(report.Worst());
}

}  // namespace

void AddDoctorVerb(CLI::App& app, Action& action) {
  CLI::App* verb = app.add_subcommand(
      "doctor", "Say whether connections can be redirected here, and if not, why");
  auto options = std::make_shared<DoctorOptions>();
  verb->footer(
      "Exit codes: 0 fine, 1 something prevents redirection, 2 warnings only, 64 bad usage.\n"
      "With --acceptance: 0 once the document is printed, whatever it says.");
  verb->add_option_function<std::vector<std::string>>(
          "--listen,-l",
          [options](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) {
              const absl::StatusOr<Address> address = Address::Parse(text);
              if (!address.ok())
                throw CLI::ValidationError("--listen", std::string(address.status().message()));
              options->listen.push_back(*address);
            }
          },
          "An address a proxy shall listen on; may be given several times")
      ->type_name("ADDRESS")
      ->expected(1, 64)
      ->allow_extra_args(false);
  verb->add_option_function<std::string>(
          "--platform",
          [options](const std::string& text) {
            options->platform =
                text == "emulated" ? AskedPlatform::kEmulated : AskedPlatform::kReal;
          },
          "Which platform must work; the lack of the other is then only a note")
      ->check(CLI::IsMember({"real", "emulated"}))
      ->type_name("real|emulated")
      ->default_str("real");
  verb->add_flag("--json", options->json, "Print one JSON document instead of text");
  CLI::Option* acceptance = verb->add_flag(
      "--acceptance", options->acceptance,
      "Ask every code in every socket state and print, as JSON, what this machine answers to the "
      "open questions about redirection");
  verb->add_option("--attach", options->attach,
                   "With --acceptance: include a test program's JSON result")
      ->type_name("NAME=FILE")
      ->expected(1, 64)
      ->allow_extra_args(false)
      ->needs(acceptance)
      ->check([](const std::string& text) {
        const std::size_t equals = text.find('=');
        const bool good = equals != 0 && equals != std::string::npos;
        return good ? std::string() : absl::StrCat("'", text, "' is not NAME=FILE");
      });
  verb->callback([&action, options] { action = [options] { return Doctor(*options); }; });
}

}  // namespace sluice::tool
