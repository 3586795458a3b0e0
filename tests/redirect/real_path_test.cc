// SPDX-License-Identifier: Apache-2.0
//
// The fourteen points of "Real path: required behaviour of the engine" (redirect semantics
// reference, section 10), one test each, through whole engines where the engine is what must
// behave. The spy between the engine's ports and the platform sees in which order things are asked.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/redirect/context_layouts.h"
#include "engine/redirect/wfp/probe.h"
#include "gmock/gmock.h"
#include "tests/redirect/chain_rig.h"
#include "tests/redirect/runs.h"
#ifdef _WIN32
#include "engine/io/windows/winsock.h"
#else
#include <fcntl.h>
#endif

namespace sluice::emulated {
namespace {

using metrics::Counter;
using redirect::kQueryRedirectContext;
using redirect::kQueryRedirectRecords;
using redirect::kSetRedirectRecords;
using redirect::Meaning;
using redirect::Verdict;
using redirect::WfpRedirector;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using What = SpyPlatform::What;

// Where applications believe they connect to, when the context says something else.
const Address kElsewhere = Address::V4({203, 0, 113, 1}, 80);

// A vendor that redirects connects to `kElsewhere`, and whose context is `context`.
VendorOptions Saying(const std::string& context) {
  VendorOptions vendor;
  vendor.destinations = {kElsewhere};
  vendor.make_context = [context](const ClassifyValues&) { return context; };
  return vendor;
}

std::string ContextOf(const Address& destination) {
  return redirect::SluiceContext().Encode(redirect::Origin{destination, Address(), 1});
}

bool IsInherited(io::NativeHandle socket) {
#ifdef _WIN32
  DWORD flags = HANDLE_FLAG_INHERIT;
  GetHandleInformation(reinterpret_cast<HANDLE>(socket), &flags);
  return (flags & HANDLE_FLAG_INHERIT) != 0;
#else
  return (fcntl(static_cast<int>(socket), F_GETFD) & FD_CLOEXEC) == 0;
#endif
}

class RealPathTest : public WayTest {};
INSTANTIATE_TEST_SUITE_P(Ways, RealPathTest,
                         ::testing::Values(Way::kInline, Way::kPend, Way::kRandom), WayParamName);

// Start: the probe arms exactly when the service is there and lets this process in.
TEST_P(RealPathTest, Point01_ProbeBeforeArming) {
  Chain elevated(GetParam());
  io::PortOptions port;
  port.platform = &elevated.spy;
  const absl::StatusOr<redirect::ProbeResult> armed = redirect::ProbeRedirectService(port);
  ASSERT_TRUE(armed.ok()) << armed.status();
  EXPECT_EQ(armed->query, Meaning::kAbsent);
  EXPECT_EQ(armed->set, Meaning::kRejected);
  EXPECT_TRUE(armed->Armed());
  EXPECT_FALSE(elevated.spy.Controls(kQueryRedirectRecords).empty());
  EXPECT_FALSE(elevated.spy.Controls(kSetRedirectRecords).empty());

  ProcessOptions process;
  process.elevated = false;
  Chain denied(GetParam(), Knobs(), process);
  port.platform = &denied.spy;
  const absl::StatusOr<redirect::ProbeResult> refused = redirect::ProbeRedirectService(port);
  ASSERT_TRUE(refused.ok()) << refused.status();
  EXPECT_EQ(refused->set, Meaning::kDenied);
  EXPECT_FALSE(refused->Armed());
}

// Listener: both loopbacks, a hinted backlog, nobody else on the address, and an accept that waits
// for no byte.
TEST_P(RealPathTest, Point02_Listeners) {
  Chain chain(GetParam());
  const Address v6_elsewhere = *Address::Parse("[2001:db8::1]:80");
  HopOptions hop;
  hop.listen = {Address::Loopback(Family::kV4, 0), Address::Loopback(Family::kV6, 0)};
  hop.vendor = Saying(ContextOf(chain.rig.destination()));
  hop.vendor.destinations = {kElsewhere, v6_elsewhere};
  runtime::Engine& engine = chain.Add(std::move(hop));
  const std::vector<SpyPlatform::Event> listening = chain.spy.EventsOf(What::kListening);
  ASSERT_EQ(listening.size(), 2u);
  for (const SpyPlatform::Event& event : listening) EXPECT_EQ(event.backlog, 1024);
  for (int i = 0; i < 10; ++i) {
    for (const Address& destination : {kElsewhere, v6_elsewhere}) {
      chain.Client(destination);  // says nothing
      EXPECT_NE(chain.rig.Accept(chain.rig.origin()), nullptr);
    }
  }
  EXPECT_EQ(chain.Counted(0, Counter::k_accepted), 20u);
  for (const Address& taken : engine.addresses()) {
    runtime::EngineOptions options;
    options.listen = {taken};
    options.redirector = std::make_unique<WfpRedirector>();
    auto second = runtime::Engine::Create(chain.runtime(), std::move(options));
    ASSERT_TRUE(second.ok());
    EXPECT_FALSE((*second)->Start().ok()) << taken.ToString() << " is taken";
  }
}

// On accept: both queries at once, and nothing is decided before both have answered.
TEST(RealPathStepTest, Point03_BothQueriesBeforePolicy) {
  ChainOptions options;
  options.way = Way::kPend;
  options.manual_completion = true;
  Chain chain(options);
  chain.Add();
  chain.Client(chain.rig.destination());
  ASSERT_TRUE(chain.AwaitPended(2));
  EXPECT_EQ(chain.spy.Controls(kQueryRedirectRecords).size(), 1u);
  EXPECT_EQ(chain.spy.Controls(kQueryRedirectContext).size(), 1u);
  chain.Answer(1);
  chain.rig.RunFor(20 * kMillisecond);
  EXPECT_EQ(chain.rig.platform->pended(), 1u);
  EXPECT_TRUE(chain.spy.Controls(kSetRedirectRecords).empty());
  chain.Answer(1);
  ASSERT_TRUE(chain.AwaitPended(1));
  EXPECT_EQ(chain.spy.Controls(kSetRedirectRecords).size(), 1u);
  chain.Answer(1);
  EXPECT_NE(chain.rig.Accept(chain.rig.origin()), nullptr);
}

// No records: closed and counted. Records without a context: the hook knows, or it is closed.
TEST_P(RealPathTest, Point04_Absent) {
  Chain chain(GetParam());
  VendorOptions silent;
  silent.personality = Personality::kNoContext;
  silent.destinations = {kElsewhere};
  runtime::Engine& closing = chain.Add(silent);
  EXPECT_TRUE(chain.IsCut(closing.addresses()[0]));
  ASSERT_TRUE(chain.Await(0, Counter::k_joined, 1));
  EXPECT_EQ(chain.Counted(0, Counter::k_closed_not_redirected), 1u);
  EXPECT_TRUE(chain.IsCut(kElsewhere));
  ASSERT_TRUE(chain.Await(0, Counter::k_joined, 2));
  EXPECT_EQ(chain.Counted(0, Counter::k_closed_bad_context), 1u);
  EXPECT_EQ(chain.redirector(0).counters().no_context, 1u);
  EXPECT_TRUE(chain.spy.EventsOf(What::kConnecting).empty());

  Address known = chain.rig.destination();
  HopOptions asking;
  asking.vendor = silent;
  asking.vendor.destinations = {kElsewhere.WithPort(81)};
  asking.wfp.user = &known;
  asking.wfp.origin_without_context = [](void* user, const io::Socket&, FoundOrigin* origin) {
    origin->destination = *static_cast<Address*>(user);
    return true;
  };
  chain.Add(std::move(asking));
  EXPECT_NE(chain.Converse(chain.Client(kElsewhere.WithPort(81))), nullptr);
  EXPECT_EQ(chain.redirector(1).counters().no_context, 1u);
  chain.Stop();
}

// Each way in which a context may not be ours.
TEST_P(RealPathTest, Point05_ContextIsValidated) {
  const std::string good = ContextOf(Address::V4({127, 0, 0, 1}, 9));
  std::vector<std::string> broken = {good.substr(1),
                                     good.substr(0, good.size() - 1),
                                     good + '\0',
                                     std::string(good.size(), '\0'),
                                     ContextOf(kElsewhere.WithPort(0)),
                                     "GET / HTTP/1.1"};
  // Magic, version, size, family, the bytes that must be zero.
  for (const std::size_t at : {0, 3, 4, 6, 8, 14, 28, 36}) {
    broken.push_back(good);
    broken.back()[at] = static_cast<char>(broken.back()[at] ^ 0x21);
  }
  Chain chain(GetParam());
  auto context = std::make_shared<std::string>();
  VendorOptions vendor = Saying("");
  vendor.make_context = [context](const ClassifyValues&) { return *context; };
  chain.Add(vendor);
  for (std::size_t i = 0; i < broken.size(); ++i) {
    *context = broken[i];
    EXPECT_TRUE(chain.IsCut(kElsewhere)) << i;
    ASSERT_TRUE(chain.Await(0, Counter::k_closed_bad_context, i + 1)) << i;
  }
  EXPECT_TRUE(chain.spy.EventsOf(What::kConnecting).empty()) << "nothing was connected";
  *context = ContextOf(chain.rig.destination());
  EXPECT_NE(chain.Converse(chain.Client(kElsewhere)), nullptr);
}

// The onward socket: not inherited; SET, then bind, then connect.
TEST_P(RealPathTest, Point06_SetThenBindThenConnect) {
  Knobs knobs;
  knobs.set_after_bind = SetAfterBind::kInvalid;
  Chain chain(GetParam(), knobs);
  HopOptions hop;
  hop.sources = {Address::Loopback(Family::kV4, 0)};
  chain.Add(std::move(hop));
  ASSERT_NE(chain.Converse(chain.Client(chain.rig.destination())), nullptr);
  EXPECT_THAT(chain.spy.LifeOf(kSetRedirectRecords),
              ElementsAre(What::kOpened, What::kControl, What::kBound, What::kConnecting));
  EXPECT_FALSE(IsInherited(chain.spy.Controls(kSetRedirectRecords)[0].socket));
  EXPECT_EQ(chain.rig.platform->statistics().redirected, 1u);
}

// ... and each step waits for the one before.
TEST(RealPathStepTest, Point06_ConnectWaitsForSet) {
  ChainOptions options;
  options.way = Way::kPend;
  options.manual_completion = true;
  Chain chain(options);
  HopOptions hop;
  hop.sources = {Address::Loopback(Family::kV4, 0)};
  chain.Add(std::move(hop));
  chain.Client(chain.rig.destination());
  ASSERT_TRUE(chain.AwaitPended(2));
  chain.Answer(2);
  ASSERT_TRUE(chain.AwaitPended(1));
  chain.rig.RunFor(20 * kMillisecond);
  EXPECT_THAT(chain.spy.LifeOf(kSetRedirectRecords), ElementsAre(What::kOpened, What::kControl));
  chain.Answer(1);
  EXPECT_NE(chain.rig.Accept(chain.rig.origin()), nullptr);
  EXPECT_THAT(chain.spy.LifeOf(kSetRedirectRecords),
              ElementsAre(What::kOpened, What::kControl, What::kBound, What::kConnecting));
}

// A context may name an IPv4 destination in its v4-mapped form; the onward connection is IPv4.
TEST_P(RealPathTest, Point06_V4MappedGoesOutOverIpv4) {
  Chain chain(GetParam());
  const Address mapped =
      *Address::Parse(absl::StrCat("[::ffff:127.0.0.1]:", chain.rig.destination().tcp_port()));
  chain.Add(Saying(ContextOf(mapped)));
  EXPECT_NE(chain.Converse(chain.Client(kElsewhere)), nullptr);
  const std::vector<SpyPlatform::Event> connecting = chain.spy.EventsOf(What::kConnecting);
  ASSERT_EQ(connecting.size(), 1u);
  EXPECT_EQ(connecting[0].address, chain.rig.destination());
}

// The accepted socket stays open until SET has answered.
TEST(RealPathStepTest, Point07_AcceptedSocketOutlivesSet) {
  ChainOptions options;
  options.way = Way::kPend;
  options.manual_completion = true;
  Chain chain(options);
  chain.Add();
  io::Socket& client = chain.Client(chain.rig.destination());
  ASSERT_TRUE(chain.AwaitPended(2));
  chain.Answer(2);
  ASSERT_TRUE(chain.AwaitPended(1));
  chain.rig.RunFor(20 * kMillisecond);
  EXPECT_THAT(chain.spy.LifeOf(kQueryRedirectRecords),
              ElementsAre(What::kAccepted, What::kControl, What::kControl));
  EXPECT_THAT(chain.spy.LifeOf(kSetRedirectRecords), Not(::testing::Contains(What::kConnecting)));
  chain.Answer(1);
  EXPECT_NE(chain.Converse(client), nullptr);
}

// Each further candidate gets a SET of its own, from the one query.
TEST_P(RealPathTest, Point08_EachCandidateItsOwnSet) {
  Rig rig(GetParam());
  const Link link = rig.ConnectApplication();
  WfpRedirector redirector;
  QueryRun query;
  ASSERT_EQ(Query(rig, redirector, query, *link.accepted), Verdict::kOk);
  std::vector<io::Socket*> candidates;
  for (const Family family : {Family::kV6, Family::kV4, Family::kV6, Family::kV4}) {
    candidates.push_back(&rig.Open(rig.proxy_port(), family));
    CarryRun carry;
    EXPECT_EQ(Carry(rig, redirector, carry, *candidates.back(), query), Verdict::kOk);
  }
  query.op.Reset();
  EXPECT_EQ(rig.platform->statistics().sets, 4u);
  for (io::Socket* candidate : candidates) EXPECT_EQ(rig.Installed(*candidate), 1u);
}

// SET fails: the client is reset and nothing leaves.
TEST_P(RealPathTest, Point09_SetFailureFailsClosed) {
  ProcessOptions process;
  process.elevated = false;
  Chain chain(GetParam(), Knobs(), process);
  chain.Add();
  EXPECT_TRUE(chain.IsCut(chain.rig.destination()));
  ASSERT_TRUE(chain.Await(0, Counter::k_joined, 1));
  EXPECT_EQ(chain.Counted(0, Counter::k_closed_carry_failed), 1u);
  EXPECT_EQ(chain.rig.platform->statistics().sets_failed, 1u);
  EXPECT_TRUE(chain.spy.EventsOf(What::kConnecting).empty());
}

// The blob is one pooled buffer while there is something to carry, and none afterwards.
TEST(RealPathStepTest, Point10_BlobIsDroppedAfterCarrying) {
  ChainOptions options;
  options.way = Way::kPend;
  options.manual_completion = true;
  Chain chain(options);
  chain.Add();
  io::Socket& client = chain.Client(chain.rig.destination());
  ASSERT_TRUE(chain.AwaitPended(2));
  EXPECT_EQ(chain.runtime().Live().buffers, 2u) << "a buffer for each query";
  chain.Answer(2);
  ASSERT_TRUE(chain.AwaitPended(1));
  EXPECT_EQ(chain.runtime().Live().buffers, 2u)
      << "the blob, shared by query and carry, and the context for whoever looks at it";
  chain.Answer(1);
  ASSERT_NE(chain.Converse(client), nullptr);
  EXPECT_EQ(chain.runtime().Live().buffers, 0u);
  EXPECT_EQ(chain.runtime().Live().flows, 1u);
}

// The destination refuses: a reset is the only way left to tell the client.
TEST_P(RealPathTest, Point11_OnwardFailureResetsTheClient) {
  Chain chain(GetParam());
  chain.Add();
  io::Socket& gone = chain.rig.Listen(chain.rig.app_port(), Family::kV4);
  const Address nobody = gone.local();
  chain.rig.Close(gone);
  EXPECT_TRUE(chain.IsCut(nobody));
  ASSERT_TRUE(chain.Await(0, Counter::k_joined, 1));
  EXPECT_EQ(chain.Counted(0, Counter::k_closed_connect_failed), 1u);
  EXPECT_EQ(chain.spy.EventsOf(What::kConnecting).size(), 1u);
}

// A destination that is one of our listeners, in either spelling.
TEST_P(RealPathTest, Point12_SelfConnectGuard) {
  Chain chain(GetParam());
  auto named = std::make_shared<Address>();
  VendorOptions vendor = Saying("");
  vendor.make_context = [named](const ClassifyValues&) { return ContextOf(*named); };
  const Address own = chain.Add(vendor).addresses()[0];
  *named = own;
  EXPECT_TRUE(chain.IsCut(kElsewhere));
  *named = *Address::Parse(absl::StrCat("[::ffff:127.0.0.1]:", own.tcp_port()));
  EXPECT_TRUE(chain.IsCut(kElsewhere));
  ASSERT_TRUE(chain.Await(0, Counter::k_joined, 2));
  EXPECT_EQ(chain.Counted(0, Counter::k_closed_loop_guard), 2u);
  EXPECT_TRUE(chain.spy.EventsOf(What::kConnecting).empty());
}

// No onward connection serves two, neither at the same time nor one after the other.
TEST_P(RealPathTest, Point13_OnwardConnectionsAreNotPooled) {
  Chain chain(GetParam());
  chain.Add();
  io::Socket& one = chain.Client(chain.rig.destination());
  io::Socket* first = chain.Converse(one, "first");
  io::Socket& two = chain.Client(chain.rig.destination());
  io::Socket* second = chain.Converse(two, "second");
  ASSERT_NE(first, nullptr);
  ASSERT_NE(second, nullptr);
  EXPECT_NE(first->peer(), second->peer());
  chain.rig.Close(one);
  EXPECT_EQ(chain.rig.Receive(*first), "") << "the end of its only connection";
  chain.rig.Close(*first);
  ASSERT_TRUE(chain.Await(0, Counter::k_joined, 1));
  EXPECT_NE(chain.Converse(chain.Client(chain.rig.destination()), "third"), nullptr);
  EXPECT_EQ(chain.spy.EventsOf(What::kConnecting).size(), 3u);
  EXPECT_EQ(chain.rig.platform->statistics().sets, 3u);
}

// Numbers: per operation and outcome, growths, the largest blob, the share of absent ones.
TEST_P(RealPathTest, Point14_Metrics) {
  Knobs knobs;
  knobs.record_pad = 6000;
  Chain chain(GetParam(), knobs);
  const Address listener = chain.Add().addresses()[0];
  EXPECT_NE(chain.Converse(chain.Client(chain.rig.destination())), nullptr);
  EXPECT_TRUE(chain.IsCut(listener));
  ASSERT_TRUE(chain.Await(0, Counter::k_joined, 1));
  const redirect::WfpCounters counters = chain.redirector(0).counters();
  const auto count = [](const redirect::WfpCounters::PerMeaning& counts, Meaning meaning) {
    return counts[static_cast<std::size_t>(meaning)];
  };
  EXPECT_EQ(count(counters.records, Meaning::kOk), 1u);
  EXPECT_EQ(count(counters.records, Meaning::kGrow), 1u);
  EXPECT_GE(count(counters.records, Meaning::kAbsent), 1u);
  EXPECT_EQ(count(counters.context, Meaning::kOk), 1u);
  EXPECT_EQ(count(counters.context, Meaning::kAbsent), 1u);
  EXPECT_EQ(count(counters.set, Meaning::kOk), 1u);
  EXPECT_EQ(counters.Growths(), 1u);
  EXPECT_GT(counters.largest_records, 6000u);
  EXPECT_EQ(counters.queries, chain.Counted(0, Counter::k_accepted));
  EXPECT_EQ(counters.queries, 2u);
  EXPECT_EQ(counters.not_redirected, 1u);
}

// ---- Failure policies ----

// Nothing is known of a connection: closed by default, sent to a fixed place on request.
TEST_P(RealPathTest, PolicyOnQueryFailure) {
  for (const bool direct : {false, true}) {
    LogCapture log;
    Chain chain(GetParam());
    HopOptions hop;
    hop.policy.on_query_failure =
        direct ? flow::OnQueryFailure::kDirect : flow::OnQueryFailure::kClose;
    hop.policy.direct_destination = chain.rig.destination();
    hop.vendor.destinations = {kElsewhere};
    const Address listener = chain.Add(std::move(hop)).addresses()[0];
    if (direct) {
      EXPECT_NE(chain.Converse(chain.Client(listener)), nullptr);
    } else {
      EXPECT_TRUE(chain.IsCut(listener));
      ASSERT_TRUE(chain.Await(0, Counter::k_joined, 1));
    }
    EXPECT_EQ(chain.Counted(0, Counter::k_direct_without_query), direct ? 1u : 0u);
    EXPECT_EQ(chain.Counted(0, Counter::k_closed_not_redirected), direct ? 0u : 1u);
    EXPECT_EQ(chain.spy.Controls(kSetRedirectRecords).size(), 0u) << "there is nothing to carry";
    chain.Stop();
    const std::string sent_on = "A: redirect query failed, sent on directly by policy: flow ";
    if (direct) {
      EXPECT_THAT(log.text(), HasSubstr(sent_on));
    } else {
      EXPECT_THAT(log.text(), Not(HasSubstr(sent_on)));
      EXPECT_THAT(log.text(), HasSubstr("not redirected (downstream, accepted)"));
    }
  }
}

// kDirect without a place to go to is kClose.
TEST_P(RealPathTest, PolicyDirectToNowhere) {
  Chain chain(GetParam());
  HopOptions hop;
  hop.policy.on_query_failure = flow::OnQueryFailure::kDirect;
  const Address listener = chain.Add(std::move(hop)).addresses()[0];
  EXPECT_TRUE(chain.IsCut(listener));
  ASSERT_TRUE(chain.Await(0, Counter::k_joined, 1));
  EXPECT_EQ(chain.Counted(0, Counter::k_closed_not_redirected), 1u);
  EXPECT_EQ(chain.Counted(0, Counter::k_direct_without_query), 0u);
}

// The records are not to be had, but the context is: it wins over the fixed destination.
TEST_P(RealPathTest, PolicyDirectToWhereTheContextSays) {
  for (const bool direct : {false, true}) {
    LogCapture log;
    Knobs knobs;
    knobs.record_pad = 70000;  // more than any query may ask for
    Chain chain(GetParam(), knobs);
    HopOptions hop;
    hop.vendor = Saying(ContextOf(chain.rig.destination()));
    hop.policy.on_query_failure =
        direct ? flow::OnQueryFailure::kDirect : flow::OnQueryFailure::kClose;
    hop.policy.direct_destination = Address::Loopback(Family::kV4, 1);
    chain.Add(std::move(hop));
    if (direct) {
      EXPECT_NE(chain.Converse(chain.Client(kElsewhere)), nullptr);
    } else {
      EXPECT_TRUE(chain.IsCut(kElsewhere));
      ASSERT_TRUE(chain.Await(0, Counter::k_joined, 1));
    }
    EXPECT_EQ(chain.Counted(0, Counter::k_direct_without_query), direct ? 1u : 0u);
    EXPECT_EQ(chain.Counted(0, Counter::k_closed_query_failed), direct ? 0u : 1u);
    EXPECT_EQ(chain.spy.EventsOf(What::kConnecting).size(), direct ? 1u : 0u);
    chain.Stop();
    EXPECT_THAT(log.text(), HasSubstr(direct ? "redirect query failed, sent on directly by policy"
                                             : "redirect query failed (engine, accepted)"));
  }
}

// SET is denied: closed by default; on request sent on, over a fresh socket that carries nothing.
TEST_P(RealPathTest, PolicyOnCarryFailure) {
  for (const bool without : {false, true}) {
    LogCapture log;
    ProcessOptions process;
    process.elevated = false;
    Chain chain(GetParam(), Knobs(), process);
    HopOptions hop;
    hop.vendor = Saying(ContextOf(chain.rig.destination()));
    hop.policy.on_carry_failure =
        without ? flow::OnCarryFailure::kWithoutRecords : flow::OnCarryFailure::kClose;
    chain.Add(std::move(hop));
    if (without) {
      EXPECT_NE(chain.Converse(chain.Client(kElsewhere)), nullptr);
    } else {
      EXPECT_TRUE(chain.IsCut(kElsewhere));
      ASSERT_TRUE(chain.Await(0, Counter::k_joined, 1));
    }
    EXPECT_EQ(chain.Counted(0, Counter::k_sent_without_records), without ? 1u : 0u);
    EXPECT_EQ(chain.Counted(0, Counter::k_closed_carry_failed), without ? 0u : 1u);
    EXPECT_EQ(chain.spy.EventsOf(What::kConnecting).size(), without ? 1u : 0u);
    EXPECT_THAT(chain.spy.LifeOf(kSetRedirectRecords),
                ElementsAre(What::kOpened, What::kControl, What::kClosing));
    EXPECT_EQ(chain.rig.platform->statistics().sets, 0u);
    chain.Stop();
    EXPECT_THAT(log.text(),
                HasSubstr(without ? "setting records failed, sent on without them by policy: flow "
                                  : "setting redirect records failed (upstream, admitted)"));
  }
}

}  // namespace
}  // namespace sluice::emulated
