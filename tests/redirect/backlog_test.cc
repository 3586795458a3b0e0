// SPDX-License-Identifier: Apache-2.0
//
// T91 to T93: a full backlog strips records, on the virtual clock of the backlog model.
#include <cstdint>
#include <optional>

#include "engine/redirect/emulated/listen_queue.h"
#include "gtest/gtest.h"
#include "sluice/emulated_knobs.h"

namespace sluice::emulated {
namespace {

HopList SomeTag() {
  Hop hop;
  hop.handle = 1;
  return Extend(nullptr, hop);
}

struct Tally {
  int accepted = 0;
  int absent = 0;
  Nanos absent_wait_min = 0;
};

// `load` SYNs at once; then one accept each `interval`, until nothing is left.
Tally AcceptAll(ListenQueue& queue, int load, Nanos first_accept, Nanos interval) {
  for (int i = 0; i < load; ++i) queue.Syn(static_cast<std::uint64_t>(i), SomeTag());
  Tally tally;
  queue.Advance(queue.now() + first_accept);
  while (!queue.idle()) {
    const std::optional<ListenQueue::Arrival> arrival = queue.Accept();
    if (arrival.has_value()) {
      ++tally.accepted;
      if (arrival->tag == nullptr) {
        const Nanos waited = arrival->arrived - arrival->sent;
        if (tally.absent == 0 || waited < tally.absent_wait_min) tally.absent_wait_min = waited;
        ++tally.absent;
      }
    }
    queue.Advance(queue.now() + interval);
  }
  return tally;
}

TEST(BacklogTest, T91_DefaultBacklogLosesRecords) {
  for (const bool lost : {true, false}) {
    ListenQueue queue(Knobs().backlog_default, lost);
    const Tally tally = AcceptAll(queue, 232, 60 * kMillisecond, kMillisecond / 10);
    EXPECT_EQ(tally.accepted, 232);
    EXPECT_EQ(queue.dropped(), 32u);
    EXPECT_EQ(queue.pauses(), 1u);
    if (lost) {
      EXPECT_EQ(tally.absent, 32);
      EXPECT_GE(tally.absent_wait_min, 500 * kMillisecond);
    } else {
      EXPECT_EQ(tally.absent, 0);
    }
  }
}

TEST(BacklogTest, T92_HintedBacklogLosesNone) {
  ListenQueue queue(1024, true);
  const Tally tally = AcceptAll(queue, 232, 60 * kMillisecond, kMillisecond / 10);
  EXPECT_EQ(tally.accepted, 232);
  EXPECT_EQ(tally.absent, 0);
  EXPECT_EQ(queue.pauses(), 0u);
}

TEST(BacklogTest, T93_SlowAcceptsDoNotMatter) {
  ListenQueue queue(1024, true);
  const Tally tally = AcceptAll(queue, 968, 659 * kMillisecond, kMillisecond);
  EXPECT_EQ(tally.accepted, 968);
  EXPECT_EQ(tally.absent, 0);
}

// As measured: pause at 200 waiting, resume at 160.
TEST(BacklogTest, PausesAndResumes) {
  ListenQueue queue(200, true);
  for (int i = 0; i < 199; ++i) queue.Syn(1, nullptr);
  EXPECT_FALSE(queue.paused());
  queue.Syn(2, nullptr);
  EXPECT_TRUE(queue.paused());
  for (int i = 0; i < 39; ++i) queue.Accept();
  EXPECT_TRUE(queue.paused());
  queue.Accept();
  EXPECT_EQ(queue.waiting(), 160u);
  EXPECT_FALSE(queue.paused());
}

// A SYN that finds the queue full again comes a third time.
TEST(BacklogTest, RetriesUntilThereIsRoom) {
  ListenQueue queue(1, true);
  queue.Syn(1, SomeTag());
  queue.Syn(2, SomeTag());
  EXPECT_EQ(queue.retrying(), 1u);
  queue.Advance(Instant{1600 * kMillisecond});
  EXPECT_EQ(queue.dropped(), 4u);
  EXPECT_EQ(queue.Accept()->connection, 1u);
  queue.Advance(Instant{2000 * kMillisecond});
  const std::optional<ListenQueue::Arrival> late = queue.Accept();
  ASSERT_TRUE(late.has_value());
  EXPECT_EQ(late->connection, 2u);
  EXPECT_EQ(late->arrived.ns, 2000 * kMillisecond);
  EXPECT_TRUE(queue.idle());
}

}  // namespace
}  // namespace sluice::emulated
