// SPDX-License-Identifier: Apache-2.0
#include "tests/cost/sizes.h"

#include "gtest/gtest.h"

namespace sluice::cost {
namespace {

TEST(SizesTest, HotStructsStayAsSmallAsTheyAre) {
  for (const HotSize& size : kHotSizes) {
    EXPECT_LE(size.bytes, size.bytes_max)
        << size.name << " (" << size.how_many << ") grew. If it is worth that to every "
        << "connection, raise its bytes_max in tests/cost/sizes.h and say why in the commit";
    // A bound that is far too wide pins nothing.
    EXPECT_GE(size.bytes, size.bytes_max / 2)
        << size.name << " shrank: lower its bytes_max in tests/cost/sizes.h to keep what was won";
  }
}

}  // namespace
}  // namespace sluice::cost
