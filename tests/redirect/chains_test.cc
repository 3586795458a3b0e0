// SPDX-License-Identifier: Apache-2.0
//
// T67 to T76, T112, T115, T116: chains of vendors in the pure model, good ones and broken ones.
#include <algorithm>
#include <string>
#include <vector>

#include "tests/redirect/chain_model.h"

namespace sluice::emulated {
namespace {

const Address kDestination = Address::V4({93, 184, 216, 34}, 443);

std::uint64_t Faults(ChainModel& model, Fault fault) {
  return model.platform->statistics().faults[static_cast<int>(fault)];
}

TEST(ChainsTest, T67_OneVendor) {
  ChainModel model;
  model.Add(100);
  const ChainOutcome outcome = model.Run(kDestination);
  EXPECT_EQ(outcome.redirections, 1);
  EXPECT_EQ(outcome.connections, 2);
  EXPECT_TRUE(outcome.reached);
}

// The table of section 4.6, state by state.
TEST(ChainsTest, T68_TwoVendors) {
  ChainModel model;
  model.Add(200);
  model.Add(100);
  const ChainOutcome outcome = model.Run(kDestination);
  EXPECT_EQ(outcome.redirections, 2);
  EXPECT_EQ(outcome.connections, 3);
  EXPECT_EQ(outcome.hops_accepted, (std::vector<std::uint32_t>{1, 2}));
  const std::vector<TraceRecord> trace = model.platform->trace();
  ASSERT_EQ(trace.size(), 3u);
  const int states[3][2] = {{0, 0}, {1, 2}, {3, 1}};
  const TraceAction actions[3][2] = {{TraceAction::kRedirect, TraceAction::kLeave},
                                     {TraceAction::kPermit, TraceAction::kRedirect},
                                     {TraceAction::kPermit, TraceAction::kPermit}};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(trace[i].hops, i);
    EXPECT_EQ(trace[i].application, trace[0].sequence);
    ASSERT_EQ(trace[i].step_count, 2u);
    for (std::size_t vendor = 0; vendor < 2; ++vendor) {
      EXPECT_EQ(static_cast<int>(trace[i].steps[vendor].state), states[i][vendor])
          << i << " " << vendor;
      EXPECT_EQ(trace[i].steps[vendor].action, actions[i][vendor]) << i << " " << vendor;
    }
  }
}

TEST(ChainsTest, T69_ThreeVendorsInEveryOrder) {
  std::vector<std::uint16_t> weights{100, 200, 300};
  do {
    ChainModel model;
    for (const std::uint16_t weight : weights) model.Add(weight);
    const ChainOutcome outcome = model.Run(kDestination);
    EXPECT_EQ(outcome.redirections, 3);
    EXPECT_EQ(outcome.connections, 4);
    EXPECT_TRUE(outcome.reached);
  } while (std::next_permutation(weights.begin(), weights.end()));
}

TEST(ChainsTest, T70_TrustingSecondVendor) {
  ChainModel model;
  model.Add(200);
  model.Add(100, Personality::kTrusting);
  const ChainOutcome outcome = model.Run(kDestination);
  EXPECT_EQ(outcome.redirections, 1);
  EXPECT_EQ(outcome.connections, 2);
  EXPECT_TRUE(outcome.reached);
}

// Each round looks like the first, so hops never pile up and only the budget can tell.
TEST(ChainsTest, T71_NoSetAlone) {
  ChainModel model;
  model.Add(100, Personality::kCooperative, ProxyBehaviour::kNoSet);
  const ChainOutcome outcome = model.Run(kDestination);
  EXPECT_FALSE(outcome.reached);
  EXPECT_EQ(Faults(model, Fault::kRedirectBudget), 1u);
  EXPECT_EQ(Faults(model, Fault::kMaxHops), 0u);
  for (const TraceRecord& record : model.platform->trace()) {
    EXPECT_EQ(record.steps[0].state, RedirectState::kNotRedirected);
  }
}

TEST(ChainsTest, T72_NoSetBehindAGoodOne) {
  ChainModel model;
  model.Add(200);
  model.Add(100, Personality::kCooperative, ProxyBehaviour::kNoSet);
  const ChainOutcome outcome = model.Run(kDestination);
  EXPECT_FALSE(outcome.reached);
  EXPECT_EQ(Faults(model, Fault::kRedirectBudget), 1u);
  // Alternation: A's connects carry one hop, B's none.
  EXPECT_EQ(outcome.hops_accepted[0], 1u);
  EXPECT_EQ(outcome.hops_accepted[1], 2u);
  EXPECT_EQ(outcome.hops_accepted[2], 1u);
  EXPECT_EQ(outcome.hops_accepted[3], 2u);
}

TEST(ChainsTest, T73_LateSet) {
  for (const bool ignored : {false, true}) {
    Knobs knobs;
    knobs.set_late_is_ignored = ignored;
    ChainModel model(knobs);
    model.Add(100, Personality::kCooperative, ProxyBehaviour::kLateSet);
    EXPECT_FALSE(model.Run(kDestination).reached);
    EXPECT_EQ(Faults(model, Fault::kRedirectBudget), 1u);
  }
}

TEST(ChainsTest, T74_GreedyCallout) {
  ChainModel model;
  model.Add(100, Personality::kGreedy);
  const ChainOutcome outcome = model.Run(kDestination);
  EXPECT_FALSE(outcome.reached);
  EXPECT_EQ(Faults(model, Fault::kMaxHops), 1u);
  EXPECT_EQ(outcome.hops_accepted.size(), Knobs().max_hops);
}

TEST(ChainsTest, T75_OneHandleForEachFamily) {
  ChainModel model;
  model.Add(100, Personality::kPerFamilyHandle);
  const ChainOutcome outcome = model.Run(*Address::Parse("[::ffff:93.184.216.34]:443"));
  EXPECT_EQ(outcome.redirections, 2);
  EXPECT_EQ(outcome.connections, 3);
  EXPECT_EQ(model.platform->trace()[1].steps[0].state, RedirectState::kRedirectedByOther);
}

TEST(ChainsTest, T76_OneHandleForBoth) {
  ChainModel model;
  model.Add(100);
  const ChainOutcome outcome = model.Run(*Address::Parse("[::ffff:93.184.216.34]:443"));
  EXPECT_EQ(outcome.redirections, 1);
  EXPECT_EQ(outcome.connections, 2);
  EXPECT_EQ(model.platform->trace()[1].steps[0].state, RedirectState::kRedirectedBySelf);
}

TEST(ChainsTest, T112_RemoteRedirection) {
  ChainModel model;
  VendorOptions vendor = model.MakeVendor(100, Personality::kRemoteOnly);
  vendor.listeners = {Address::V4({203, 0, 113, 9}, 3128)};
  model.Add(vendor);
  ProcessOptions process;
  process.proxy = false;
  Endpoint endpoint;
  endpoint.process = &process;
  const ConnectResult result = model.kernel().Connect(endpoint, kDestination);
  EXPECT_EQ(result.kind, ConnectResult::Kind::kProceed);
  EXPECT_EQ(result.remote, vendor.listeners[0]);
  EXPECT_FALSE(result.redirected);
  EXPECT_EQ(result.tag, nullptr);
  EXPECT_EQ(model.platform->statistics().remote_redirects, 1u);
}

// An untouched connect that carries records reaches a local listener: there, or not, per knob; a
// proxy that gets them has no use for them and the next vendor sees the same.
TEST(ChainsTest, T115_InheritedRecords) {
  for (const bool deliver : {false, true}) {
    Knobs knobs;
    knobs.deliver_inherited = deliver;
    ChainModel model(knobs);
    model.Add(100);
    Hop hop;
    hop.handle = model.platform->CreateHandle();
    ProcessOptions process;
    Endpoint endpoint;
    endpoint.process = &process;
    endpoint.installed = Extend(nullptr, hop);
    // A destination that no callout touches: the vendor's own listener.
    const ConnectResult result =
        model.kernel().Connect(endpoint, Address::Loopback(Family::kV4, 7001));
    EXPECT_FALSE(result.redirected);
    EXPECT_EQ(CountOf(result.tag), deliver ? 1u : 0u);
  }
}

TEST(ChainsTest, T116_ClientSideQuery) {
  for (const bool answers : {false, true}) {
    Knobs knobs;
    knobs.client_side_query = answers;
    ChainModel model(knobs);
    model.Add(100);
    ProcessOptions process;
    Endpoint endpoint;
    endpoint.process = &process;
    ASSERT_TRUE(model.kernel().Connect(endpoint, kDestination).redirected);
    endpoint.state = Endpoint::State::kConnected;
    std::string blob(4096, '\0');
    const io::ControlReply reply =
        model.Control(endpoint, redirect::kQueryRedirectRecords, "", &blob);
    EXPECT_EQ(reply.status, answers ? io::kStatusSuccess : io::kStatusNotFound);
    // The proxy's side is the same either way.
    EXPECT_TRUE(model.Run(kDestination).reached);
  }
}

}  // namespace
}  // namespace sluice::emulated
