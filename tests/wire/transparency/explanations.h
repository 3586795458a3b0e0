// SPDX-License-Identifier: Apache-2.0
//
// Differences from direct TCP that are known, and why they are. The test accepts ours and no
// others.
#ifndef SLUICE_TESTS_WIRE_TRANSPARENCY_EXPLANATIONS_H_
#define SLUICE_TESTS_WIRE_TRANSPARENCY_EXPLANATIONS_H_

#include <string>
#include <vector>

#include "tests/wire/transparency/column.h"

namespace sluice::wire::transparency {

struct Explanation {
  std::string scripts;  // names that begin or end so: "Server*", "*AfterItsFin"; "*": all
  std::string maker;    // of the column; "*": of every proxy
  bool wine_only = false;
  bool unavoidable = false;  // a proxy in the middle cannot know better: counted as explained
  std::string client;        // holds only if this is all that clients saw; empty: whatever they saw
  std::string reason;
};

const std::vector<Explanation>& Explanations();
// The first that fits, or null.
const Explanation* Explain(const Script& script, const Column& column, const Verdict& verdict);

}  // namespace sluice::wire::transparency

#endif  // SLUICE_TESTS_WIRE_TRANSPARENCY_EXPLANATIONS_H_
