// SPDX-License-Identifier: Apache-2.0
//
// Column: a way from clients to the origins, and the programs that make it. One thread.
#ifndef SLUICE_TESTS_WIRE_TRANSPARENCY_COLUMN_H_
#define SLUICE_TESTS_WIRE_TRANSPARENCY_COLUMN_H_

#include <memory>
#include <string>
#include <vector>

#include "tests/wire/program.h"
#include "tests/wire/transparency/play.h"

namespace sluice::wire::transparency {

struct Column {
  std::string name;
  std::string maker;  // "sluice", or another program: whose explanations hold
  bool wine = false;
  Way way;
  std::vector<std::unique_ptr<Program>> programs;
  std::string problem;  // why it could not be made; then it has no way
};

// How to start sluice: words before its verb.
struct Launch {
  std::vector<std::string> words;
  bool wine = false;
};
// As the environment says (SLUICE_PROGRAM, SLUICE_LAUNCHER).
Launch EnvironmentLaunch();

// `hops` 1: `sluice run`; more: `sluice chain`, on `platform` none or emulated. `before` begins the
// name.
Column SluiceColumn(const std::string& before, const Launch& launch, int hops,
                    const std::string& platform, const Origins& origins);
// From the folder that tools/setup/peers filled.
Column HaproxyColumn(const std::string& peers, const std::string& scratch, const Origins& origins);
Column NginxColumn(const std::string& peers, const std::string& scratch, const Origins& origins);
// "NAME=ADDRESS".
Column NamedColumn(const std::string& text);

// Ends its programs. Ours are asked what they still hold: "" if nothing, or what they said.
std::string Finish(Column& column);

}  // namespace sluice::wire::transparency

#endif  // SLUICE_TESTS_WIRE_TRANSPARENCY_COLUMN_H_
