// SPDX-License-Identifier: Apache-2.0
#if !defined(_WIN32)

#include "tests/wire/transparency/explanations.h"

#include <algorithm>

namespace sluice::wire::transparency {
namespace {

constexpr const char* kLateReset =
    "Behind a FIN no receive of Windows tells of a reset, and no documented call does; so it is "
    "handed on when the next send fails, or at the half-closed timeout. Natively on Linux the "
    "engine "
    "asks the socket.";
constexpr const char* kRefusalAsFin =
    "When the origin refuses, the client is accepted and then sees a FIN: an empty answer, not an "
    "error.";

bool Fits(const std::string& pattern, const std::string& name) {
  const std::size_t star = pattern.find('*');
  if (star == std::string::npos) return pattern == name;
  const std::string head = pattern.substr(0, star);
  const std::string tail = pattern.substr(star + 1);
  return name.size() >= head.size() + tail.size() && name.rfind(head, 0) == 0 &&
         name.compare(name.size() - tail.size(), tail.size(), tail) == 0;
}

}  // namespace

const std::vector<Explanation>& Explanations() {
  static const std::vector<Explanation>* explanations = new std::vector<Explanation>{
      {"ServerRefuses*", "*", false, true, "connected, RST",
       "A proxy has accepted before it can know that the origin refuses, so its client is "
       "connected "
       "and then reset."},
      {"*ResetsAfterItsFin", "sluice", true, false, "", kLateReset},
      {"*ResetsAfterItsFinAndASecondOfQuiet", "sluice", true, false, "", kLateReset},
      {"*ClosesThenTheOtherSendsOnce", "sluice", true, false, "", kLateReset},
      {"ServerRefuses*", "HAProxy", false, false, "", kRefusalAsFin},
      {"ServerRefuses*", "nginx", false, false, "", kRefusalAsFin},
      {"*", "HAProxy", false, false, "",
       "HAProxy hands a reset on only from the client, and not if bytes are still on their way; "
       "the "
       "server's reset, and one behind a FIN, it closes with a FIN."},
      {"*", "nginx", false, false, "",
       "nginx ends both connections with close() whatever ended one of them: a reset comes out as "
       "a "
       "FIN."},
  };
  return *explanations;
}

const Explanation* Explain(const Script& script, const Column& column, const Verdict& verdict) {
  for (const Explanation& explanation : Explanations()) {
    if (!Fits(explanation.scripts, script.name)) continue;
    if (explanation.maker != "*" && explanation.maker != column.maker) continue;
    if (explanation.wine_only && !column.wine) continue;
    const bool all =
        std::all_of(verdict.others.begin(), verdict.others.end(), [&](const Seen& seen) {
          return explanation.client.empty() || explanation.client == seen.client;
        });
    if (all) return &explanation;
  }
  return nullptr;
}

}  // namespace sluice::wire::transparency

#endif
