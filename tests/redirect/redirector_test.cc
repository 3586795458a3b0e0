// SPDX-License-Identifier: Apache-2.0
//
// The redirectors on a platform: verdicts, cancellation, closing, carrying. Rows T30, T31, T54,
// T95, T102 as the engine sees them.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/redirect/none/none_redirector.h"
#include "engine/redirect/wfp/wfp_redirector.h"
#include "tests/redirect/rig.h"
#include "tests/redirect/runs.h"

namespace sluice::emulated {
namespace {

using redirect::Meaning;
using redirect::Verdict;
using redirect::WfpRedirector;

class RedirectorTest : public WayTest {};
INSTANTIATE_TEST_SUITE_P(Ways, RedirectorTest,
                         ::testing::Values(Way::kInline, Way::kPend, Way::kRandom), WayParamName);

TEST_P(RedirectorTest, QueryCarryConnect) {
  for (const Family family : {Family::kV4, Family::kV6}) {
    RigOptions options;
    options.way = GetParam();
    options.family = family;
    Rig rig(options);
    const Link link = rig.ConnectApplication();
    WfpRedirector redirector;
    QueryRun query;
    ASSERT_EQ(Query(rig, redirector, query, *link.accepted), Verdict::kOk);
    EXPECT_EQ(query.op.origin().destination, rig.destination());
    EXPECT_EQ(query.op.origin().pid, 1000u);
    EXPECT_EQ(query.op.records().size(), 592u);

    io::Socket& onward = rig.Open(rig.proxy_port(), family);
    CarryRun carry;
    EXPECT_EQ(Carry(rig, redirector, carry, onward, query), Verdict::kOk);
    query.op.Reset();
    EXPECT_EQ(rig.Installed(onward), 1u);
    EXPECT_TRUE(rig.Connect(onward, rig.destination()).ok());
    ASSERT_NE(rig.Accept(rig.origin()), nullptr);
    EXPECT_EQ(redirector.counters().set[static_cast<std::size_t>(Meaning::kOk)], 1u);
    EXPECT_EQ(rig.platform->statistics().redirected, 1u);
  }
}

TEST_P(RedirectorTest, AbsentForDirectClients) {
  Rig rig(GetParam());
  const Link link = rig.ConnectDirectly();
  WfpRedirector redirector;
  QueryRun query;
  EXPECT_EQ(Query(rig, redirector, query, *link.accepted), Verdict::kAbsent);
  EXPECT_EQ(redirector.counters().not_redirected, 1u);
  // The context lane is never confirmed: without records it does not matter.
  EXPECT_LE(rig.platform->statistics().queries_context, 1u);
}

TEST_P(RedirectorTest, DeniedAndUnsupported) {
  RigOptions options;
  options.way = GetParam();
  options.knobs.query_requires_admin = true;
  options.proxy.elevated = false;
  Rig rig(options);
  const Link link = rig.ConnectApplication();
  WfpRedirector redirector;
  QueryRun query;
  EXPECT_EQ(Query(rig, redirector, query, *link.accepted), Verdict::kDenied);
  EXPECT_EQ(query.op.error().code, ErrorCode::kAccessDenied);
  rig.machine().Visit(link.accepted->native(),
                      [](Endpoint& endpoint) { endpoint.provider_has_codes = false; });
  EXPECT_EQ(Query(rig, redirector, query, *link.accepted), Verdict::kUnsupported);
}

TEST_P(RedirectorTest, T95_ForeignContext) {
  RigOptions options;
  options.way = GetParam();
  options.context = "GET / HTTP/1.1 is not a context";
  Rig rig(options);
  const Link link = rig.ConnectApplication();
  WfpRedirector redirector;
  QueryRun query;
  EXPECT_EQ(Query(rig, redirector, query, *link.accepted), Verdict::kBadContext);
  EXPECT_FALSE(query.op.records());
  EXPECT_TRUE(query.op.origin().destination.empty());
  EXPECT_EQ(redirector.counters().bad_context, 1u);
}

std::string ContextOf(const QueryRun& query) {
  const absl::Span<const std::byte> bytes = query.op.context();
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

// "PATH" and the application's program; its destination is always the rig's.
class PathContext final : public redirect::ContextCodec {
 public:
  explicit PathContext(const Address& destination) : destination_(destination) {}
  const char* name() const override { return "path"; }
  std::optional<redirect::Origin> Decode(absl::Span<const std::byte> bytes) const override {
    const absl::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (text.substr(0, 4) != "PATH") return std::nullopt;
    return redirect::Origin{destination_, Address(), 7, text.substr(4)};
  }
  std::string Encode(const redirect::Origin& origin) const override {
    return "PATH" + std::string(origin.process_path);
  }

 private:
  const Address destination_;
};

// Inspectors are shown both before the onward connection is made.
TEST_P(RedirectorTest, ContextAndPathStayUntilReset) {
  RigOptions options;
  options.way = GetParam();
  // Longer than the first buffer, so that what stays is the one that it grew to.
  options.context = "PATH/opt/acme/" + std::string(1000, 'a');
  Rig rig(options);
  const Link link = rig.ConnectApplication();
  redirect::WfpOptions wfp;
  wfp.codecs.Add(std::make_unique<PathContext>(rig.destination()));
  WfpRedirector redirector(std::move(wfp));
  QueryRun query;
  ASSERT_EQ(Query(rig, redirector, query, *link.accepted), Verdict::kOk);
  io::Socket& onward = rig.Open(rig.proxy_port(), Family::kV4);
  CarryRun carry;
  EXPECT_EQ(Carry(rig, redirector, carry, onward, query), Verdict::kOk);
  EXPECT_EQ(ContextOf(query), options.context);
  EXPECT_EQ(query.op.origin().process_path, options.context.substr(4));
  EXPECT_EQ(query.op.origin().pid, 7u);
  query.op.Reset();
  EXPECT_TRUE(query.op.context().empty());
  EXPECT_TRUE(query.op.origin().process_path.empty());
  EXPECT_EQ(rig.buffers.live(), 0u);
}

TEST_P(RedirectorTest, AContextThatNobodyKnowsIsShownAsWell) {
  RigOptions options;
  options.way = GetParam();
  options.context = "GET / HTTP/1.1 is not a context";
  Rig rig(options);
  const Link link = rig.ConnectApplication();
  WfpRedirector redirector;
  QueryRun query;
  ASSERT_EQ(Query(rig, redirector, query, *link.accepted), Verdict::kBadContext);
  EXPECT_EQ(ContextOf(query), options.context);
  const Link direct = rig.ConnectDirectly();
  ASSERT_EQ(Query(rig, redirector, query, *direct.accepted), Verdict::kAbsent);
  EXPECT_EQ(ContextOf(query), "");
  EXPECT_EQ(rig.buffers.live(), 0u);
}

TEST_P(RedirectorTest, NoContextNeedsAHook) {
  RigOptions options;
  options.way = GetParam();
  options.personality = Personality::kNoContext;
  Rig rig(options);
  const Link link = rig.ConnectApplication();
  QueryRun query;
  WfpRedirector without;
  EXPECT_EQ(Query(rig, without, query, *link.accepted), Verdict::kBadContext);
  EXPECT_EQ(without.counters().no_context, 1u);

  redirect::WfpOptions with_hook;
  Address destination = rig.destination();
  with_hook.user = &destination;
  with_hook.origin_without_context = [](void* user, const io::Socket& accepted,
                                        FoundOrigin* origin) {
    EXPECT_TRUE(accepted.is_open());
    origin->destination = *static_cast<Address*>(user);
    origin->process_path = "/opt/acme";
    origin->context = "side channel";
    return true;
  };
  WfpRedirector with(std::move(with_hook));
  EXPECT_EQ(Query(rig, with, query, *link.accepted), Verdict::kOk);
  EXPECT_EQ(query.op.origin().destination, destination);
  EXPECT_TRUE(query.op.records());
  EXPECT_EQ(query.op.origin().process_path, "/opt/acme");
  EXPECT_EQ(ContextOf(query), "side channel");
  destination = destination.WithPort(0);
  EXPECT_EQ(Query(rig, with, query, *link.accepted), Verdict::kBadContext);
}

TEST_P(RedirectorTest, CarryRefused) {
  Rig rig(GetParam());
  Rig other(GetParam());
  const Link foreign = other.ConnectApplication();
  WfpRedirector redirector;
  QueryRun query;
  ASSERT_EQ(Query(other, redirector, query, *foreign.accepted), Verdict::kOk);
  io::Socket& onward = rig.Open(rig.proxy_port(), Family::kV4);
  CarryRun carry;
  EXPECT_EQ(Carry(rig, redirector, carry, onward, query), Verdict::kRejected);
  query.op.Reset();
  EXPECT_EQ(redirector.counters().set[static_cast<std::size_t>(Meaning::kRejected)], 1u);
}

// A knob flips while connections are under way: from then on carries are denied.
TEST_P(RedirectorTest, T102_DeniedMidRun) {
  RigOptions options;
  options.way = GetParam();
  options.knobs.set_requires_admin = false;
  options.proxy.elevated = false;
  Rig rig(options);
  const Link link = rig.ConnectApplication();
  WfpRedirector redirector;
  QueryRun query;
  ASSERT_EQ(Query(rig, redirector, query, *link.accepted), Verdict::kOk);
  CarryRun carry;
  EXPECT_EQ(Carry(rig, redirector, carry, rig.Open(rig.proxy_port(), Family::kV4), query),
            Verdict::kOk);
  Knobs knobs = rig.platform->knobs();
  knobs.set_requires_admin = true;
  rig.platform->SetKnobs(knobs);
  EXPECT_EQ(Carry(rig, redirector, carry, rig.Open(rig.proxy_port(), Family::kV4), query),
            Verdict::kDenied);
  query.op.Reset();
}

// Nothing found, nothing to carry: at once, and the platform is not asked.
TEST_P(RedirectorTest, CarryingNothing) {
  Rig rig(GetParam());
  const Link link = rig.ConnectDirectly();
  WfpRedirector redirector;
  QueryRun query;
  ASSERT_EQ(Query(rig, redirector, query, *link.accepted), Verdict::kAbsent);
  CarryRun carry;
  EXPECT_EQ(Carry(rig, redirector, carry, rig.Open(rig.proxy_port(), Family::kV4), query),
            Verdict::kOk);
  EXPECT_EQ(rig.platform->statistics().sets, 0u);
}

// One operation after the other with the same objects, as a flow pool does.
TEST_P(RedirectorTest, OperationsAreReusable) {
  Rig rig(GetParam());
  WfpRedirector redirector;
  QueryRun query;
  CarryRun carry;
  for (int i = 0; i < 10; ++i) {
    const Link link = i % 3 == 2 ? rig.ConnectDirectly() : rig.ConnectApplication();
    const Verdict expected = i % 3 == 2 ? Verdict::kAbsent : Verdict::kOk;
    EXPECT_EQ(Query(rig, redirector, query, *link.accepted), expected);
    EXPECT_EQ(static_cast<bool>(query.op.records()), expected == Verdict::kOk);
    EXPECT_EQ(Carry(rig, redirector, carry, rig.Open(rig.proxy_port(), Family::kV4), query),
              Verdict::kOk);
  }
  query.op.Reset();
}

// Refused by what the platform pends and then fails.
TEST(RedirectorFailTest, FailAfterPend) {
  Rig rig;
  const Link link = rig.ConnectApplication();
  Knobs knobs = rig.platform->knobs();
  knobs.completion = Completion::kFailAfterPend;
  rig.platform->SetKnobs(knobs);
  WfpRedirector redirector;
  QueryRun query;
  EXPECT_EQ(Query(rig, redirector, query, *link.accepted), Verdict::kFailed);
  knobs.fail_status = io::kStatusInsufficientResources;
  rig.platform->SetKnobs(knobs);
  // Grows as long as there is something to grow, and ends.
  EXPECT_EQ(Query(rig, redirector, query, *link.accepted), Verdict::kFailed);
  EXPECT_EQ(rig.buffers.live(), 0u);
}

TEST(NoneRedirectorTest, FixedUpstream) {
  Rig rig;
  const Link link = rig.ConnectDirectly();
  const Address upstream = Address::V4({10, 0, 0, 1}, 80);
  redirect::NoneRedirector redirector(upstream);
  QueryRun query;
  EXPECT_EQ(Query(rig, redirector, query, *link.accepted), Verdict::kOk);
  EXPECT_EQ(query.op.origin().destination, upstream);
  EXPECT_EQ(query.op.origin().source, link.accepted->peer());
  EXPECT_FALSE(query.op.records());
  CarryRun carry;
  EXPECT_EQ(Carry(rig, redirector, carry, rig.Open(rig.proxy_port(), Family::kV4), query),
            Verdict::kOk);
  EXPECT_EQ(rig.platform->statistics().queries_records, 0u);
}

TEST(NoneRedirectorTest, CancelIsGone) {
  Rig rig;
  const Link link = rig.ConnectDirectly();
  redirect::NoneRedirector redirector(Address::V4({10, 0, 0, 1}, 80));
  QueryRun query;
  query.op.Cancel();  // idle: nothing happens
  redirector.Query(query.op, rig.worker(), *link.accepted);
  query.op.Cancel();
  EXPECT_TRUE(rig.RunUntil([&] { return query.done(); }));
  EXPECT_EQ(query.op.verdict(), Verdict::kGone);
  EXPECT_TRUE(query.op.origin().destination.empty());
}

}  // namespace
}  // namespace sluice::emulated
