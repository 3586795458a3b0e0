// SPDX-License-Identifier: Apache-2.0
#include "engine/base/intrusive_list.h"

#include <vector>

#include "gtest/gtest.h"
#include "tests/failed_check.h"

namespace sluice {
namespace {

struct FirstTag {};
struct SecondTag {};

struct Item : ListNode<FirstTag>, ListNode<SecondTag> {
  explicit Item(int n) : number(n) {}
  int number;
};
using FirstList = IntrusiveList<Item, FirstTag>;
using SecondList = IntrusiveList<Item, SecondTag>;

template <typename List>
std::vector<int> Numbers(List& list) {
  std::vector<int> numbers;
  list.ForEach([&](Item& item) { numbers.push_back(item.number); });
  return numbers;
}

bool LinkedFirst(const Item& item) { return static_cast<const ListNode<FirstTag>&>(item).linked(); }

TEST(IntrusiveListTest, IsFirstInFirstOut) {
  Item a(1), b(2), c(3);
  FirstList list;
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.size(), 0u);
  EXPECT_EQ(list.Front(), nullptr);
  EXPECT_EQ(list.PopFront(), nullptr);
  list.PushBack(a);
  list.PushBack(b);
  list.PushBack(c);
  EXPECT_EQ(list.size(), 3u);
  EXPECT_EQ(list.Front(), &a);
  EXPECT_EQ(list.PopFront(), &a);
  EXPECT_EQ(list.PopFront(), &b);
  EXPECT_EQ(list.PopFront(), &c);
  EXPECT_EQ(list.PopFront(), nullptr);
  EXPECT_TRUE(list.empty());
}

// Removing from the front, the middle and the back keeps the rest in order, and the removed one is
// free for use again at once.
TEST(IntrusiveListTest, RemoveAnywhere) {
  Item a(1), b(2), c(3), d(4);
  FirstList list;
  for (Item* item : {&a, &b, &c, &d}) list.PushBack(*item);
  list.Remove(b);
  EXPECT_FALSE(LinkedFirst(b));
  EXPECT_EQ(Numbers(list), (std::vector<int>{1, 3, 4}));
  list.Remove(d);
  list.Remove(a);
  EXPECT_EQ(Numbers(list), (std::vector<int>{3}));
  list.PushBack(a);
  EXPECT_TRUE(LinkedFirst(a));
  EXPECT_EQ(Numbers(list), (std::vector<int>{3, 1}));
  while (list.PopFront() != nullptr) {
  }
}

// One element stands in two lists with two tags, and neither list knows of the other.
TEST(IntrusiveListTest, TagsAreApart) {
  Item a(1), b(2);
  FirstList first;
  SecondList second;
  first.PushBack(a);
  first.PushBack(b);
  second.PushBack(b);
  second.PushBack(a);
  EXPECT_EQ(Numbers(first), (std::vector<int>{1, 2}));
  EXPECT_EQ(Numbers(second), (std::vector<int>{2, 1}));
  first.Remove(a);
  EXPECT_FALSE(LinkedFirst(a));
  EXPECT_EQ(Numbers(second), (std::vector<int>{2, 1}));
  first.Remove(b);
  EXPECT_EQ(second.PopFront(), &b);
  EXPECT_EQ(second.PopFront(), &a);
}

// The visitor may take out the element it is given: PortCore::Close cancels that way.
TEST(IntrusiveListTest, VisitorMayRemoveItsElement) {
  Item a(1), b(2), c(3), d(4);
  FirstList list;
  for (Item* item : {&a, &b, &c, &d}) list.PushBack(*item);
  int visits = 0;
  list.ForEach([&](Item& item) {
    ++visits;
    if (item.number % 2 == 0) list.Remove(item);
  });
  EXPECT_EQ(visits, 4);
  EXPECT_EQ(Numbers(list), (std::vector<int>{1, 3}));
  list.ForEach([&](Item& item) { list.Remove(item); });
  EXPECT_TRUE(list.empty());
}

// Misuse ends the program instead of corrupting a list that is found broken much later.
TEST(IntrusiveListDeathTest, MisuseIsAFailedCheck) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  SLUICE_EXPECT_FAILED_CHECK(
      {
        Item a(1);
        FirstList list;
        list.PushBack(a);
        list.PushBack(a);
      },
      "linked");
  SLUICE_EXPECT_FAILED_CHECK(
      {
        Item a(1);
        FirstList list;
        list.Remove(a);
      },
      "linked");
  SLUICE_EXPECT_FAILED_CHECK(
      {
        FirstList list;
        Item a(1);
        list.PushBack(a);
      },
      "next_ == nullptr");
}

using FirstRing = IntrusiveRing<Item, FirstTag>;

TEST(IntrusiveRingTest, KeepsOrderAndRemovesAnywhere) {
  Item a(1), b(2), c(3), d(4);
  FirstRing ring;
  EXPECT_TRUE(ring.empty());
  EXPECT_EQ(ring.size(), 0u);
  for (Item* item : {&a, &b, &c, &d}) ring.PushBack(*item);
  EXPECT_EQ(ring.size(), 4u);
  EXPECT_EQ(Numbers(ring), (std::vector<int>{1, 2, 3, 4}));
  ring.Remove(c);
  EXPECT_FALSE(LinkedFirst(c));
  EXPECT_EQ(Numbers(ring), (std::vector<int>{1, 2, 4}));
  ring.Remove(a);
  EXPECT_EQ(Numbers(ring), (std::vector<int>{2, 4}));
  ring.Remove(d);
  ring.PushBack(a);
  EXPECT_EQ(Numbers(ring), (std::vector<int>{2, 1}));
  ring.Remove(b);
  ring.Remove(a);
  EXPECT_TRUE(ring.empty());
  EXPECT_EQ(Numbers(ring), (std::vector<int>{}));
}

TEST(IntrusiveRingTest, AVisitorMayRemoveWhatItIsGiven) {
  Item a(1), b(2), c(3);
  FirstRing ring;
  for (Item* item : {&a, &b, &c}) ring.PushBack(*item);
  std::vector<int> seen;
  ring.ForEach([&](Item& item) {
    seen.push_back(item.number);
    if (item.number != 2) ring.Remove(item);
  });
  EXPECT_EQ(seen, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(Numbers(ring), (std::vector<int>{2}));
  ring.ForEach([&](Item& item) { ring.Remove(item); });
  EXPECT_TRUE(ring.empty());
}

}  // namespace
}  // namespace sluice
