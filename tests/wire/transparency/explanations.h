// SPDX-License-Identifier: Apache-2.0
//
// Differences from direct TCP that are known, and why they are. The test accepts ours and no
// others.
#ifndef SLUICE_TESTS_WIRE_TRANSPARENCY_EXPLANATIONS_H_
#define SLUICE_TESTS_WIRE_TRANSPARENCY_EXPLANATIONS_H_

#include <set>
#include <string>
#include <vector>

#include "tests/wire/transparency/column.h"

namespace sluice::wire::transparency {

// How what was seen differs from what direct TCP shows. A reason holds for one shape only, so that
// a script that begins to differ in another way is noticed.
enum class Shape {
  kConnectedThenReset,  // where it would have been refused
  kConnectedThenFin,
  kResetAsFin,    // an end saw FIN where it would have seen RST
  kResetUnheard,  // an end that asked its socket heard of no reset
  kFinAsReset,    // the server saw RST where it would have seen FIN
  kBytesLost,     // an end saw the RST, but not the bytes before it
  kNeverCame,     // the server saw no connection; the client saw what it sees directly
};

struct Explanation {
  std::string scripts;  // a name, where * stands for anything
  std::string maker;    // of the column; "*": of every proxy
  bool wine_only = false;
  bool unavoidable = false;  // a proxy in the middle cannot know better: counted as explained
  Shape shape = Shape::kResetAsFin;
  std::string reason;
};

const std::vector<Explanation>& Explanations();

struct Explained {
  bool unavoidable = false;  // all of it
  std::string reason;        // of each difference; empty: not every difference has one
};
// REQUIRES: `verdict` is not "same".
Explained Explain(const Script& script, const Column& column, const Verdict& verdict,
                  const std::set<Seen>& direct);

}  // namespace sluice::wire::transparency

#endif  // SLUICE_TESTS_WIRE_TRANSPARENCY_EXPLANATIONS_H_
