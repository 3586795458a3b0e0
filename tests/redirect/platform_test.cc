// SPDX-License-Identifier: Apache-2.0
//
// The platform behind real sockets: who gets which records, foreign programs, processes, closing.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/redirect/wfp/probe.h"
#include "engine/redirect/wfp/wfp_redirector.h"
#include "gmock/gmock.h"
#include "tests/redirect/rig.h"
#include "tests/redirect/runs.h"

namespace sluice::emulated {
namespace {

using redirect::Verdict;
using redirect::WfpRedirector;

RigOptions WithoutVendor() {
  RigOptions options;
  options.with_vendor = false;
  return options;
}

VendorOptions VendorAt(const char* name, std::uint16_t weight, const Address& listener) {
  VendorOptions vendor;
  vendor.name = name;
  vendor.sublayer_weight = weight;
  vendor.listeners = {listener};
  return vendor;
}

TEST(PlatformTest, EachConnectionGetsItsOwnRecords) {
  Rig rig;
  std::vector<Link> links;
  for (int i = 0; i < 20; ++i) links.push_back(rig.ConnectApplication());
  WfpRedirector redirector;
  for (const Link& link : links) {
    QueryRun query;
    ASSERT_EQ(Query(rig, redirector, query, *link.accepted), Verdict::kOk);
    EXPECT_EQ(query.op.origin().destination, rig.destination());
  }
  const std::vector<TraceRecord> trace = rig.platform->trace();
  ASSERT_EQ(trace.size(), 20u);
  for (std::size_t i = 0; i < trace.size(); ++i) {
    EXPECT_EQ(trace[i].source.tcp_port(), links[i].accepted->peer().tcp_port());
    EXPECT_EQ(trace[i].application, trace[i].sequence);
  }
}

// Connects overtake each other: many SYNs leave before the first is accepted, redirected and not.
TEST(PlatformTest, RecordsFollowTheirConnection) {
  Rig rig;
  io::Socket& plain = rig.Listen(rig.proxy_port(), Family::kV4);
  VendorOptions b = VendorAt("B", 950, plain.local());
  b.destinations = {Address::Loopback(Family::kV4, 1)};
  b.make_context = [](const ClassifyValues&) { return std::string("to B"); };
  ASSERT_TRUE(rig.platform->AddVendor(b).ok());
  for (int i = 0; i < 12; ++i) {
    io::Socket& client = rig.Open(rig.app_port(), Family::kV4);
    const Address targets[] = {rig.destination(), Address::Loopback(Family::kV4, 1),
                               rig.listener().local()};
    ASSERT_TRUE(rig.Connect(client, targets[i % 3]).ok());
  }
  int direct = 0;
  for (int i = 0; i < 8; ++i) {  // A's listener: four redirected, four direct
    io::Socket* accepted = rig.Accept(rig.listener());
    ASSERT_NE(accepted, nullptr);
    WfpRedirector redirector;
    QueryRun query;
    const Verdict verdict = Query(rig, redirector, query, *accepted);
    if (verdict == Verdict::kAbsent) ++direct;
    if (verdict == Verdict::kOk) {
      EXPECT_EQ(query.op.origin().destination, rig.destination());
    }
  }
  EXPECT_EQ(direct, 4);
  for (int i = 0; i < 4; ++i) {
    std::string context(512, '\0');
    io::Socket* accepted = rig.Accept(plain);
    ASSERT_NE(accepted, nullptr);
    EXPECT_EQ(rig.QueryContext(*accepted, &context).bytes, 4u);
    EXPECT_EQ(context.substr(0, 4), "to B");
  }
}

TEST(PlatformTest, V6AndMappedConnects) {
  Rig rig(WithoutVendor());
  VendorOptions vendor = VendorAt("A", 900, rig.listener().local());
  vendor.destinations = {Address::V4({203, 0, 113, 80}, 80), *Address::Parse("[2001:db8::80]:80")};
  io::Socket& v6 = rig.Listen(rig.proxy_port(), Family::kV6);
  vendor.listeners.push_back(v6.local());
  ASSERT_TRUE(rig.platform->AddVendor(vendor).ok());
  io::Socket& client = rig.Open(rig.app_port(), Family::kV6);
  ASSERT_TRUE(rig.Connect(client, *Address::Parse("[2001:db8::80]:80")).ok());
  io::Socket* accepted = rig.Accept(v6);
  ASSERT_NE(accepted, nullptr);
  WfpRedirector redirector;
  QueryRun query;
  ASSERT_EQ(Query(rig, redirector, query, *accepted), Verdict::kOk);
  EXPECT_EQ(query.op.origin().destination, *Address::Parse("[2001:db8::80]:80"));
  query.op.Reset();
}

TEST(PlatformTest, RefusedAndBlockedConnects) {
  Rig rig(WithoutVendor());
  FilterOptions block;
  block.action = Action::kBlock;
  const Address blocked = Address::V4({10, 9, 8, 7}, 80);
  block.condition = [blocked](const ClassifyValues& values) { return values.remote == blocked; };
  const FilterId filter = rig.platform->AddFilter(block);
  io::Socket& client = rig.Open(rig.app_port(), Family::kV4);
  EXPECT_EQ(rig.Connect(client, blocked).error.code, ErrorCode::kAccessDenied);
  rig.platform->RemoveFilter(filter);
  VendorOptions vendor = VendorAt("A", 900, rig.listener().local());
  vendor.personality = Personality::kZeroPid;
  ASSERT_TRUE(rig.platform->AddVendor(vendor).ok());
  io::Socket& other = rig.Open(rig.app_port(), Family::kV4);
  EXPECT_EQ(rig.Connect(other, rig.destination()).error.code, ErrorCode::kRefused);
  EXPECT_EQ(rig.platform->statistics().blocked, 1u);
  EXPECT_EQ(rig.platform->statistics().refused, 1u);
}

// A redirected connect that the listener refuses leaves nothing behind.
TEST(PlatformTest, NobodyListens) {
  Rig rig(WithoutVendor());
  io::Socket& gone = rig.Listen(rig.proxy_port(), Family::kV4);
  ASSERT_TRUE(rig.platform->AddVendor(VendorAt("A", 900, gone.local())).ok());
  rig.Close(gone);
  io::Socket& client = rig.Open(rig.app_port(), Family::kV4);
  EXPECT_EQ(rig.Connect(client, rig.destination()).error.code, ErrorCode::kRefused);
  EXPECT_EQ(rig.machine().syns().size(), 0u);
}

TEST(PlatformTest, ListenerClosedBeforeAccept) {
  Rig rig;
  io::Socket& client = rig.Open(rig.app_port(), Family::kV4);
  ASSERT_TRUE(rig.Connect(client, rig.destination()).ok());
  EXPECT_EQ(rig.machine().syns().size(), 1u);
  rig.Close(rig.listener());
  EXPECT_EQ(rig.machine().syns().size(), 0u);
}

TEST(PlatformTest, AddVendorSaysWhatIsWrong) {
  Platform platform;
  VendorOptions vendor;
  EXPECT_THAT(std::string(platform.AddVendor(vendor).status().message()),
              ::testing::HasSubstr("name"));
  vendor.name = "A";
  EXPECT_THAT(std::string(platform.AddVendor(vendor).status().message()),
              ::testing::HasSubstr("listeners"));
  vendor.listeners = {Address::Wildcard(Family::kV4, 80)};
  EXPECT_THAT(std::string(platform.AddVendor(vendor).status().message()),
              ::testing::HasSubstr("0.0.0.0:80"));
  vendor.listeners = {Address::Loopback(Family::kV4, 80)};
  vendor.target_pid = 0;
  EXPECT_THAT(std::string(platform.AddVendor(vendor).status().message()),
              ::testing::HasSubstr("target_pid"));
}

// ---- Foreign programs ----

// A port without the platform is a program that knows nothing of it.
class ForeignProgram {
 public:
  ForeignProgram() {
    auto port = io::Port::Create(io::PortOptions());
    EXPECT_TRUE(port.ok());
    port_ = std::move(*port);
    connect_.Bind(this,
                  [](void* self, Outcome) { static_cast<ForeignProgram*>(self)->done_ = true; });
  }
  ~ForeignProgram() {
    port_->Close(socket_);
    while (!socket_.is_joined()) port_->RunOnce(Instant::Now() + kMillisecond);
  }
  void Connect(const Address& remote) {
    EXPECT_TRUE(port_->Open(socket_, remote.family()).ok());
    port_->Connect(connect_, socket_, remote);
    while (!done_) port_->RunOnce(Instant::Now() + kMillisecond);
  }

 private:
  std::unique_ptr<io::Port> port_;
  io::ConnectOp connect_;
  io::Socket socket_;
  bool done_ = false;
};

TEST(ForeignTest, AdoptedAtTheFirstListener) {
  Rig rig;
  const Address destination = Address::V4({203, 0, 113, 80}, 443);
  rig.platform->AdoptForeign(rig.listener().local(), destination);
  ForeignProgram program;
  program.Connect(rig.listener().local());
  io::Socket* accepted = rig.Accept(rig.listener());
  ASSERT_NE(accepted, nullptr);
  WfpRedirector redirector;
  QueryRun query;
  ASSERT_EQ(Query(rig, redirector, query, *accepted), Verdict::kOk);
  EXPECT_EQ(query.op.origin().destination, destination);
  EXPECT_EQ(query.op.origin().source, accepted->peer());
  query.op.Reset();
  EXPECT_EQ(rig.platform->statistics().foreign, 1u);
  EXPECT_EQ(rig.platform->TraceText(),
            absl::StrCat("C0 ", accepted->peer().ToString(),
                         " -> 203.0.113.80:443 records=[]  A: state 0 redirect -> ",
                         rig.listener().local().ToString(), "\n"));
}

TEST(ForeignTest, NotWithoutTheVendorsConsent) {
  Rig rig(WithoutVendor());
  const Address destination = Address::V4({203, 0, 113, 80}, 443);
  rig.platform->AdoptForeign(rig.listener().local(), destination);
  VendorOptions vendor = VendorAt("A", 900, rig.listener().local());
  vendor.destinations = {Address::V4({203, 0, 113, 81}, 443)};
  ASSERT_TRUE(rig.platform->AddVendor(vendor).ok());
  ForeignProgram program;
  program.Connect(rig.listener().local());
  io::Socket* accepted = rig.Accept(rig.listener());
  ASSERT_NE(accepted, nullptr);
  WfpRedirector redirector;
  QueryRun query;
  EXPECT_EQ(Query(rig, redirector, query, *accepted), Verdict::kAbsent);
}

// Another vendor is heavier: its proxy would have got the connection, so this one gets no record.
TEST(ForeignTest, NotWhenAnotherVendorWins) {
  Rig rig;
  rig.platform->AdoptForeign(rig.listener().local(), Address::V4({203, 0, 113, 80}, 443));
  io::Socket& other = rig.Listen(rig.proxy_port(), Family::kV4);
  ASSERT_TRUE(rig.platform->AddVendor(VendorAt("B", 1000, other.local())).ok());
  ForeignProgram program;
  program.Connect(rig.listener().local());
  io::Socket* accepted = rig.Accept(rig.listener());
  ASSERT_NE(accepted, nullptr);
  WfpRedirector redirector;
  QueryRun query;
  EXPECT_EQ(Query(rig, redirector, query, *accepted), Verdict::kAbsent);
  EXPECT_EQ(rig.platform->statistics().foreign, 0u);
}

// A socket of this machine that connects to the listener itself is not a foreign program.
TEST(ForeignTest, OwnSocketsAreNotForeign) {
  Rig rig;
  rig.platform->AdoptForeign(rig.listener().local(), Address::V4({203, 0, 113, 80}, 443));
  const Link direct = rig.ConnectDirectly();
  WfpRedirector redirector;
  QueryRun query;
  EXPECT_EQ(Query(rig, redirector, query, *direct.accepted), Verdict::kAbsent);
  // And one that is redirected there keeps its own destination.
  const Link redirected = rig.ConnectApplication();
  ASSERT_EQ(Query(rig, redirector, query, *redirected.accepted), Verdict::kOk);
  EXPECT_EQ(query.op.origin().destination, rig.destination());
  query.op.Reset();
}

TEST(ForeignTest, ForgottenAndReplaced) {
  Rig rig;
  WfpRedirector redirector;
  QueryRun query;
  rig.platform->AdoptForeign(rig.listener().local(), Address::V4({203, 0, 113, 80}, 443));
  rig.platform->AdoptForeign(rig.listener().local(), Address::V4({203, 0, 113, 81}, 443));
  for (const bool forgotten : {false, true}) {
    if (forgotten) rig.platform->ForgetForeign(rig.listener().local());
    ForeignProgram program;
    program.Connect(rig.listener().local());
    io::Socket* accepted = rig.Accept(rig.listener());
    ASSERT_NE(accepted, nullptr);
    EXPECT_EQ(Query(rig, redirector, query, *accepted),
              forgotten ? Verdict::kAbsent : Verdict::kOk);
    if (!forgotten) {
      EXPECT_EQ(query.op.origin().destination, Address::V4({203, 0, 113, 81}, 443));
    }
  }
}

// ---- Start-up probe ----

class ProbeTest : public WayTest {};
INSTANTIATE_TEST_SUITE_P(Ways, ProbeTest, ::testing::Values(Way::kInline, Way::kPend, Way::kRandom),
                         WayParamName);

io::PortOptions On(io::Platform* process) {
  io::PortOptions options;
  options.platform = process;
  return options;
}

PlatformOptions Answering(Way way) {
  PlatformOptions options;
  options.knobs.completion = way == Way::kInline ? Completion::kInline
                             : way == Way::kPend ? Completion::kPend
                                                 : Completion::kRandom;
  return options;
}

TEST_P(ProbeTest, T113_Armed) {
  Platform platform(Answering(GetParam()));
  const absl::StatusOr<redirect::ProbeResult> result =
      redirect::ProbeRedirectService(On(platform.process()));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->query, redirect::Meaning::kAbsent);
  EXPECT_EQ(result->set, redirect::Meaning::kRejected);
  EXPECT_TRUE(result->Armed()) << result->ToString();
}

TEST_P(ProbeTest, T114_NotElevated) {
  Platform platform(Answering(GetParam()));
  ProcessOptions process;
  process.elevated = false;
  const absl::StatusOr<redirect::ProbeResult> result =
      redirect::ProbeRedirectService(On(platform.AddProcess(process)));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->set, redirect::Meaning::kDenied);
  EXPECT_FALSE(result->Armed());
  EXPECT_THAT(result->ToString(), ::testing::HasSubstr("not elevated"));
}

// No platform at all: what a machine without the driver says.
TEST(ProbeOnceTest, Unsupported) {
  const absl::StatusOr<redirect::ProbeResult> result =
      redirect::ProbeRedirectService(io::PortOptions());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->query, redirect::Meaning::kUnsupported);
  EXPECT_FALSE(result->Armed());
}

TEST(ProbeOnceTest, SomethingRedirectsTheProbe) {
  Rig rig;
  const absl::StatusOr<redirect::ProbeResult> result =
      redirect::ProbeRedirectService(On(rig.platform->process()));
  EXPECT_FALSE(result.ok());
  EXPECT_THAT(std::string(result.status().message()), ::testing::HasSubstr("does not arrive"));
}

}  // namespace
}  // namespace sluice::emulated
