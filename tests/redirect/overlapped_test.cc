// SPDX-License-Identifier: Apache-2.0
//
// T47 to T56: requests in flight, on one port. Pended ones end when the test says so. The rules of
// WSAIoctl itself (packets, events, completion routines) are tested where it is emulated:
// tests/unit/io/windows_emulated_ioctl_test.cc, and on the platform in windows_ioctl_test.cc here.
#include <memory>
#include <string>
#include <vector>

#include "engine/redirect/wfp/wfp_redirector.h"
#include "tests/redirect/rig.h"
#include "tests/redirect/runs.h"

namespace sluice::emulated {
namespace {

using redirect::kQueryRedirectContext;
using redirect::kQueryRedirectRecords;
using redirect::kSetRedirectRecords;
using redirect::Verdict;
using redirect::WfpRedirector;

RigOptions Manual(Way way) {
  RigOptions options;
  options.way = way;
  options.manual_completion = true;
  return options;
}

// One control with its outcome counted.
struct Call {
  Call() {
    op.Bind(this, [](void* self, Outcome result) {
      auto* call = static_cast<Call*>(self);
      call->outcome = result;
      ++call->outcomes;
    });
  }
  io::ControlOp op;
  Outcome outcome;
  int outcomes = 0;
};

void StartQuery(Rig& rig, Call& call, io::Socket& socket, std::uint32_t code, std::string& buffer) {
  rig.proxy_port().Control(
      call.op, socket, code, {},
      absl::MakeSpan(reinterpret_cast<std::byte*>(buffer.data()), buffer.size()));
}

// T47 and T48 are one row here: with or without the skip flag, which is the port's choice, an
// inline success is one outcome, in a later turn.
TEST(OverlappedTest, T47_T48_InlineSuccess) {
  Rig rig(Way::kInline);
  const Link link = rig.ConnectApplication();
  Call call;
  std::string buffer(4096, '\0');
  StartQuery(rig, call, *link.accepted, kQueryRedirectRecords, buffer);
  EXPECT_EQ(call.outcomes, 0);
  ASSERT_TRUE(rig.RunUntil([&] { return call.outcomes != 0; }));
  rig.RunFor(20 * kMillisecond);
  EXPECT_EQ(call.outcomes, 1);
  EXPECT_TRUE(call.outcome.ok());
  EXPECT_EQ(call.outcome.bytes, 592u);
}

TEST(OverlappedTest, T49_PendedSuccess) {
  Rig rig(Manual(Way::kPend));
  const Link link = rig.ConnectApplication();
  Call call;
  std::string buffer(4096, '\0');
  StartQuery(rig, call, *link.accepted, kQueryRedirectRecords, buffer);
  rig.RunFor(20 * kMillisecond);
  EXPECT_EQ(call.outcomes, 0);
  EXPECT_EQ(buffer, std::string(4096, '\0'));
  EXPECT_EQ(rig.platform->CompletePended(), 1u);
  ASSERT_TRUE(rig.RunUntil([&] { return call.outcomes != 0; }));
  EXPECT_EQ(call.outcome.bytes, 592u);
  rig.RunFor(20 * kMillisecond);
  EXPECT_EQ(call.outcomes, 1);
}

TEST(OverlappedTest, T50_PendedThenTooSmall) {
  Rig rig(Manual(Way::kPend));
  const Link link = rig.ConnectApplication();
  redirect::WfpOptions options;
  options.records_first = 512;
  WfpRedirector redirector(std::move(options));
  QueryRun query;
  redirector.Query(query.op, rig.worker(), *link.accepted);
  EXPECT_EQ(rig.platform->CompletePended(), 2u);
  ASSERT_TRUE(rig.RunUntil([&] { return rig.platform->pended() == 1; }));  // resubmitted, larger
  EXPECT_FALSE(query.done());
  EXPECT_EQ(rig.platform->CompletePended(), 1u);
  ASSERT_TRUE(rig.RunUntil([&] { return query.done(); }));
  EXPECT_EQ(query.op.verdict(), Verdict::kOk);
  EXPECT_EQ(redirector.counters().records[static_cast<std::size_t>(redirect::Meaning::kGrow)], 1u);
}

TEST(OverlappedTest, T51_PendedAbsent) {
  Rig rig(Manual(Way::kPend));
  const Link link = rig.ConnectDirectly();
  WfpRedirector redirector;
  QueryRun query;
  redirector.Query(query.op, rig.worker(), *link.accepted);
  EXPECT_EQ(rig.platform->CompletePended(), 2u);
  ASSERT_TRUE(rig.RunUntil([&] { return query.done(); }));
  EXPECT_EQ(query.op.verdict(), Verdict::kAbsent);
  EXPECT_EQ(query.op.error().raw, 1168);
  EXPECT_EQ(redirector.counters().confirmations, 0u);
}

TEST(OverlappedTest, T52_ImmediateFailure) {
  Rig rig(Way::kInline);
  const Link link = rig.ConnectDirectly();
  Call call;
  std::string buffer(512, '\0');
  StartQuery(rig, call, *link.accepted, kQueryRedirectContext, buffer);
  EXPECT_EQ(call.outcomes, 0);
  ASSERT_TRUE(rig.RunUntil([&] { return call.outcomes != 0; }));
  EXPECT_TRUE(call.op.inline_failure());
  EXPECT_EQ(call.outcome.error.raw, 10022);
  rig.RunFor(20 * kMillisecond);
  EXPECT_EQ(call.outcomes, 1);
}

TEST(OverlappedTest, T53_ClosedWhilePending) {
  Rig rig(Manual(Way::kPend));
  const Link link = rig.ConnectApplication();
  WfpRedirector redirector;
  QueryRun query;
  redirector.Query(query.op, rig.worker(), *link.accepted);
  EXPECT_EQ(rig.buffers.live(), 2u);
  rig.proxy_port().Close(*link.accepted);
  EXPECT_FALSE(query.done());
  EXPECT_EQ(rig.buffers.live(), 2u) << "the kernel's until the outcomes are in";
  ASSERT_TRUE(rig.RunUntil([&] { return query.done(); }));
  EXPECT_EQ(query.op.verdict(), Verdict::kGone);
  EXPECT_EQ(rig.platform->pended(), 0u);
  EXPECT_EQ(rig.buffers.live(), 0u);
}

// A port cancels before it closes; whoever does not gets the same from the closing itself.
TEST(OverlappedTest, T53_ClosingEndsWhatIsPended) {
  Rig rig(Manual(Way::kPend));
  const Link link = rig.ConnectApplication();
  io::NtStatus status = io::kStatusSuccess;
  std::string buffer(512, '\0');
  io::ControlRequest request;
  request.socket = link.accepted->native();
  request.code = kQueryRedirectRecords;
  request.out = buffer.data();
  request.out_size = 512;
  request.ticket = &status;
  request.complete = [](void* ticket, io::ControlReply reply) {
    *static_cast<io::NtStatus*>(ticket) = reply.status;
  };
  io::ControlReply reply;
  EXPECT_EQ(rig.platform->process()->Control(request, &reply), io::ControlAnswer::kPended);
  rig.Close(*link.accepted);
  EXPECT_EQ(status, io::kStatusCancelled);
  EXPECT_EQ(rig.platform->pended(), 0u);
}

TEST(OverlappedTest, T53_CancelledWhilePending) {
  Rig rig(Manual(Way::kPend));
  const Link link = rig.ConnectApplication();
  WfpRedirector redirector;
  QueryRun query;
  redirector.Query(query.op, rig.worker(), *link.accepted);
  query.op.Cancel();
  query.op.Cancel();
  EXPECT_FALSE(query.op.idle());
  ASSERT_TRUE(rig.RunUntil([&] { return query.done(); }));
  EXPECT_EQ(query.handlers, 1);
  EXPECT_EQ(query.op.verdict(), Verdict::kGone);
  EXPECT_EQ(query.op.error().code, ErrorCode::kAborted);
}

// Cancelled between two answers, with a growth due: nothing is asked again.
TEST(OverlappedTest, T53_CancelledInTheMiddle) {
  Rig rig(Manual(Way::kPend));
  const Link link = rig.ConnectApplication();
  redirect::WfpOptions options;
  options.records_first = 512;
  WfpRedirector redirector(std::move(options));
  QueryRun query;
  redirector.Query(query.op, rig.worker(), *link.accepted);
  EXPECT_EQ(rig.platform->CompletePended(1), 1u);  // records: too small, not heard of yet
  query.op.Cancel();
  ASSERT_TRUE(rig.RunUntil([&] { return query.done(); }));
  EXPECT_EQ(query.op.verdict(), Verdict::kGone);
  EXPECT_EQ(rig.platform->pended(), 0u);
  EXPECT_EQ(rig.platform->statistics().pended, 2u);
}

TEST(OverlappedTest, T54_CancelledCarry) {
  Rig rig(Manual(Way::kPend));
  const Link link = rig.ConnectApplication();
  WfpRedirector redirector;
  QueryRun query;
  redirector.Query(query.op, rig.worker(), *link.accepted);
  rig.platform->CompletePended();
  ASSERT_TRUE(rig.RunUntil([&] { return query.done(); }));
  io::Socket& onward = rig.Open(rig.proxy_port(), Family::kV4);
  CarryRun carry;
  redirector.Carry(carry.op, rig.worker(), onward, query.op);
  query.op.Reset();
  EXPECT_EQ(rig.buffers.live(), 1u) << "the carry holds the blob";
  carry.op.Cancel();
  ASSERT_TRUE(rig.RunUntil([&] { return carry.done(); }));
  EXPECT_EQ(carry.op.verdict(), Verdict::kGone);
  EXPECT_EQ(rig.Installed(onward), 0u);
}

// The SET succeeded when the cancel came: still gone, for the owner no longer wants the socket.
TEST(OverlappedTest, T54_CancelThatCameTooLate) {
  Rig rig(Way::kInline);
  const Link link = rig.ConnectApplication();
  WfpRedirector redirector;
  QueryRun query;
  ASSERT_EQ(Query(rig, redirector, query, *link.accepted), Verdict::kOk);
  CarryRun carry;
  redirector.Carry(carry.op, rig.worker(), rig.Open(rig.proxy_port(), Family::kV4), query.op);
  carry.op.Cancel();
  ASSERT_TRUE(rig.RunUntil([&] { return carry.done(); }));
  EXPECT_EQ(carry.op.verdict(), Verdict::kGone);
  query.op.Reset();
}

// Both queries are in flight together and may end in either order; the decision comes once, after
// both.
TEST(OverlappedTest, T55_EitherOrder) {
  for (int seed = 1; seed <= 12; ++seed) {
    RigOptions options = Manual(Way::kPend);
    options.way = Way::kRandom;
    options.knobs.seed = static_cast<std::uint64_t>(seed);
    Rig rig(options);
    const Link link = rig.ConnectApplication();
    WfpRedirector redirector;
    QueryRun query;
    redirector.Query(query.op, rig.worker(), *link.accepted);
    const std::size_t both = rig.platform->pended();
    EXPECT_LE(both, 2u);
    while (rig.platform->pended() != 0) {
      rig.RunFor(kMillisecond);
      EXPECT_FALSE(query.done()) << "one is still out";
      rig.platform->CompletePended(1);
    }
    ASSERT_TRUE(rig.RunUntil([&] { return query.done(); }));
    rig.RunFor(kMillisecond);
    EXPECT_EQ(query.handlers, 1);
    EXPECT_EQ(query.op.verdict(), Verdict::kOk);
    query.op.Reset();
  }
}

// A carry is over when its SET is; only then may the owner connect.
TEST(OverlappedTest, T56_CarryEndsWithTheSet) {
  Rig rig(Manual(Way::kPend));
  const Link link = rig.ConnectApplication();
  WfpRedirector redirector;
  QueryRun query;
  redirector.Query(query.op, rig.worker(), *link.accepted);
  rig.platform->CompletePended();
  ASSERT_TRUE(rig.RunUntil([&] { return query.done(); }));
  io::Socket& onward = rig.Open(rig.proxy_port(), Family::kV4);
  CarryRun carry;
  redirector.Carry(carry.op, rig.worker(), onward, query.op);
  rig.RunFor(20 * kMillisecond);
  EXPECT_FALSE(carry.done());
  EXPECT_EQ(rig.Installed(onward), 0u);
  rig.platform->CompletePended();
  ASSERT_TRUE(rig.RunUntil([&] { return carry.done(); }));
  EXPECT_EQ(carry.op.verdict(), Verdict::kOk);
  EXPECT_EQ(rig.Installed(onward), 1u);
  query.op.Reset();
}

// Many at once on the platform's own thread, in any order: each ends once.
TEST(OverlappedTest, ManyInFlight) {
  Rig rig(Way::kRandom);
  const Link link = rig.ConnectApplication();
  constexpr int kCalls = 200;
  std::vector<std::unique_ptr<Call>> calls;
  std::vector<std::string> buffers(kCalls, std::string(1024, '\0'));
  for (int i = 0; i < kCalls; ++i) {
    calls.push_back(std::make_unique<Call>());
    StartQuery(rig, *calls.back(), *link.accepted,
               i % 2 == 0 ? kQueryRedirectRecords : kQueryRedirectContext,
               buffers[static_cast<std::size_t>(i)]);
    if (i % 7 == 0) rig.proxy_port().Cancel(calls.back()->op);
  }
  const auto all = [&] {
    for (const auto& call : calls) {
      if (call->outcomes == 0) return false;
    }
    return true;
  };
  ASSERT_TRUE(rig.RunUntil(all));
  rig.RunFor(5 * kMillisecond);
  for (const auto& call : calls) EXPECT_EQ(call->outcomes, 1);
}

}  // namespace
}  // namespace sluice::emulated
