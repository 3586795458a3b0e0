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
  // Its own: columns are played at the same time.
  std::unique_ptr<Origins> origins = std::make_unique<Origins>();
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

enum class Families { kV4, kV6, kBoth };

// `hops` 1: `sluice run`; more: `sluice chain`, on `platform` none or emulated. `before` begins the
// name.
Column SluiceColumn(const std::string& before, const Launch& launch, int hops,
                    const std::string& platform, Families families);
// From the folder that tools/setup/peers filled.
Column HaproxyColumn(const std::string& peers, const std::string& scratch);
Column NginxColumn(const std::string& peers, const std::string& scratch);
// "NAME=ADDRESS". `tcp_port` of the origin; 0: any.
Column NamedColumn(const std::string& text, int tcp_port);

// Plays through all columns at once; the result is in their order. Empty where it cannot be played.
std::vector<std::vector<Seen>> PlayColumns(const Script& script,
                                           const std::vector<Column*>& columns, int times);

// Ends its programs. Ours are asked what they still hold: "" if nothing, or what they said.
std::string Finish(Column& column);

}  // namespace sluice::wire::transparency

#endif  // SLUICE_TESTS_WIRE_TRANSPARENCY_COLUMN_H_
