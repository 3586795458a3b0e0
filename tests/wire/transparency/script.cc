// SPDX-License-Identifier: Apache-2.0
#if !defined(_WIN32)

#include "tests/wire/transparency/script.h"

#include <algorithm>
#include <utility>

namespace sluice::wire::transparency {
namespace {

bool Accepts(const Step& step) { return step.verb == Verb::kAccept; }

std::vector<Script> AllScripts() {
  std::vector<Script> all;
  for (auto* group : {&ConnectScripts, &FinScripts, &HalfCloseScripts, &ResetScripts,
                      &LateResetScripts, &TrafficScripts, &BackpressureScripts}) {
    for (Script& script : group()) all.push_back(std::move(script));
  }
  return all;
}

}  // namespace

const std::vector<Script>& Scripts() {
  static const std::vector<Script>* scripts = new std::vector<Script>(AllScripts());
  return *scripts;
}

void ScriptList::Add(const std::string& name, Steps client, Steps server) {
  client.insert(client.begin(), Step{Verb::kConnect});
  if (std::none_of(server.begin(), server.end(), Accepts)) {
    server.insert(server.begin(), Step{Verb::kAccept});
  }
  scripts_.push_back(Script{name, group_, std::move(client), std::move(server)});
}

void ScriptList::AddBoth(const std::string& name, const Steps& actor, const Steps& other) {
  Add("Client" + name, actor, other);
  Add("Server" + name, other, actor);
}

void ScriptList::AgainOverV6() {
  Script script = scripts_.back();
  script.name += "V6";
  script.v6 = true;
  scripts_.push_back(std::move(script));
}

}  // namespace sluice::wire::transparency

#endif
