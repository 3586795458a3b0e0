// SPDX-License-Identifier: Apache-2.0
//
// T77 to T90: the rules between callouts and the platform: arbitration, request versions, contexts,
// the two authorisation passes. Pure model.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/redirect/chain_model.h"

namespace sluice::emulated {
namespace {

using Kind = ConnectResult::Kind;

const Address kDestination = Address::V4({93, 184, 216, 34}, 443);

class CalloutsTest : public ::testing::Test {
 protected:
  ConnectResult Connect(const Address& remote = kDestination, const Address& local = Address()) {
    endpoint_ = Endpoint();
    endpoint_.process = &process_;
    endpoint_.family = remote.family();
    endpoint_.local = local;
    return model_.kernel().Connect(endpoint_, remote);
  }
  Statistics statistics() { return model_.platform->statistics(); }
  std::uint64_t Faults(Fault fault) { return statistics().faults[static_cast<int>(fault)]; }

  ChainModel model_;
  ProcessOptions process_;
  Endpoint endpoint_;
};

// A callout of a few lines.
class Lambda final : public Callout {
 public:
  using Function = std::function<void(const ClassifyValues&, RequestAccess&, ClassifyOut&)>;
  explicit Lambda(Function function) : function_(std::move(function)) {}
  void Classify(const ClassifyValues& values, RequestAccess& access, ClassifyOut& out) override {
    function_(values, access, out);
  }

 private:
  const Function function_;
};

FilterOptions FilterWith(std::uint16_t sublayer, Lambda::Function function) {
  FilterOptions options;
  options.sublayer_weight = sublayer;
  options.callout = std::make_shared<Lambda>(std::move(function));
  return options;
}

FilterOptions StaticFilter(std::uint16_t sublayer, Action action, bool hard_permit = false) {
  FilterOptions options;
  options.sublayer_weight = sublayer;
  options.action = action;
  options.hard_permit = hard_permit;
  return options;
}

TEST_F(CalloutsTest, T77_PidZero) {
  model_.Add(100, Personality::kZeroPid);
  EXPECT_EQ(Connect().kind, Kind::kRefused);
}

TEST_F(CalloutsTest, T78_AnyOtherPid) {
  VendorOptions vendor = model_.MakeVendor(100);
  vendor.target_pid = 1234;
  model_.Add(vendor);
  const ConnectResult result = Connect();
  EXPECT_TRUE(result.redirected);
  EXPECT_EQ(result.tag->target_pid, 1234u);
}

TEST_F(CalloutsTest, T79_NullHandleToLoopback) {
  model_.Add(100, Personality::kNullHandle);
  EXPECT_EQ(Connect().kind, Kind::kRefused);
}

TEST_F(CalloutsTest, T80_SecondCalloutLeavesItAlone) {
  model_.Add(200);
  model_.Add(100);
  const ConnectResult result = Connect();
  EXPECT_EQ(result.remote.tcp_port(), 7001);
  EXPECT_EQ(CountOf(result.tag), 1u);
  EXPECT_EQ(model_.platform->trace()[0].steps[1].action, TraceAction::kLeave);
  EXPECT_EQ(statistics().FaultCount(), 0u);  // it applied, too
}

// In between, somebody rewrites the destination without a handle; only a walk over all versions
// sees that the connection was sent to a local proxy before.
TEST_F(CalloutsTest, T81_TwoVersionsBack) {
  model_.Add(300);
  model_.platform->AddFilter(
      FilterWith(200, [](const ClassifyValues&, RequestAccess& access, ClassifyOut& out) {
        ConnectRequest* request = access.Acquire();
        ASSERT_NE(request, nullptr);
        ASSERT_NE(request->previous, nullptr);
        request->remote = Address::V4({203, 0, 113, 9}, 80);
        request->handle = 0;
        access.Apply();
        access.Release();
        out.action = Action::kPermit;
        out.write_right = true;
      }));
  model_.Add(100);
  const ConnectResult result = Connect();
  EXPECT_EQ(result.remote, Address::V4({203, 0, 113, 9}, 80));
  EXPECT_FALSE(result.redirected);
  const std::vector<TraceRecord> trace = model_.platform->trace();
  ASSERT_EQ(trace[0].step_count, 2u);
  EXPECT_EQ(trace[0].steps[1].action, TraceAction::kLeave);
}

TEST_F(CalloutsTest, T82_AcquireWithoutApply) {
  model_.Add(100, Personality::kNoApply);
  EXPECT_EQ(Connect().kind, Kind::kStuck);
  EXPECT_EQ(Faults(Fault::kNotApplied), 1u);
}

TEST_F(CalloutsTest, T82_ReleaseIsMissingOnly) {
  model_.platform->AddFilter(
      FilterWith(100, [](const ClassifyValues&, RequestAccess& access, ClassifyOut& out) {
        access.Acquire();
        access.Apply();
        out.action = Action::kPermit;
      }));
  EXPECT_EQ(Connect().kind, Kind::kProceed);
  EXPECT_EQ(Faults(Fault::kNotReleased), 1u);
}

TEST_F(CalloutsTest, T83_NothingToDoAfterAHardPermit) {
  model_.Add(200, Personality::kHardPermit);
  model_.Add(100);
  const ConnectResult result = Connect();
  EXPECT_EQ(result.remote.tcp_port(), 7001);
  EXPECT_EQ(model_.platform->trace()[0].steps[1].action, TraceAction::kContinue);
  EXPECT_EQ(statistics().FaultCount(), 0u);
}

TEST_F(CalloutsTest, T83_AcquiringAnywayIsAFault) {
  model_.platform->AddFilter(StaticFilter(200, Action::kPermit, true));
  ConnectRequest* request = nullptr;
  model_.platform->AddFilter(
      FilterWith(100, [&request](const ClassifyValues&, RequestAccess& access, ClassifyOut& out) {
        EXPECT_FALSE(out.write_right);
        request = access.Acquire();
      }));
  EXPECT_EQ(Connect().kind, Kind::kProceed);
  EXPECT_EQ(request, nullptr);
  EXPECT_EQ(Faults(Fault::kAcquireWithoutRight), 1u);
}

TEST_F(CalloutsTest, T84_Veto) {
  model_.platform->AddFilter(StaticFilter(200, Action::kPermit, true));
  model_.Add(100, Personality::kVeto);
  EXPECT_EQ(Connect().kind, Kind::kBlocked);
  EXPECT_EQ(statistics().vetoes, 1u);
}

TEST_F(CalloutsTest, T85_LaterBlockBeatsASoftPermit) {
  model_.Add(200);
  model_.platform->AddFilter(StaticFilter(100, Action::kBlock));
  EXPECT_EQ(Connect().kind, Kind::kBlocked);
  EXPECT_EQ(statistics().vetoes, 0u);
}

struct Decision {
  Action first;
  bool first_hard;
  Action second;
  Kind result;
};

// Static filters in two sublayers: what is hard stays.
TEST_F(CalloutsTest, T85_ArbitrationOfFilters) {
  const Decision decisions[] = {
      {Action::kPermit, false, Action::kBlock, Kind::kBlocked},
      {Action::kPermit, true, Action::kBlock, Kind::kProceed},
      {Action::kBlock, true, Action::kPermit, Kind::kBlocked},  // a filter's block is hard
  };
  for (const Decision& decision : decisions) {
    const FilterId first =
        model_.platform->AddFilter(StaticFilter(200, decision.first, decision.first_hard));
    const FilterId second = model_.platform->AddFilter(StaticFilter(100, decision.second));
    EXPECT_EQ(Connect().kind, decision.result);
    model_.platform->RemoveFilter(first);
    model_.platform->RemoveFilter(second);
  }
}

TEST_F(CalloutsTest, T85_SoftBlockOfACalloutCanBePermitted) {
  model_.platform->AddFilter(
      FilterWith(200, [](const ClassifyValues&, RequestAccess&, ClassifyOut& out) {
        out.action = Action::kBlock;
      }));
  EXPECT_EQ(Connect().kind, Kind::kBlocked);
  model_.platform->AddFilter(StaticFilter(100, Action::kPermit));
  EXPECT_EQ(Connect().kind, Kind::kProceed);
}

// Every sublayer is evaluated, also after a hard block; inside one, the first terminating filter
// ends it.
TEST_F(CalloutsTest, T85_WhoIsAsked) {
  std::string asked;
  const auto ask = [&asked](char name, Action action) {
    return [&asked, name, action](const ClassifyValues&, RequestAccess&, ClassifyOut& out) {
      asked += name;
      if (out.write_right) out.action = action;
    };
  };
  model_.platform->AddFilter(StaticFilter(300, Action::kBlock));
  FilterOptions options = FilterWith(200, ask('b', Action::kPermit));
  options.weight = 1;
  model_.platform->AddFilter(options);
  options = FilterWith(200, ask('a', Action::kContinue));
  options.weight = 2;
  model_.platform->AddFilter(options);
  model_.platform->AddFilter(FilterWith(100, ask('c', Action::kPermit)));
  EXPECT_EQ(Connect().kind, Kind::kBlocked);
  EXPECT_EQ(asked, "abc");
  EXPECT_EQ(statistics().FaultCount(), 0u);
}

// What crashed machines: PERMIT written without the right over somebody's block.
TEST_F(CalloutsTest, T85_PermitWithoutRight) {
  model_.platform->AddFilter(StaticFilter(200, Action::kBlock));
  model_.platform->AddFilter(
      FilterWith(100, [](const ClassifyValues&, RequestAccess&, ClassifyOut& out) {
        out.action = Action::kPermit;
      }));
  EXPECT_EQ(Connect().kind, Kind::kBlocked);
  EXPECT_EQ(Faults(Fault::kPermitWithoutRight), 1u);
}

struct AuthCall {
  Address remote;
  bool redirected = false;
  Address original;
  Layer layer = Layer::kAuthConnectV4;
  std::uint32_t target_pid = 0;
};

class AuthTest : public CalloutsTest {
 protected:
  void SetUp() override {
    FilterOptions options = FilterWith(
        100, [this](const ClassifyValues& values, RequestAccess& access, ClassifyOut& out) {
          calls_.push_back(AuthCall{values.remote, values.redirected, values.original_remote,
                                    values.layer, values.target_pid});
          EXPECT_EQ(access.Acquire(), nullptr);  // there is nothing to modify here
          out.action = Action::kPermit;
        });
    options.at_auth = true;
    model_.platform->AddFilter(options);
  }
  std::vector<AuthCall> calls_;
};

TEST_F(AuthTest, T86_TwicePastLoopback) {
  VendorOptions vendor = model_.MakeVendor(100);
  vendor.listeners = {Address::V4({203, 0, 113, 9}, 3128)};
  model_.Add(vendor);
  ASSERT_TRUE(Connect().redirected);
  ASSERT_EQ(calls_.size(), 2u);
  EXPECT_EQ(calls_[0].remote, kDestination);
  EXPECT_FALSE(calls_[0].redirected);
  EXPECT_EQ(calls_[1].remote, vendor.listeners[0]);
  EXPECT_TRUE(calls_[1].redirected);
  EXPECT_EQ(calls_[1].original, kDestination);
  EXPECT_EQ(calls_[1].target_pid, vendor.target_pid);
}

TEST_F(AuthTest, T86_OnceToLoopback) {
  model_.Add(100);
  ASSERT_TRUE(Connect().redirected);
  ASSERT_EQ(calls_.size(), 1u);
  EXPECT_EQ(calls_[0].remote, Address::Loopback(Family::kV4, 7001));
  EXPECT_TRUE(calls_[0].redirected);
  EXPECT_EQ(calls_[0].original, kDestination);
}

TEST_F(AuthTest, T86_OnceWhenUntouched) {
  Connect();
  ASSERT_EQ(calls_.size(), 1u);
  EXPECT_EQ(calls_[0].remote, kDestination);
  EXPECT_FALSE(calls_[0].redirected);
}

TEST_F(AuthTest, T86_BlockedThere) {
  FilterOptions block = StaticFilter(50, Action::kBlock);
  block.at_auth = true;
  model_.platform->AddFilter(block);
  EXPECT_EQ(Connect().kind, Kind::kBlocked);
}

TEST_F(AuthTest, T87_MappedDestination) {
  const Address mapped = *Address::Parse("[::ffff:93.184.216.34]:443");
  std::vector<Layer> layers;
  model_.platform->AddFilter(
      FilterWith(300, [&layers](const ClassifyValues& values, RequestAccess&, ClassifyOut&) {
        layers.push_back(values.layer);
      }));
  VendorOptions vendor = model_.MakeVendor(100);
  vendor.listeners = {Address::Loopback(Family::kV4, 7001)};
  model_.Add(vendor);
  const ConnectResult result = Connect(mapped);
  ASSERT_TRUE(result.redirected);
  EXPECT_EQ(layers, std::vector<Layer>{Layer::kConnectRedirectV6});
  ASSERT_EQ(calls_.size(), 1u);
  EXPECT_EQ(calls_[0].layer, Layer::kAuthConnectV4);
  EXPECT_EQ(calls_[0].original, Address::Wildcard(Family::kV4, 443));
  // A v6 socket is sent to the v4 listener in a form it can use.
  EXPECT_EQ(result.remote, *Address::Parse("[::ffff:127.0.0.1]:7001"));
}

TEST_F(CalloutsTest, T88_ContextFreedAfterApply) {
  model_.Add(100, Personality::kDoubleFree);
  Connect();
  EXPECT_EQ(Faults(Fault::kContextDoubleFree), 1u);
}

TEST_F(CalloutsTest, T88_ContextNeitherAppliedNorFreed) {
  model_.platform->AddFilter(
      FilterWith(100, [](const ClassifyValues&, RequestAccess& access, ClassifyOut&) {
        access.AllocateContext("lost");
        access.FreeContext(access.AllocateContext("given back"));
      }));
  Connect();
  EXPECT_EQ(Faults(Fault::kContextLeak), 1u);
  EXPECT_EQ(Faults(Fault::kContextDoubleFree), 0u);
}

TEST_F(CalloutsTest, T89_ContextOfZeroBytesIsNone) {
  VendorOptions vendor = model_.MakeVendor(100);
  vendor.make_context = [](const ClassifyValues&) { return std::string(); };
  model_.Add(vendor);
  const ConnectResult result = Connect();
  ASSERT_TRUE(result.redirected);
  Endpoint accepted;
  accepted.process = &process_;
  accepted.state = Endpoint::State::kConnected;
  accepted.accepted = true;
  accepted.inbound = result.tag;
  std::string context(64, '\0');
  EXPECT_EQ(model_.Control(accepted, redirect::kQueryRedirectContext, "", &context).status,
            io::kStatusNotFound);
}

TEST_F(CalloutsTest, DeadHandleIsRefused) {
  const VendorId vendor = model_.Add(100);
  ASSERT_TRUE(Connect().redirected);
  const HandleId handle = endpoint_.outgoing->handle;
  model_.platform->DestroyHandle(handle);
  EXPECT_EQ(Connect().kind, Kind::kRefused);
  model_.platform->RemoveVendor(vendor);
  EXPECT_EQ(Connect().kind, Kind::kProceed);
}

TEST_F(CalloutsTest, LanTargetLosesRecordsWhenTheSourceIsUnspecified) {
  const Address lan = Address::V4({192, 168, 7, 7}, 7001);
  for (const bool loses : {true, false}) {
    PlatformOptions options;
    options.knobs.lan_target_loses_records = loses;
    options.local_addresses = {lan};
    Platform platform(options);
    VendorOptions vendor;
    vendor.name = "A";
    vendor.listeners = {lan};
    ASSERT_TRUE(platform.AddVendor(vendor).ok());
    Kernel& kernel = MachineOf(platform).kernel();
    Endpoint endpoint;
    endpoint.process = &process_;
    EXPECT_EQ(kernel.Connect(endpoint, kDestination).tag == nullptr, loses);
    endpoint.local = Address::V4({192, 168, 7, 7}, 0);
    EXPECT_NE(kernel.Connect(endpoint, kDestination).tag, nullptr);
  }
}

}  // namespace
}  // namespace sluice::emulated
