// SPDX-License-Identifier: Apache-2.0
#include "engine/redirect/emulated/hop.h"

#include <initializer_list>

#include "gtest/gtest.h"

namespace sluice::emulated {
namespace {

HopList ListOf(std::initializer_list<HandleId> handles) {
  HopList list;
  std::uint64_t sequence = 50;
  for (const HandleId handle : handles) {
    Hop hop;
    hop.handle = handle;
    hop.sequence = ++sequence;
    list = Extend(list, hop);
  }
  return list;
}

TEST(HopTest, ExtendSharesAndCounts) {
  const HopList one = ListOf({1});
  Hop hop;
  hop.handle = 2;
  hop.sequence = 99;
  const HopList two = Extend(one, hop);
  EXPECT_EQ(one->count, 1u);
  EXPECT_EQ(two->count, 2u);
  EXPECT_EQ(two->older, one);
  EXPECT_EQ(two->application, one->sequence);
  EXPECT_EQ(CountOf(nullptr), 0u);
}

TEST(HopTest, NewestOfFindsTheLastOne) {
  const HopList list = ListOf({1, 2, 1, 3});
  ASSERT_NE(NewestOf(list, 1), nullptr);
  EXPECT_EQ(NewestOf(list, 1)->sequence, 53u);
  EXPECT_EQ(NewestOf(list, 4), nullptr);
}

// All lists of up to four hops over two handles, seen by handle 1: the definition, written
// differently.
TEST(HopTest, StateFunctionExhaustively) {
  for (int length = 0; length <= 4; ++length) {
    for (int bits = 0; bits < (1 << length); ++bits) {
      HopList list;
      bool has = false;
      bool last = false;
      for (int i = 0; i < length; ++i) {
        last = ((bits >> i) & 1) != 0;
        has = has || last;
        Hop hop;
        hop.handle = last ? 1 : 2;
        list = Extend(list, hop);
      }
      const int expected = length == 0 ? 0 : last ? 1 : has ? 3 : 2;
      EXPECT_EQ(static_cast<int>(StateOf(list, 1, true)), expected);
      EXPECT_EQ(static_cast<int>(StateOf(list, 1, false)), length == 0 ? 0 : 2);
      EXPECT_EQ(static_cast<int>(StateOf(list, 0, true)), length == 0 ? 0 : 2);
    }
  }
}

}  // namespace
}  // namespace sluice::emulated
