// SPDX-License-Identifier: Apache-2.0
#if !defined(_WIN32)

#include "tests/wire/transparency/play.h"

#include <algorithm>
#include <thread>

namespace sluice::wire::transparency {
namespace {

constexpr int kDirectPlays = 4;
// Before a sequence is called impossible for direct TCP.
constexpr int kDirectPlaysMax = 24;
// A script whose direct play is long is not raced against itself for minutes.
constexpr Duration kDirectPlaysLast{3000};
constexpr std::chrono::microseconds kJitter{2000};

}  // namespace

Seen PlayOnce(const Script& script, const std::string& address, Listener& origin,
              const Conditions& conditions) {
  origin.Clear();
  if (script.refuse) origin.SetListening(false);
  Stage stage;
  End client(End::kClient, stage, conditions, address, nullptr);
  End server(End::kServer, stage, conditions, "", &origin);
  std::thread thread;
  if (!script.refuse) thread = std::thread([&] { server.Run(script.server); });
  client.Run(script.client);
  if (thread.joinable()) thread.join();
  if (script.refuse) origin.SetListening(true);
  return Seen{client.events(), script.refuse ? "nobody listens" : server.events()};
}

std::vector<Seen> PlayOften(const Script& script, const std::string& address, Listener& origin,
                            int times, std::uint32_t seed, Duration step_limit) {
  std::vector<Seen> plays;
  for (int i = 0; i < times; ++i) {
    Conditions conditions;
    conditions.seed = seed + static_cast<std::uint32_t>(i);
    conditions.step_limit = step_limit;
    if (conditions.seed % 2 == 1) conditions.jitter_max = kJitter;
    plays.push_back(PlayOnce(script, address, origin, conditions));
  }
  return plays;
}

bool IsLong(const Script& script) {
  const auto rests = [](const Step& step) { return step.verb == Verb::kRest && step.amount > 500; };
  return std::any_of(script.client.begin(), script.client.end(), rests) ||
         std::any_of(script.server.begin(), script.server.end(), rests);
}

void Direct::Play(const Script& script, int times) {
  Listener& origin = origins_.Of(script);
  int& plays = plays_[script.name];
  for (const Seen& seen : PlayOften(script, origin.address(), origin, times,
                                    static_cast<std::uint32_t>(plays), step_limit_)) {
    known_[script.name].insert(seen);
  }
  plays += times;
}

const std::set<Seen>& Direct::Known(const Script& script) {
  if (plays_[script.name] == 0) Play(script, IsLong(script) ? 1 : kDirectPlays);
  return known_[script.name];
}

bool Direct::Shows(const Script& script, const Seen& seen) {
  if (Known(script).count(seen) != 0) return true;
  const TimePoint begun = std::chrono::steady_clock::now();
  while (plays_[script.name] < kDirectPlaysMax &&
         std::chrono::steady_clock::now() - begun < kDirectPlaysLast) {
    Play(script, 2);
    if (known_[script.name].count(seen) != 0) return true;
  }
  return false;
}

Verdict Judge(const Script& script, const std::vector<Seen>& plays, Direct& direct) {
  Verdict verdict;
  for (const Seen& seen : plays) {
    if (!direct.Shows(script, seen)) verdict.others.insert(seen);
  }
  verdict.same = verdict.others.empty();
  return verdict;
}

}  // namespace sluice::wire::transparency

#endif
