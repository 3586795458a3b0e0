// SPDX-License-Identifier: Apache-2.0
//
// The pool by itself, where its stop meets its callers: what is asked behind a stop is given up at
// once, and the end of each flow that was heard of is told once. Through an engine:
// tests/unit/flow/blocking_inspector_test.cc.
#include "engine/inspect/blocking_pool.h"

#include <atomic>
#include <cstdint>
#include <optional>
#include <thread>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "sluice/inspector.h"

namespace sluice::inspect {
namespace {

constexpr std::uint64_t kHeld = 1;

// Holds the calls of one flow until they are let go.
class GatedHandler final : public BlockingHandler {
 public:
  Verdict OnData(BlockingFlow& flow, const BlockingData& /*data*/, Answer* /*answer*/) override {
    if (flow.id != kHeld) return Verdict::kPass;
    entered.Notify();
    let_go.WaitForNotification();
    return Verdict::kPass;
  }
  void OnEnd(BlockingFlow& /*flow*/) override { ++ends; }

  absl::Notification entered;
  absl::Notification let_go;
  std::atomic<int> ends{0};
};

class BlockingPoolTest : public ::testing::Test {
 protected:
  BlockingPoolTest() {
    options_.threads = 1;
    pool_.emplace(handler_, options_);
    InspectedFlow seen;
    seen.id = kHeld;
    flow_ = pool_->Add(seen);
  }
  // Nothing that fails may leave the thread at the gate.
  ~BlockingPoolTest() override { LetGo(); }

  void LetGo() {
    if (!handler_.let_go.HasBeenNotified()) handler_.let_go.Notify();
  }
  void Ask() { pool_->Push(*flow_, BlockingCall()); }
  // Returns when the pool has begun to stop: then it takes no reservation.
  std::thread StopElsewhere() {
    std::thread stopping([this] { pool_->Stop(); });
    while (pool_->Reserve(0)) {
      pool_->GiveBack(0);
      std::this_thread::yield();
    }
    return stopping;
  }

  GatedHandler handler_;
  BlockingOptions options_;
  BlockingPool::Flow* flow_ = nullptr;
  std::optional<BlockingPool> pool_;
};

TEST_F(BlockingPoolTest, WhatIsPushedBehindAStopIsGivenUpAtOnce) {
  ASSERT_TRUE(pool_->Reserve(0));
  pool_->Stop();
  Ask();
  EXPECT_EQ(pool_->stats().waiting, 0u);
  EXPECT_EQ(pool_->stats().abandoned, 1u);
  pool_->End(*flow_);
  EXPECT_EQ(pool_->stats().flows, 0u);
  EXPECT_EQ(handler_.ends, 0) << "it was never called for it";
}

TEST_F(BlockingPoolTest, WhatIsPushedWhileAStopWaitsForItsFlowIsGivenUpAtOnce) {
  ASSERT_TRUE(pool_->Reserve(0));
  ASSERT_TRUE(pool_->Reserve(0));
  Ask();
  handler_.entered.WaitForNotification();
  std::thread stopping = StopElsewhere();
  Ask();
  EXPECT_EQ(pool_->stats().waiting, 0u);
  EXPECT_EQ(pool_->stats().abandoned, 1u);
  LetGo();
  stopping.join();
  EXPECT_EQ(pool_->stats().calls, 1u);
  EXPECT_EQ(handler_.ends, 1);
  EXPECT_EQ(pool_->stats().flows, 1u) << "its engine has not ended it";
  pool_->End(*flow_);
  EXPECT_EQ(handler_.ends, 1) << "told once";
  EXPECT_EQ(pool_->stats().flows, 0u);
}

TEST_F(BlockingPoolTest, AFlowThatEndsWhileAStopWaitsForItIsToldOnce) {
  ASSERT_TRUE(pool_->Reserve(0));
  Ask();
  handler_.entered.WaitForNotification();
  std::thread stopping = StopElsewhere();
  pool_->End(*flow_);
  EXPECT_EQ(handler_.ends, 0) << "its call still runs";
  LetGo();
  stopping.join();
  EXPECT_EQ(handler_.ends, 1);
  EXPECT_EQ(pool_->stats().flows, 0u);
}

TEST_F(BlockingPoolTest, AFlowOfNoCallThatEndsWhileAStopWaitsForAnotherIsToldOnce) {
  InspectedFlow seen;
  seen.id = kHeld + 1;
  BlockingPool::Flow* other = pool_->Add(seen);
  ASSERT_TRUE(pool_->Reserve(0));
  ASSERT_TRUE(pool_->Reserve(0));
  pool_->Push(*other, BlockingCall());
  Ask();
  handler_.entered.WaitForNotification();  // one thread: the call of the other one is behind us
  std::thread stopping = StopElsewhere();
  pool_->End(*other);
  LetGo();
  stopping.join();
  EXPECT_EQ(handler_.ends, 2);
  EXPECT_EQ(pool_->stats().flows, 1u) << "the one that has not ended";
  pool_->End(*flow_);
  EXPECT_EQ(handler_.ends, 2);
}

}  // namespace
}  // namespace sluice::inspect
