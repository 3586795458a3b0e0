// SPDX-License-Identifier: Apache-2.0
//
// What each verdict on bytes does, through a whole engine.
#include <atomic>
#include <stdexcept>
#include <string>

#include "tests/contract/limits.h"
#include "tests/unit/flow/inspection_fixture.h"

namespace sluice::runtime {
namespace {

using flow::TextOf;
using metrics::Counter;

constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20;

TEST_F(InspectionTest, MoreGathersBytesUntilTheyAreDecided) {
  inspector_.on_data = [](Direction, Bytes& data, DataCall& call) {
    EXPECT_FALSE(call.must_decide());
    return data.size() < 4 ? Verdict::kMore : Verdict::kPass;
  };
  StartProxy();
  Ends& ends = Connect();
  Send(ends.client, "ab");
  ASSERT_TRUE(AwaitAsked(1));
  EXPECT_EQ(Count(Counter::k_bytes_up), 0u);
  Send(ends.client, "cd");
  EXPECT_EQ(Receive(ends.origin), "abcd");
  EXPECT_EQ(Count(Counter::k_bytes_copied), 0u);
}

TEST_F(InspectionTest, AServerThatSpeaksFirstIsHeardThoughItsClientIsWaitedFor) {
  inspector_.on_data = [](Direction direction, Bytes&, DataCall&) {
    return direction == Direction::kUp ? Verdict::kMore : Verdict::kPass;
  };
  StartProxy();
  Ends& ends = Connect();
  Send(ends.origin, "hello");
  EXPECT_EQ(Receive(ends.client), "hello");
  Send(ends.client, "peeked");
  ASSERT_TRUE(AwaitAsked(2));
  Send(ends.origin, "again");
  EXPECT_EQ(Receive(ends.client), "again");
}

TEST_F(InspectionTest, PastTheBytesOfMoreADirectionIsOpaque) {
  options_.policy.more_bytes_max = 4;
  std::atomic<bool> must_decide{false};
  inspector_.on_data = [&](Direction, Bytes& data, DataCall& call) {
    must_decide = call.must_decide();
    EXPECT_EQ(must_decide.load(), data.size() >= 4);
    EXPECT_FALSE(call.ended());
    return Verdict::kMore;
  };
  StartProxy();
  Ends& ends = Connect();
  Send(ends.client, "ab");
  ASSERT_TRUE(AwaitAsked(1));
  Send(ends.client, "cd");
  EXPECT_EQ(Receive(ends.origin), "abcd");
  Send(ends.client, "not asked about");
  EXPECT_EQ(Receive(ends.origin), "not asked about");
  EXPECT_TRUE(must_decide.load());
  EXPECT_EQ(inspector_.asked(), 2);
  EXPECT_EQ(Count(Counter::k_opaque), 1u);
  // The other direction is still looked at.
  EXPECT_EQ(inspector_.detached(), 0);
}

TEST_F(InspectionTest, PastTheTimeOfMoreADirectionIsOpaque) {
  options_.policy.more_timeout = 50 * kMillisecond;
  inspector_.on_data = [](Direction, Bytes&, DataCall&) { return Verdict::kMore; };
  StartProxy();
  Ends& ends = Connect();
  Send(ends.client, "ab");
  EXPECT_EQ(Receive(ends.origin), "ab");
  EXPECT_EQ(inspector_.asked(), 2);
  EXPECT_EQ(Count(Counter::k_opaque), 1u);
}

// Bytes that trickle in do not make it wait for ever.
TEST_F(InspectionTest, TheTimeOfMoreIsCountedFromTheFirstByte) {
  options_.policy.more_timeout = 200 * kMillisecond;
  inspector_.on_data = [](Direction, Bytes&, DataCall&) { return Verdict::kMore; };
  StartProxy();
  Ends& ends = Connect();
  const Instant begin = loop_.port().now();
  Send(ends.client, "x");
  ASSERT_TRUE(Eventually([&] {
    if (Count(Counter::k_opaque) == 1) return true;
    Send(ends.client, "x");
    return false;
  }));
  EXPECT_GE(loop_.port().now() - begin, 200 * kMillisecond);
}

TEST_F(InspectionTest, AnOpaqueFlowIsDetachedWhenNobodyLooksTheOtherWay) {
  options_.policy.more_bytes_max = 1;
  inspector_.on_open = [](InspectedFlow&, OpenCall& call) {
    call.Look(true, false);
    return Verdict::kPass;
  };
  inspector_.on_data = [](Direction, Bytes&, DataCall&) { return Verdict::kMore; };
  StartProxy();
  Ends& ends = Connect();
  Send(ends.client, "ab");
  EXPECT_EQ(Receive(ends.origin), "ab");
  EXPECT_TRUE(Eventually([&] { return inspector_.detached() == 1; }));
  EXPECT_EQ(inspector_.asked(), 1);
}

TEST_F(InspectionTest, WhatIsKeptIsAskedAboutAtTheEndOfTheStream) {
  inspector_.on_data = [](Direction, Bytes& data, DataCall& call) {
    if (!call.ended()) return Verdict::kMore;
    EXPECT_TRUE(call.must_decide());
    EXPECT_EQ(TextOf(data), "last words");
    return Verdict::kPass;
  };
  StartProxy();
  Ends& ends = Connect();
  Send(ends.client, "last words");
  ASSERT_TRUE(AwaitAsked(1));
  EndStream(ends.client);
  EXPECT_EQ(ReceiveToEnd(ends.origin), "last words");
  EXPECT_EQ(Count(Counter::k_opaque), 0u);
}

TEST_F(InspectionTest, WhatIsKeptIsAskedAboutBeforeAResetIsHandedOn) {
  SLUICE_NEEDS(contract::Ability::kRemembersReset);
  inspector_.on_data = [](Direction, Bytes&, DataCall& call) {
    return call.must_decide() ? Verdict::kPass : Verdict::kMore;
  };
  StartProxy();
  Ends& ends = Connect();
  Send(ends.client, "before the reset");
  ASSERT_TRUE(AwaitAsked(1));
  loop_.port().Abort(ends.client);
  ASSERT_TRUE(AwaitAsked(2));
  ASSERT_TRUE(Await(Counter::k_closed_reset, 1));
  EXPECT_EQ(Count(Counter::k_bytes_up), 16u);
}

// A tail that may be the beginning of something stays and comes again.
TEST_F(InspectionTest, KeptBytesComeAgainWithWhatFollows) {
  inspector_.on_data = [](Direction, Bytes& data, DataCall& call) {
    const std::string text = TextOf(data);
    if (text.back() == '?' && !call.must_decide()) call.Keep(1);
    return Verdict::kPass;
  };
  StartProxy();
  Ends& ends = Connect();
  Send(ends.client, "what?");
  EXPECT_EQ(Receive(ends.origin), "what");
  Send(ends.client, "!");
  EXPECT_EQ(Receive(ends.origin), "?!");
  EXPECT_EQ(Count(Counter::k_bytes_copied), 0u);
}

// One receive may bring more than may be waited for; a short tail of it may stay all the same.
TEST_F(InspectionTest, AShortTailOfMuchMayBeKept) {
  options_.policy.more_bytes_max = 4;
  inspector_.on_data = [](Direction, Bytes& data, DataCall& call) {
    EXPECT_EQ(call.keep_max(), call.ended() ? 0u : 3u);
    if (call.keep_max() > 0 && TextOf(data).back() == '?') call.Keep(1);
    return Verdict::kPass;
  };
  StartProxy();
  Ends& ends = Connect();
  Send(ends.client, "what is this?");
  EXPECT_EQ(Receive(ends.origin), "what is this");
  Send(ends.client, " That?");
  EXPECT_EQ(Receive(ends.origin), "? That");
  EndStream(ends.client);
  EXPECT_EQ(ReceiveToEnd(ends.origin), "?");
  EXPECT_EQ(Count(Counter::k_opaque), 0u);
}

TEST_F(InspectionTest, KeepingTooMuchKeepsNothing) {
  options_.policy.more_bytes_max = 4;
  inspector_.on_data = [](Direction, Bytes&, DataCall& call) {
    call.Keep(4);
    return Verdict::kPass;
  };
  StartProxy();
  Ends& ends = Connect();
  for (int i = 1; i < 3; ++i) {
    Send(ends.client, "what is this?");
    EXPECT_EQ(Receive(ends.origin), "what is this?");
    EXPECT_EQ(inspector_.asked(), i);
  }
  EXPECT_EQ(Count(Counter::k_opaque), 0u);
}

// The bounds hold for verdicts that come later, too.
TEST_F(InspectionTest, MoreThatIsSaidLaterIsBounded) {
  options_.policy.more_bytes_max = 4;
  inspector_.on_data = [&](Direction, Bytes&, DataCall& call) {
    EXPECT_TRUE(call.TakeLater().Resolve(Verdict::kMore));
    return Verdict::kPend;
  };
  StartProxy();
  Ends& ends = Connect();
  Send(ends.client, "ab");
  ASSERT_TRUE(AwaitAsked(1));
  Send(ends.client, "cd");
  EXPECT_EQ(Receive(ends.origin), "abcd");
  EXPECT_EQ(Count(Counter::k_opaque), 1u);
  EXPECT_EQ(inspector_.asked(), 2);
}

TEST_F(InspectionTest, MoreThatIsSaidLaterOfAnEndedStreamIsNotHeard) {
  inspector_.on_data = [&](Direction, Bytes&, DataCall& call) {
    EXPECT_TRUE(call.TakeLater().Resolve(Verdict::kMore));
    return Verdict::kPend;
  };
  StartProxy();
  Ends& ends = Connect();
  Send(ends.client, "ab");
  ASSERT_TRUE(AwaitAsked(1));
  EndStream(ends.client);
  EXPECT_EQ(ReceiveToEnd(ends.origin), "ab");
  EXPECT_EQ(Count(Counter::k_opaque), 1u);
}

TEST_F(InspectionTest, AReplacementSharesSlicesAndCopiesOnlyWhatIsNew) {
  inspector_.on_data = [](Direction, Bytes& data, DataCall& call) {
    // "secret" in the middle.
    EXPECT_TRUE(call.replacement().Append(data, 0, 4));
    EXPECT_TRUE(call.replacement().AppendCopy("***"));
    EXPECT_TRUE(call.replacement().Append(data, 10, data.size() - 10));
    return Verdict::kReplace;
  };
  StartProxy();
  Ends& ends = Connect();
  Send(ends.client, "the secret is out");
  EXPECT_EQ(Receive(ends.origin), "the *** is out");
  EXPECT_EQ(Count(Counter::k_bytes_copied), 3u);
}

TEST_F(InspectionTest, AReplacementMayKeepATail) {
  inspector_.on_data = [](Direction, Bytes& data, DataCall& call) {
    if (call.must_decide()) return Verdict::kPass;
    EXPECT_TRUE(call.replacement().AppendCopy("X"));
    call.Keep(2);
    EXPECT_GE(data.size(), 2u);
    return Verdict::kReplace;
  };
  StartProxy();
  Ends& ends = Connect();
  Send(ends.client, "abcd");
  EXPECT_EQ(Receive(ends.origin), "X");
  EndStream(ends.client);
  EXPECT_EQ(ReceiveToEnd(ends.origin), "cd");
}

TEST_F(InspectionTest, BytesMayBeChangedInPlace) {
  inspector_.on_data = [](Direction, Bytes& data, DataCall&) {
    Bytes::Position at;
    char* bytes = nullptr;
    std::size_t size = 0;
    while (data.MutableNext(&at, &bytes, &size)) bytes[0] = '#';
    data.RemovePrefix(0);
    return Verdict::kPass;
  };
  StartProxy();
  Ends& ends = Connect();
  Send(ends.client, "abc");
  EXPECT_EQ(Receive(ends.origin), "#bc");
}

TEST_F(InspectionTest, InjectedBytesGoOutInFrontInBothDirections) {
  inspector_.on_data = [](Direction, Bytes&, DataCall& call) {
    EXPECT_TRUE(call.Inject(Direction::kUp, "<"));
    EXPECT_TRUE(call.Inject(Direction::kDown, ">"));
    return Verdict::kPass;
  };
  StartProxy();
  Ends& ends = Connect();
  Send(ends.client, "up");
  EXPECT_EQ(Receive(ends.client), ">");
  EXPECT_EQ(Receive(ends.origin).substr(0, 1), "<");
  EXPECT_EQ(Count(Counter::k_bytes_injected), 2u);
}

TEST_F(InspectionTest, NothingIsInjectedBehindAFin) {
  std::atomic<bool> injected{true};
  inspector_.on_data = [&](Direction direction, Bytes&, DataCall& call) {
    if (direction == Direction::kDown) injected = call.Inject(Direction::kUp, "late");
    return Verdict::kPass;
  };
  StartProxy();
  Ends& ends = Connect();
  EndStream(ends.client);
  EXPECT_EQ(Receive(ends.origin), "");
  Send(ends.origin, "answer");
  EXPECT_EQ(Receive(ends.client), "answer");
  EXPECT_FALSE(injected.load());
}

TEST_F(InspectionTest, NobodyIsAskedAfterDetach) {
  inspector_.on_data = [](Direction, Bytes&, DataCall&) { return Verdict::kDetach; };
  StartProxy();
  Ends& ends = Connect();
  Send(ends.client, "first");
  EXPECT_EQ(Receive(ends.origin), "first");
  Send(ends.client, "second");
  EXPECT_EQ(Receive(ends.origin), "second");
  Send(ends.origin, "third");
  EXPECT_EQ(Receive(ends.client), "third");
  EXPECT_EQ(inspector_.asked(), 1);
  EXPECT_EQ(inspector_.detached(), 1);
  EXPECT_EQ(Count(Counter::k_detached), 1u);
}

// Nothing of the inspection is left, so what a flow that was never looked at may do, it may do.
TEST_F(InspectionTest, ADetachedFlowStaysInTheKernel) {
  SLUICE_NEEDS(contract::Ability::kPipes);
  inspector_.on_data = [](Direction, Bytes&, DataCall&) { return Verdict::kDetach; };
  RelayBothWays(32 * kMebibyte, kMebibyte);
  EXPECT_GE(Count(Counter::k_bytes_spliced), 32 * kMebibyte);
}

// What an idle flow holds that nobody ever looked at: its sockets, its waits and one timer.
TEST_F(InspectionTest, ADetachedFlowHoldsNothingOfItsInspection) {
  inspector_.on_data = [](Direction, Bytes&, DataCall&) { return Verdict::kDetach; };
  StartProxy();
  Ends& ends = Connect();
  ASSERT_TRUE(Eventually([&] { return runtime_->Live().pooled == 1; }));
  Send(ends.client, "x");
  EXPECT_EQ(Receive(ends.origin), "x");
  EXPECT_TRUE(Eventually([&] {
    const LiveCounts live = runtime_->Live();
    return live.pooled == 0 && live.chunks == 0 && live.timers == 1;
  }));
}

TEST_F(InspectionTest, PassingCopiesNothing) {
  RelayBothWays(8 * kMebibyte, kMebibyte);
  EXPECT_EQ(Count(Counter::k_bytes_copied), 0u);
  EXPECT_GE(inspector_.asked(), 2);
}

// The other direction's verdict is waited for, and heard, before nobody looks.
TEST_F(InspectionTest, DetachLetsAPendingVerdictBeAnswered) {
  inspector_.on_data = [&](Direction direction, Bytes&, DataCall& call) {
    if (direction == Direction::kDown) return Verdict::kDetach;
    inspector_.Keep(call.TakeLater());
    return Verdict::kPend;
  };
  StartProxy();
  Ends& ends = Connect();
  Send(ends.client, "dropped");
  ASSERT_TRUE(Await(Counter::k_pended, 1));
  Send(ends.origin, "down");
  EXPECT_EQ(Receive(ends.client), "down");
  EXPECT_EQ(inspector_.detached(), 0);
  EXPECT_TRUE(inspector_.TakeToken().Resolve(Verdict::kDrop));
  ASSERT_TRUE(Eventually([&] { return inspector_.detached() == 1; }));
  Send(ends.client, "seen");
  EXPECT_EQ(Receive(ends.origin), "seen");
}

// A page that says no, then the end: the client reads all of it although it goes on sending.
TEST_F(InspectionTest, CloseSendsWhatWasInjectedThenAFin) {
  // A slow reader must not be cut off here.
  options_.policy.linger_timeout = 3600 * kSecond;
  const std::string page(100000, 'p');
  inspector_.on_data = [&](Direction, Bytes&, DataCall& call) {
    EXPECT_TRUE(call.Inject(Direction::kDown, page));
    return Verdict::kClose;
  };
  StartProxy();
  Ends& ends = Connect();
  Send(ends.client, "GET /");
  ASSERT_TRUE(Await(Counter::k_bytes_injected, page.size()));
  Send(ends.client, "more that nobody wants");
  EXPECT_EQ(ReceiveToEnd(ends.client), page);
  EXPECT_EQ(ReceiveToEnd(ends.origin), "");
  EndStream(ends.client);
  EndStream(ends.origin);
  ASSERT_TRUE(Await(Counter::k_closed_inspector, 1));
  EXPECT_EQ(inspector_.asked(), 1);
  EXPECT_EQ(inspector_.ended(), 1);
}

TEST_F(InspectionTest, CloseWaitsForTheOtherSideOnlySoLong) {
  options_.policy.linger_timeout = 50 * kMillisecond;
  inspector_.on_data = [](Direction, Bytes&, DataCall&) { return Verdict::kClose; };
  StartProxy();
  Ends& ends = Connect();
  Send(ends.client, "x");
  EXPECT_EQ(ReceiveToEnd(ends.origin), "");
  ASSERT_TRUE(Await(Counter::k_closed_inspector, 1));
}

TEST_F(InspectionTest, WhatIsThrownIsTheDefaultVerdict) {
  inspector_.on_data = [](Direction, Bytes&, DataCall&) -> Verdict {
    throw std::runtime_error("an inspector's mistake");
  };
  StartProxy();
  Ends& ends = Connect();
  Send(ends.client, "x");
  EXPECT_TRUE(ClientSeesReset(ends));
  EXPECT_EQ(Count(Counter::k_bad_verdict), 1u);
}

TEST_F(InspectionTest, WhatIsNoVerdictIsTheDefaultVerdict) {
  options_.policy.pending_default = Verdict::kPass;
  inspector_.on_data = [](Direction, Bytes&, DataCall&) { return static_cast<Verdict>(99); };
  StartProxy();
  Ends& ends = Connect();
  Send(ends.client, "x");
  EXPECT_EQ(Receive(ends.origin), "x");
  EXPECT_EQ(Count(Counter::k_bad_verdict), 1u);
}

TEST_F(InspectionTest, CallsThatTakeLongAreCounted) {
  options_.policy.slow_after = 0;
  StartProxy();
  Ends& ends = Connect();
  Send(ends.client, "x");
  EXPECT_EQ(Receive(ends.origin), "x");
  // OnOpen and OnData: nothing takes less than no time.
  EXPECT_EQ(Count(Counter::k_slow_callbacks), 2u);
}

TEST_F(InspectionTest, EachFlowEndsOnce) {
  StartProxy();
  Ends& ends = Connect();
  Send(ends.client, "x");
  EXPECT_EQ(Receive(ends.origin), "x");
  engine_->Stop(0);
  EXPECT_EQ(inspector_.opened(), 1);
  EXPECT_EQ(inspector_.ended(), 1);
  EXPECT_EQ(inspector_.detached(), 0);
}

}  // namespace
}  // namespace sluice::runtime
