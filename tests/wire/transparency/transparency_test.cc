// SPDX-License-Identifier: Apache-2.0
//
// Every script through one hop and through four: both ends must see what they see directly, unless
// the difference is known (explanations.cc). In the Windows preset it drives sluice.exe.
#if !defined(_WIN32)

#include "gtest/gtest.h"
#include "tests/wire/transparency/column.h"
#include "tests/wire/transparency/explanations.h"

namespace sluice::wire::transparency {
namespace {

constexpr int kPlays = 2;

// Made once for all scripts that run in this process.
struct Rig {
  Origins origins;
  Direct direct{origins, Duration(3000)};
  Column one = SluiceColumn("sluice", EnvironmentLaunch(), 1, "none");
  Column four = SluiceColumn("sluice", EnvironmentLaunch(), 4, "none");
};

class TransparencyTest : public ::testing::TestWithParam<Script> {
 protected:
  static void SetUpTestSuite() { rig_ = new Rig; }
  static void TearDownTestSuite() {
    EXPECT_EQ(Finish(rig_->one), "") << "still held at the end";
    EXPECT_EQ(Finish(rig_->four), "") << "still held at the end";
    delete rig_;
    rig_ = nullptr;
  }

  static void Check(const Column& column, const std::vector<Seen>& plays) {
    const Script& script = GetParam();
    ASSERT_EQ(column.problem, "");
    ASSERT_FALSE(plays.empty());
    const Verdict verdict = Judge(script, plays, rig_->direct);
    if (verdict.same || Explain(script, column, verdict) != nullptr) return;
    std::string text;
    for (const Seen& seen : rig_->direct.Known(script)) {
      text += "  directly " + seen.ToString() + "\n";
    }
    for (const Seen& seen : verdict.others) text += "  proxied  " + seen.ToString() + "\n";
    ADD_FAILURE() << column.name << ":\n" << text;
  }

  static Rig* rig_;
};

Rig* TransparencyTest::rig_ = nullptr;

TEST_P(TransparencyTest, BothEndsSeeWhatTheySeeDirectly) {
  const int times = IsLong(GetParam()) ? 1 : kPlays;
  const auto plays = PlayColumns(GetParam(), {&rig_->one, &rig_->four}, times);
  Check(rig_->one, plays[0]);
  Check(rig_->four, plays[1]);
}

INSTANTIATE_TEST_SUITE_P(Scripts, TransparencyTest, ::testing::ValuesIn(Scripts()),
                         [](const auto& script) { return script.param.name; });

}  // namespace
}  // namespace sluice::wire::transparency

#endif
