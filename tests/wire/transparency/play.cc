// SPDX-License-Identifier: Apache-2.0
#if !defined(_WIN32)

#include "tests/wire/transparency/play.h"

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

void Direct::Play(const Script& script, int times) {
  Listener& origin = origins_.Of(script);
  for (int i = 0; i < times; ++i) {
    const int play = plays_[script.name]++;
    Conditions conditions;
    conditions.seed = static_cast<std::uint32_t>(play);
    conditions.step_limit = step_limit_;
    // Every other play as fast as it goes.
    if (play % 2 == 1) conditions.jitter_max = kJitter;
    known_[script.name].insert(PlayOnce(script, origin.address(), origin, conditions));
  }
}

const std::set<Seen>& Direct::Known(const Script& script) {
  if (plays_[script.name] == 0) Play(script, kDirectPlays);
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

Verdict Judge(const Script& script, const Way& way, Origins& origins, Direct& direct, int plays,
              Duration step_limit) {
  Verdict verdict;
  for (int i = 0; i < plays; ++i) {
    Conditions conditions;
    conditions.seed = static_cast<std::uint32_t>(1000 + i);
    conditions.step_limit = step_limit;
    if (i % 2 == 1) conditions.jitter_max = kJitter;
    const Seen seen = PlayOnce(script, way.Of(script), origins.Of(script), conditions);
    if (!direct.Shows(script, seen)) verdict.others.insert(seen);
  }
  verdict.same = verdict.others.empty();
  return verdict;
}

}  // namespace sluice::wire::transparency

#endif
