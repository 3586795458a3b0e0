// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/scenario.h"

#include "absl/strings/str_cat.h"
#include "engine/base/prng.h"

namespace sluice::sim {
namespace {

// Swarm: each seed switches most features off, so that those that are on meet undisturbed.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : prng_(seed * 2 + 1) {}
  bool One(std::uint64_t in) { return prng_.Below(in) == 0; }
  std::size_t Below(std::size_t bound) { return static_cast<std::size_t>(prng_.Below(bound)); }
  unsigned Odds(std::uint64_t one_in, unsigned most) {
    return One(one_in) ? 1 + static_cast<unsigned>(prng_.Below(most)) : 0;
  }

 private:
  Prng prng_;
};

void RollOdds(Dice& dice, Scenario* scenario) {
  io::sim::Odds& odds = scenario->world.odds;
  odds.inline_completion = static_cast<unsigned>(dice.Below(1001));
  odds.late_completion = dice.Odds(2, 500);
  odds.lazy_completion = dice.Odds(2, 800);
  odds.partial = dice.Odds(2, 900);
  odds.short_turn = dice.Odds(3, 900);
  odds.late_cancel = static_cast<unsigned>(dice.Below(1001));
  odds.cancel_loses = dice.Odds(2, 1000);
  odds.reset_discards = dice.One(2) ? 0 : 1000;
  odds.delayed_control = dice.Odds(2, 1000);
  odds.reset_told_once = dice.One(2);
  scenario->faulty = dice.One(3);
  if (!scenario->faulty) return;
  odds.fail_accept = dice.Odds(4, 500);
  odds.fail_adopt = dice.Odds(6, 200);
  odds.fail_open = dice.Odds(6, 200);
  odds.fail_bind = dice.Odds(8, 200);
  odds.fail_connect = dice.Odds(4, 500);
  odds.fail_recv = dice.Odds(4, 100);
  odds.fail_send = dice.Odds(4, 100);
  odds.fail_pipe = dice.Odds(4, 300);
  odds.fail_await = dice.Odds(6, 300);
  odds.fail_shutdown = dice.Odds(6, 500);
  odds.fail_control = dice.Odds(4, 300);
  odds.lost_control = dice.Odds(6, 200);
  odds.lost_syn = dice.Odds(6, 300);
  odds.network_reset = dice.Odds(4, 50);
  if (dice.One(8)) scenario->world.tcp_ports_max = 1 + dice.Below(8);
}

Script RollScript(Dice& dice, std::uint64_t stream) {
  Script script;
  script.stream = stream;
  constexpr std::size_t kSizes[] = {0, 1, 10, 300, 3000, 20000};
  script.bytes = dice.Below(kSizes[dice.Below(6)] + 1);
  script.piece = dice.One(4) ? 1 + dice.Below(16) : 1 + dice.Below(4096);
  if (script.piece < 16 && script.bytes > 600) script.bytes = dice.Below(600);
  const std::size_t finish = dice.Below(20);
  if (finish < 8) {
    script.finish = Script::Finish::kWhenSent;
  } else if (finish < 14) {
    script.finish = Script::Finish::kAfterPeer;
  } else if (finish < 15) {
    script.finish = Script::Finish::kNever;
  } else if (finish < 19) {
    script.finish = Script::Finish::kAbort;
    script.abort_sent = dice.Below(script.bytes + 1);
    if (dice.One(2)) script.abort_received = dice.Below(2000);
  } else {
    script.finish = Script::Finish::kFinThenAbort;
    if (dice.One(2)) script.abort_received = dice.Below(2000);
  }
  if (dice.One(3)) script.think = 1 + static_cast<Nanos>(dice.Below(3 * kMillisecond));
  if (dice.One(4)) script.begins = static_cast<Nanos>(dice.Below(5 * kSecond));
  if (dice.One(5)) script.stall = static_cast<Nanos>(dice.Below(20 * kSecond));
  return script;
}

void RollVerdicts(Dice& dice, Scenario* scenario) {
  scenario->inspection = Inspection::kRandom;
  RandomVerdicts& random = scenario->random;
  random.alters = dice.One(2);
  random.pends = dice.One(2);
  random.injects = random.alters && !random.pends;
  random.rude = random.alters && dice.One(4);
  random.never_answered = dice.Odds(4, 200);
}

void RollPolicy(Dice& dice, Scenario* scenario) {
  flow::FlowPolicy& policy = scenario->policy;
  policy.queue_high = 1024 + dice.Below(8192);
  const bool soon_quiet = dice.One(4);
  if (soon_quiet)
    policy.quiet_after = kMillisecond + static_cast<Nanos>(dice.Below(100 * kMillisecond));
  // As on Linux.
  if (!soon_quiet && dice.One(3)) policy.quiet_after = 0;
  // A pump that is soon quiet is looked at often, so such runs must not last for an hour.
  if (soon_quiet || dice.One(6)) {
    policy.idle_timeout = kSecond + static_cast<Nanos>(dice.Below(30 * kSecond));
  }
  if (dice.One(4)) {
    policy.half_closed_timeout = kSecond / 10 + static_cast<Nanos>(dice.Below(10 * kSecond));
  }
  if (dice.One(12)) policy.lifetime = kMillisecond + static_cast<Nanos>(dice.Below(10 * kSecond));
  if (dice.One(4)) policy.linger_timeout = static_cast<Nanos>(dice.Below(2 * kSecond));
  if (dice.One(6)) policy.on_carry_failure = flow::OnCarryFailure::kWithoutRecords;
  if (dice.One(12)) policy.bytes_per_second = 100 + dice.Below(100000);
  if (scenario->inspection == Inspection::kRandom) {
    policy.more_bytes_max = 1 + dice.Below(2000);
    policy.more_timeout = kMillisecond + static_cast<Nanos>(dice.Below(kSecond));
    if (dice.One(8)) policy.opens_exceeded = Verdict::kDetach;
  } else if (scenario->inspection != Inspection::kPend) {
    return;
  }
  policy.pending_max = 1 + static_cast<std::uint32_t>(dice.Below(8));
  policy.pending_timeout = kMillisecond + static_cast<Nanos>(dice.Below(kSecond));
  scenario->never_answered = dice.Odds(2, 500);
}

void RollPlatform(Dice& dice, Scenario* scenario) {
  scenario->emulated = dice.One(3);
  if (!scenario->emulated) return;
  scenario->hops = 1 + static_cast<int>(dice.Below(3));
  if (dice.One(2)) scenario->knobs.completion = emulated::Completion::kPend;
  if (dice.One(4)) scenario->knobs.completion = emulated::Completion::kRandom;
  scenario->knobs.seed = dice.Below(1 << 20);
  scenario->knobs.record_pad = static_cast<std::uint32_t>(100 + dice.Below(3000));
  scenario->knobs.redirect_budget = 0;
}

}  // namespace

Scenario Scenario::FromSeed(std::uint64_t seed) {
  Dice dice(seed);
  Scenario scenario;
  scenario.seed = seed;
  scenario.world.seed = seed;
  scenario.world.latency_max = static_cast<Nanos>(1 + dice.Below(3 * kMillisecond));
  scenario.world.window = dice.One(3) ? 1 + dice.Below(200) : 1024 + dice.Below(32 * 1024);
  scenario.world.reuse_handles = !dice.One(4);
  RollOdds(dice, &scenario);
  RollPlatform(dice, &scenario);
  scenario.workers = 1 + static_cast<int>(dice.Below(3));
  if (dice.One(3)) scenario.inspection = dice.One(2) ? Inspection::kPass : Inspection::kPend;
  // Its models know one engine.
  if (dice.One(3) && !scenario.emulated) RollVerdicts(dice, &scenario);
  scenario.stops_early = dice.One(6);
  scenario.stop_after = dice.Below(400);
  scenario.jumps = dice.One(10);
  scenario.accepts = 1 + static_cast<int>(dice.Below(4));
  scenario.chunk_bytes = 256u << dice.Below(5);
  scenario.chunks = dice.One(3) ? 2 + static_cast<std::uint32_t>(dice.Below(6)) : 64;
  if (dice.One(12)) scenario.flows_max = 1 + dice.Below(3);
  if (dice.One(12)) scenario.accepts_per_second = 1 + dice.Below(100);
  if (dice.One(8)) scenario.buffered_max = 1 + dice.Below(8192);
  if (dice.One(16)) scenario.inspector_bytes_per_second = 1000 + dice.Below(100000);
  if (dice.One(16)) scenario.inspector_opens_per_second = 1 + dice.Below(4);
  if (dice.One(4)) scenario.handover_max = 2;
  if (dice.One(4)) scenario.stall_timeout = kSecond / 10 + static_cast<Nanos>(dice.Below(kSecond));
  RollPolicy(dice, &scenario);
  const std::size_t connections = 1 + dice.Below(dice.One(4) ? 8 : 3);
  if (scenario.faulty && dice.One(8)) {
    // The far ends hold theirs all the time; one whole chain must fit besides.
    const auto hops = static_cast<std::size_t>(scenario.hops);
    scenario.world.handles_max = 2 * connections + 3 * hops + 1 + dice.Below(8);
  }
  for (std::size_t i = 0; i < connections; ++i) {
    Plan plan;
    plan.client = RollScript(dice, 2 * i);
    plan.server = RollScript(dice, 2 * i + 1);
    plan.refused = dice.One(12);
    scenario.plans.push_back(plan);
  }
  scenario.tapped = dice.One(4);
  scenario.tap_throws = dice.One(4);
  if (dice.One(2)) scenario.tap_bytes_max = 1 << 16;
  return scenario;
}

std::string Scenario::ToString() const {
  std::string text = absl::StrCat(
      "seed ", seed, ": workers ", workers, ", ", emulated ? "emulated, hops " : "table",
      emulated ? absl::StrCat(hops) : "", ", window ", world.window, ", chunks ", chunks, " of ",
      chunk_bytes, ", inspection ", static_cast<int>(inspection), tapped ? ", tapped" : "",
      faulty ? ", faults" : "", jumps ? ", jumps" : "",
      stops_early ? absl::StrCat(", stops after ", stop_after) : "", ", quiet ",
      policy.quiet_after / kMicrosecond, " us, half-closed ",
      policy.half_closed_timeout / kMillisecond, " ms, idle ", policy.idle_timeout / kMillisecond,
      " ms\n");
  for (std::size_t i = 0; i < plans.size(); ++i) {
    for (const Script* script : {&plans[i].client, &plans[i].server}) {
      absl::StrAppend(&text, "  ", i, script == &plans[i].client ? " client" : " server",
                      ": bytes ", script->bytes, " by ", script->piece, ", finish ",
                      static_cast<int>(script->finish), " (", script->abort_sent, ",",
                      script->abort_received, "), begins ", script->begins / kMillisecond,
                      " ms, stall ", script->stall / kMillisecond, " ms",
                      plans[i].refused ? ", refused" : "", "\n");
    }
  }
  return text;
}

}  // namespace sluice::sim
