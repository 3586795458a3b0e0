// SPDX-License-Identifier: Apache-2.0
//
// Every script through one hop and through four: both ends must see what they see directly, unless
// the difference is known (explanations.cc). In the Windows preset it drives sluice.exe.
#if !defined(_WIN32)

#include <ostream>
#include <thread>

#include "gtest/gtest.h"
#include "tests/wire/transparency/column.h"
#include "tests/wire/transparency/explanations.h"

namespace sluice::wire::transparency {

// What GoogleTest prints of a parameter.
void PrintTo(const Script& script, std::ostream* out) { *out << script.name; }

namespace {

constexpr int kPlays = 2;

// Made for the first script that needs it, and kept for the others that run in this process.
class Rig {
 public:
  std::vector<Column*> ColumnsFor(const Script& script) {
    std::vector<Column>& columns = script.v6 ? v6_ : v4_;
    const Families families = script.v6 ? Families::kV6 : Families::kV4;
    if (columns.empty()) {
      columns.push_back(SluiceColumn("sluice", EnvironmentLaunch(), 1, "none", families));
      columns.push_back(SluiceColumn("sluice", EnvironmentLaunch(), 4, "none", families));
    }
    return {&columns[0], &columns[1]};
  }
  void FinishAll() {
    for (std::vector<Column>* columns : {&v4_, &v6_}) {
      for (Column& column : *columns) EXPECT_EQ(Finish(column), "") << "still held at the end";
    }
  }
  Direct& direct() { return direct_; }

 private:
  Origins origins_;
  Direct direct_{origins_, Duration(3000)};
  std::vector<Column> v4_;
  std::vector<Column> v6_;
};

class TransparencyTest : public ::testing::TestWithParam<Script> {
 protected:
  static void SetUpTestSuite() { rig_ = new Rig; }
  static void TearDownTestSuite() {
    rig_->FinishAll();
    delete rig_;
    rig_ = nullptr;
  }

  static void Check(const Column& column, const std::vector<Seen>& plays) {
    const Script& script = GetParam();
    ASSERT_EQ(column.problem, "");
    ASSERT_FALSE(plays.empty());
    const Verdict verdict = Judge(script, plays, rig_->direct());
    if (verdict.same) return;
    if (!Explain(script, column, verdict, rig_->direct().Known(script)).reason.empty()) return;
    std::string text;
    for (const Seen& seen : rig_->direct().Known(script)) {
      text += "  directly " + seen.ToString() + "\n";
    }
    for (const Seen& seen : verdict.others) text += "  proxied  " + seen.ToString() + "\n";
    ADD_FAILURE() << column.name << ":\n" << text;
  }

  static Rig* rig_;
};

Rig* TransparencyTest::rig_ = nullptr;

TEST_P(TransparencyTest, BothEndsSeeWhatTheySeeDirectly) {
  const Script& script = GetParam();
  const std::vector<Column*> columns = rig_->ColumnsFor(script);
  std::thread directly([&] { rig_->direct().Known(script); });
  const auto plays = PlayColumns(script, columns, IsLong(script) ? 1 : kPlays);
  directly.join();
  for (std::size_t i = 0; i < columns.size(); ++i) Check(*columns[i], plays[i]);
}

INSTANTIATE_TEST_SUITE_P(Scripts, TransparencyTest, ::testing::ValuesIn(Scripts()),
                         [](const auto& script) { return script.param.name; });

}  // namespace
}  // namespace sluice::wire::transparency

#endif
