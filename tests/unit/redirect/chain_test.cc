// SPDX-License-Identifier: Apache-2.0
//
// The chain theorem: N cooperative vendors, whatever their weights, make N redirections and N + 1
// connections; and everything that breaks the induction is caught by a guard.
#include <algorithm>
#include <numeric>
#include <vector>

#include "gtest/gtest.h"
#include "tests/redirect/chain_model.h"

namespace sluice::emulated {
namespace {

const Address kDestination = Address::V4({93, 184, 216, 34}, 443);

void ExpectChain(ChainModel& model, const ChainOutcome& outcome, int vendors) {
  EXPECT_EQ(outcome.redirections, vendors);
  EXPECT_EQ(outcome.connections, vendors + 1);
  EXPECT_TRUE(outcome.reached);
  ASSERT_EQ(outcome.hops_accepted.size(), static_cast<std::size_t>(vendors));
  for (int i = 0; i < vendors; ++i) {
    EXPECT_EQ(outcome.hops_accepted[static_cast<std::size_t>(i)],
              static_cast<std::uint32_t>(i + 1));
  }
  EXPECT_EQ(model.platform->statistics().FaultCount(), 0u);
}

TEST(ChainTest, AllWeightOrdersUpToSixVendors) {
  for (int vendors = 1; vendors <= 6; ++vendors) {
    std::vector<int> order(static_cast<std::size_t>(vendors));
    std::iota(order.begin(), order.end(), 1);
    do {
      ChainModel model;
      for (const int weight : order) model.Add(static_cast<std::uint16_t>(weight * 100));
      const ChainOutcome outcome = model.Run(kDestination);
      ExpectChain(model, outcome, vendors);
      if (::testing::Test::HasFailure()) return;
    } while (std::next_permutation(order.begin(), order.end()));
  }
}

// All in one sublayer: the first terminating filter ends it, so each connect meets one vendor that
// acts.
TEST(ChainTest, VendorsSharingASublayer) {
  ChainModel model;
  for (int i = 0; i < 3; ++i) {
    VendorOptions vendor = model.MakeVendor(500);
    vendor.filter_weight = static_cast<std::uint64_t>(i);
    model.Add(vendor);
  }
  const ChainOutcome outcome = model.Run(kDestination);
  EXPECT_TRUE(outcome.reached);
  // The heaviest filter permits its own connections in state 1, which ends the sublayer.
  EXPECT_EQ(outcome.redirections, 1);
  EXPECT_EQ(outcome.connections, 2);
}

TEST(ChainTest, V6AndMappedDestinations) {
  for (const char* text : {"[2001:db8::1]:443", "[::ffff:93.184.216.34]:443"}) {
    ChainModel model;
    for (int i = 0; i < 4; ++i) model.Add(static_cast<std::uint16_t>(100 * i));
    ExpectChain(model, model.Run(*Address::Parse(text)), 4);
  }
}

// The same under every value of the knobs that a chain depends on.
TEST(ChainTest, KnobsDoNotMatterToAGoodChain) {
  for (const std::uint32_t pad : {64U, 552U, 4096U}) {
    for (const bool scramble : {false, true}) {
      for (const bool inherited : {false, true}) {
        for (const SetAfterBind after :
             {SetAfterBind::kEffective, SetAfterBind::kIgnored, SetAfterBind::kInvalid}) {
          Knobs knobs;
          knobs.record_pad = pad;
          knobs.scramble = scramble;
          knobs.deliver_inherited = inherited;
          knobs.set_after_bind = after;
          ChainModel model(knobs);
          for (int i = 0; i < 3; ++i) model.Add(static_cast<std::uint16_t>(100 * i));
          ExpectChain(model, model.Run(kDestination), 3);
        }
      }
    }
  }
}

TEST(ChainTest, DestinationFilterLeavesOthersAlone) {
  ChainModel model;
  VendorOptions vendor = model.MakeVendor(100);
  vendor.destinations = {Address::V4({10, 0, 0, 1}, 80)};
  model.Add(vendor);
  EXPECT_EQ(model.Run(kDestination).redirections, 0);
  EXPECT_EQ(model.Run(Address::V4({10, 0, 0, 1}, 80)).redirections, 1);
  EXPECT_EQ(model.Run(*Address::Parse("[::ffff:10.0.0.1]:80")).redirections, 1);
}

// A plain connect to a vendor's listener is nobody's business.
TEST(ChainTest, ConnectsToListenersAreLeftAlone) {
  ChainModel model;
  model.Add(100);
  model.Add(200);
  const ChainOutcome outcome = model.Run(Address::Loopback(Family::kV4, 7001));
  EXPECT_EQ(outcome.redirections, 0);
  EXPECT_TRUE(outcome.gave_up);  // and the proxy finds no records
}

TEST(ChainTest, RemovedVendorNoLongerRedirects) {
  ChainModel model;
  model.Add(300);
  const VendorId b = model.Add(200);
  model.Add(100);
  ExpectChain(model, model.Run(kDestination), 3);
  model.platform->RemoveVendor(b);
  EXPECT_EQ(model.Run(kDestination).redirections, 2);
}

struct Broken {
  Personality personality;
  ProxyBehaviour behaviour;
  Fault fault;
};

// Every broken proxy or callout that loops is caught, and by the guard it should be caught by.
TEST(ChainTest, BrokenOnesAreCaughtByGuards) {
  const Broken kBroken[] = {
      {Personality::kCooperative, ProxyBehaviour::kNoSet, Fault::kRedirectBudget},
      {Personality::kCooperative, ProxyBehaviour::kLateSet, Fault::kRedirectBudget},
      {Personality::kCooperative, ProxyBehaviour::kStaleBlob, Fault::kRedirectBudget},
      {Personality::kCooperative, ProxyBehaviour::kTruncatedBlob, Fault::kRedirectBudget},
      {Personality::kCooperative, ProxyBehaviour::kPaddedBlob, Fault::kRedirectBudget},
      {Personality::kGreedy, ProxyBehaviour::kGood, Fault::kMaxHops},
  };
  for (const bool with_good_neighbour : {false, true}) {
    for (const Broken& broken : kBroken) {
      ChainModel model;
      model.Add(100, broken.personality, broken.behaviour);
      if (with_good_neighbour) model.Add(200);
      const ChainOutcome outcome = model.Run(kDestination);
      EXPECT_FALSE(outcome.reached);
      EXPECT_LT(outcome.connections, ChainModel::kConnectionsMax);
      EXPECT_EQ(outcome.last, ConnectResult::Kind::kRefused);
      EXPECT_EQ(model.platform->statistics().faults[static_cast<int>(broken.fault)], 1u)
          << static_cast<int>(broken.personality) << " " << static_cast<int>(broken.behaviour);
    }
  }
}

TEST(ChainTest, GuardsCanBeReset) {
  Knobs knobs;
  knobs.redirect_budget = 3;
  ChainModel model(knobs);
  model.Add(100, Personality::kCooperative, ProxyBehaviour::kNoSet);
  EXPECT_EQ(model.Run(kDestination).connections,
            5);  // the application's, three fresh ones, the refused one
  EXPECT_EQ(model.Run(kDestination).connections, 2);
  model.platform->ResetGuards();
  EXPECT_EQ(model.Run(kDestination).connections, 5);
}

TEST(ChainTest, TraceTellsTheStory) {
  ChainModel model;
  model.Add(200);
  model.Add(100);
  model.Run(kDestination);
  EXPECT_EQ(model.platform->TraceText(),
            "C0 ? -> 93.184.216.34:443 records=[]  A: state 0 redirect -> 127.0.0.1:7001  B: state "
            "0 leave\n"
            "C1 ? -> 93.184.216.34:443 records=[A]  A: state 1 permit  B: state 2 redirect -> "
            "127.0.0.1:7002\n"
            "C2 ? -> 93.184.216.34:443 records=[A,B]  A: state 3 permit  B: state 1 permit\n");
  model.platform->ClearTrace();
  EXPECT_EQ(model.platform->TraceText(), "");
}

}  // namespace
}  // namespace sluice::emulated
