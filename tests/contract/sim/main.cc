// SPDX-License-Identifier: Apache-2.0
//
// The contract suite on the simulator: a world for each test, in which the ports drive time
// themselves. Tests that need a second thread are left out: a world has one.
#include <memory>

#include "engine/io/sim/world.h"
#include "gtest/gtest.h"

namespace {

class WorldOfEachTest : public ::testing::EmptyTestEventListener {
 private:
  void OnTestStart(const ::testing::TestInfo& /*test*/) override {
    sluice::io::sim::WorldOptions options;
    options.self_driven = true;
    options.window = 4 << 20;
    options.write_room = 1 << 20;
    // What a test asks for in one turn is done in one.
    options.odds.late_completion = 0;
    options.odds.lazy_completion = 0;
    options.odds.partial = 0;
    options.odds.short_turn = 0;
    options.odds.late_cancel = 0;
    options.odds.reset_discards = 0;
    options.odds.await_tells_reset = 0;
    world_ = std::make_unique<sluice::io::sim::World>(options);
  }

  void OnTestEnd(const ::testing::TestInfo& /*test*/) override { world_.reset(); }

  std::unique_ptr<sluice::io::sim::World> world_;
};

}  // namespace

int main(int count, char** words) {
  ::testing::InitGoogleTest(&count, words);
  ::testing::UnitTest::GetInstance()->listeners().Append(new WorldOfEachTest);
  return RUN_ALL_TESTS();
}
