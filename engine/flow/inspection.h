// SPDX-License-Identifier: Apache-2.0
//
// Inspection: what a flow has while somebody looks at it, taps it or limits its rate: the state of
// OnData in each direction, and the flow as its inspector knows it. From the worker's pools, made
// when the flow is opened and gone when nobody looks any more, so that a detached flow is like one
// never looked at.
//
//   asked, held empty       the next bytes are asked about at once
//   asked, held, no ticket  waits for more bytes (kMore, Keep), until `more_until`
//   held, ticket            waits for a verdict; no receive is begun meanwhile
//
// Worker-only.
#ifndef SLUICE_FLOW_INSPECTION_H_
#define SLUICE_FLOW_INSPECTION_H_

#include "engine/base/clock.h"
#include "engine/inspect/tap_writer.h"
#include "engine/io/timer_wheel.h"
#include "engine/memory/chain.h"
#include "sluice/inspector.h"

namespace sluice::flow {

class Flow;

// One direction. The owner at the desk of those who wait for a verdict.
struct Looking {
  Looking(Flow& of, memory::Slab& slab) : flow(of), held(slab), behind(slab) {}

  bool pended() const { return ticket.valid(); }
  bool waits_for_more() const { return !held.empty() && !pended(); }
  void Forget() {
    held.Clear();
    behind.Clear();
  }

  Flow& flow;
  Direction direction = Direction::kUp;
  bool asked = false;
  bool paced = false;  // stopped by a rate
  // While a verdict is waited for: nothing more could be waited for when it was asked for.
  bool last_time = false;
  Ticket ticket;         // valid exactly while a verdict is waited for
  memory::Chain held;    // what is undecided, in front of what will be received
  memory::Chain behind;  // came while a verdict on `held` was waited for; at most one receive
  Instant more_until = Instant::Never();
  Instant receive_at;  // by rate
};

struct Inspection {
  Inspection(Flow& of, memory::Slab& slab) : up(of, slab), down(of, slab) {
    down.direction = Direction::kDown;
  }

  Looking& Of(Direction direction) { return direction == Direction::kUp ? up : down; }
  std::uint64_t RateOf(Direction direction) const {
    return direction == Direction::kUp ? flow.bytes_per_second_up : flow.bytes_per_second_down;
  }
  bool limits_rate() const { return flow.bytes_per_second_up + flow.bytes_per_second_down != 0; }

  InspectedFlow flow;
  bool opened = false;  // OnOpen was called, and OnEnd not yet
  Looking up;
  Looking down;
  inspect::Tapped tapped;
  io::Timer timer;  // the first of `more_until` and, of who is paced, `receive_at`
};

// What all inspected flows of one worker and engine may receive together.
struct Pace {
  std::uint64_t bytes_per_second = 0;  // 0: no limit
  Instant free_at;

  // How long `bytes` take at `rate`. REQUIRES: rate > 0; bytes of one receive.
  static Nanos Takes(std::uint64_t bytes, std::uint64_t rate) {
    return static_cast<Nanos>(bytes * static_cast<std::uint64_t>(kSecond) / rate);
  }
};

}  // namespace sluice::flow

#endif  // SLUICE_FLOW_INSPECTION_H_
