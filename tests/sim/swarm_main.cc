// SPDX-License-Identifier: Apache-2.0
//
// sim_swarm: seeds without end, or one of them in detail.
//   sim_swarm --replay SEED            plays one seed and tells everything about it
//   sim_swarm [--first N] [--seeds N] [--seconds N]
// Without --seeds and --seconds it runs until something fails. Exit code 1 when a seed fails.
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>

#include "absl/strings/numbers.h"
#include "engine/base/log.h"
#include "tests/sim/crash_note.h"
#include "tests/sim/sim_run.h"

namespace sluice::sim {
namespace {

struct Options {
  std::uint64_t replay = 0;
  std::uint64_t first = 1;
  std::uint64_t seeds = 0;
  std::uint64_t seconds = 0;
};

int Usage() {
  std::fprintf(stderr,
               "usage: sim_swarm --replay SEED | [--first N] [--seeds N] [--seconds N]\n"
               "Seeds and counts are whole numbers from 1.\n");
  return 64;
}

bool Read(int count, char** words, Options* options) {
  for (int i = 1; i < count; i += 2) {
    std::uint64_t value = 0;
    if (i + 1 >= count || !absl::SimpleAtoi(words[i + 1], &value) || value == 0) return false;
    const std::string word = words[i];
    if (word == "--replay") {
      options->replay = value;
    } else if (word == "--first") {
      options->first = value;
    } else if (word == "--seeds") {
      options->seeds = value;
    } else if (word == "--seconds") {
      options->seconds = value;
    } else {
      return false;
    }
  }
  return true;
}

int Replay(std::uint64_t seed) {
  SetLogLevel(LogLevel::kDebug);
  const CrashNote note(seed);
  const Scenario scenario = Scenario::FromSeed(seed);
  std::printf("%s", scenario.ToString().c_str());
  std::fflush(stdout);
  const Report report = Play(scenario);
  std::printf("%s%s\n", report.ToString().c_str(), report.ok() ? "ok" : "FAILED");
  return report.ok() ? 0 : 1;
}

int RunSwarm(const Options& options) {
  using Clock = std::chrono::steady_clock;
  SetLogLevel(LogLevel::kError);
  SetLogSink([](void*, LogLevel, absl::string_view) {}, nullptr);
  const Clock::time_point begin = Clock::now();
  Clock::time_point said = begin;
  std::uint64_t steps = 0;
  std::uint64_t played = 0;
  const auto seconds = [&] { return std::chrono::duration<double>(Clock::now() - begin).count(); };
  const auto say = [&](const char* what) {
    std::printf("%s%llu seeds (%llu to %llu), %llu steps, %.0f s, %.0f seeds a minute\n", what,
                static_cast<unsigned long long>(played),
                static_cast<unsigned long long>(options.first),
                static_cast<unsigned long long>(options.first + played - 1),
                static_cast<unsigned long long>(steps), seconds(),
                static_cast<double>(played) * 60 / seconds());
    std::fflush(stdout);
  };
  for (std::uint64_t seed = options.first;; ++seed) {
    if (options.seeds != 0 && played == options.seeds) break;
    if (options.seconds != 0 && seconds() >= static_cast<double>(options.seconds)) break;
    const CrashNote note(seed);
    const Scenario scenario = Scenario::FromSeed(seed);
    const Report report = Play(scenario);
    ++played;
    steps += report.steps;
    if (!report.ok()) {
      std::printf("%s%sFAILED after %llu seeds, replay with: tests/sim/replay %llu\n",
                  scenario.ToString().c_str(), report.ToString().c_str(),
                  static_cast<unsigned long long>(played), static_cast<unsigned long long>(seed));
      return 1;
    }
    if (Clock::now() - said >= std::chrono::seconds(60)) {
      said = Clock::now();
      say("");
    }
  }
  say("ok: ");
  return 0;
}

}  // namespace
}  // namespace sluice::sim

int main(int count, char** words) {
  sluice::sim::Options options;
  if (!sluice::sim::Read(count, words, &options)) return sluice::sim::Usage();
  if (options.replay != 0) return sluice::sim::Replay(options.replay);
  return sluice::sim::RunSwarm(options);
}
