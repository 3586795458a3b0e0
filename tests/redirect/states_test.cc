// SPDX-License-Identifier: Apache-2.0
//
// T60 to T66: what QueryState says to one handle about a list of hops, asked by a callout in a
// classify.
#include <initializer_list>
#include <memory>
#include <string>

#include "engine/redirect/emulated/evaluation.h"
#include "gtest/gtest.h"

namespace sluice::emulated {
namespace {

class Asker final : public Callout {
 public:
  explicit Asker(HandleId self) : self_(self) {}
  void Classify(const ClassifyValues& /*values*/, RequestAccess& access,
                ClassifyOut& out) override {
    state = access.QueryState(self_, &context);
    out.action = Action::kPermit;
  }
  RedirectState state = RedirectState::kNotRedirected;
  std::string context = "untouched";

 private:
  const HandleId self_;
};

constexpr HandleId kH = 1;
constexpr HandleId kX = 2;

struct Seen {
  int state = -1;
  std::string context;
};

Seen Ask(std::initializer_list<HandleId> handles, HandleId self, bool destroyed = false) {
  HopList list;
  int number = 0;
  for (const HandleId handle : handles) {
    Hop hop;
    hop.handle = handle;
    hop.context = (handle == kH ? "H" : "X") + std::to_string(++number);
    list = Extend(list, hop);
  }
  Config config;
  config.handles = {kH, kX};
  if (destroyed) config.handles.erase(self);
  auto asker = std::make_shared<Asker>(self);
  Filter filter;
  filter.id = 1;
  filter.callout = asker;
  config.Insert(false, 100, filter);
  Counters counters;
  Evaluation evaluation(config, list, counters, nullptr);
  EXPECT_EQ(evaluation.Run(config.redirect, ClassifyValues()), Action::kPermit);
  EXPECT_EQ(counters.Snapshot().FaultCount(), 0u);
  return Seen{static_cast<int>(asker->state), asker->context};
}

TEST(StatesTest, T60_Nothing) {
  const Seen seen = Ask({}, kH);
  EXPECT_EQ(seen.state, 0);
  EXPECT_EQ(seen.context, "");
}

TEST(StatesTest, T61_Self) {
  const Seen seen = Ask({kH}, kH);
  EXPECT_EQ(seen.state, 1);
  EXPECT_EQ(seen.context, "H1");
}

TEST(StatesTest, T62_Other) {
  const Seen seen = Ask({kX}, kH);
  EXPECT_EQ(seen.state, 2);
  EXPECT_EQ(seen.context, "");
}

TEST(StatesTest, T63_PreviouslySelf) {
  const Seen seen = Ask({kH, kX}, kH);
  EXPECT_EQ(seen.state, 3);
  EXPECT_EQ(seen.context, "H1");
}

TEST(StatesTest, T64_OtherThenSelf) {
  const Seen seen = Ask({kX, kH}, kH);
  EXPECT_EQ(seen.state, 1);
  EXPECT_EQ(seen.context, "H2");
}

TEST(StatesTest, T65_NewestOwnContext) {
  const Seen seen = Ask({kH, kX, kH}, kH);
  EXPECT_EQ(seen.state, 1);
  EXPECT_EQ(seen.context, "H3");
}

TEST(StatesTest, T66_DestroyedHandle) {
  EXPECT_EQ(Ask({kH}, kX).state, 2);
  const Seen seen = Ask({kH}, kH, true);
  EXPECT_EQ(seen.state, 2);
  EXPECT_EQ(seen.context, "");
  EXPECT_EQ(Ask({kH, kX}, kH, true).state, 2);
}

}  // namespace
}  // namespace sluice::emulated
