// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/flow.h"

#include "gtest/gtest.h"

namespace sluice::flow {
namespace {

// An idle connection is its flow and at most an entry of the loop guard (some 50 bytes): together
// they are to stay below 1 KiB. Most connections of most proxies idle, so this is what a worker's
// memory goes by. What only a busy or an opening flow needs belongs into flow_pools.h.
TEST(FlowSizeTest, AnIdleConnectionIsBelowOneKibibyte) {
  constexpr std::size_t kGuardBytes = 64;
  EXPECT_LE(sizeof(Flow) + kGuardBytes, 1024u)
      << "leg " << sizeof(Leg) << ", pump " << sizeof(Pump) << ", operation "
      << sizeof(io::Operation) << ", socket " << sizeof(io::Socket);
}

}  // namespace
}  // namespace sluice::flow
