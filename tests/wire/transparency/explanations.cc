// SPDX-License-Identifier: Apache-2.0
#if !defined(_WIN32)

#include "tests/wire/transparency/explanations.h"

namespace sluice::wire::transparency {
namespace {

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
      {"ServerRefuses*", "*", false, true,
       "A proxy has accepted before it can know that the origin refuses, so the client is "
       "connected "
       "and then reset."},
  };
  return *explanations;
}

const Explanation* Explain(const Script& script, const Column& column) {
  for (const Explanation& explanation : Explanations()) {
    if (!Fits(explanation.scripts, script.name)) continue;
    if (explanation.maker != "*" && explanation.maker != column.maker) continue;
    if (explanation.wine_only && !column.wine) continue;
    return &explanation;
  }
  return nullptr;
}

}  // namespace sluice::wire::transparency

#endif
