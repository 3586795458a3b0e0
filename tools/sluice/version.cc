// SPDX-License-Identifier: Apache-2.0
//
// The verb `version`.
#include "sluice/version.h"

#include "absl/strings/str_cat.h"
#include "engine/io/port.h"
#include "tools/sluice/cli.h"
#include "tools/sluice/exit_codes.h"

namespace sluice::tool {

void AddVersionVerb(CLI::App& app, Action& action) {
  CLI::App* verb =
      app.add_subcommand("version", "Print the version and what this program is built on");
  verb->callback([&action] {
    action = [] {
      PrintLine(absl::StrCat("sluice ", kVersionText, " (", io::Port::BackendName(), ")"));
      return kExitOk;
    };
  });
}

}  // namespace sluice::tool
