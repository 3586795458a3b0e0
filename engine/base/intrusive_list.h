// SPDX-License-Identifier: Apache-2.0
//
// IntrusiveList<T>: a doubly linked list through a ListNode base of T. Owns nothing, allocates
// nothing. One thread. Invariants: an element is in at most one list of a given tag; `linked()` is
// true exactly while it is in one; an element must be unlinked before it is destroyed.
//
// IntrusiveRing<T>: the same in one pointer and without a count, for what has many short lists.
#ifndef SLUICE_BASE_INTRUSIVE_LIST_H_
#define SLUICE_BASE_INTRUSIVE_LIST_H_

#include <cstddef>

#include "engine/base/check.h"

namespace sluice {

// `Tag` tells apart the lists of an element that is in several.
template <typename Tag = void>
class ListNode {
 public:
  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  ~ListNode() { SLUICE_CHECK(next_ == nullptr); }

  bool linked() const { return next_ != nullptr; }

 private:
  template <typename, typename>
  friend class IntrusiveList;
  template <typename, typename>
  friend class IntrusiveRing;
  ListNode* prev_ = nullptr;
  ListNode* next_ = nullptr;
};

template <typename T, typename Tag = void>
class IntrusiveList {
 public:
  using Node = ListNode<Tag>;

  IntrusiveList() { head_.prev_ = head_.next_ = &head_; }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  ~IntrusiveList() {
    SLUICE_CHECK(empty());
    head_.prev_ = head_.next_ = nullptr;
  }

  bool empty() const { return head_.next_ == &head_; }
  std::size_t size() const { return size_; }

  void PushBack(T& element) {
    Node& node = element;
    SLUICE_CHECK(!node.linked());
    node.prev_ = head_.prev_;
    node.next_ = &head_;
    head_.prev_->next_ = &node;
    head_.prev_ = &node;
    ++size_;
  }

  // Null when empty.
  T* Front() { return empty() ? nullptr : static_cast<T*>(head_.next_); }

  T* PopFront() {
    T* front = Front();
    if (front != nullptr) Remove(*front);
    return front;
  }

  void Remove(T& element) {
    Node& node = element;
    SLUICE_CHECK(node.linked());
    node.prev_->next_ = node.next_;
    node.next_->prev_ = node.prev_;
    node.prev_ = node.next_ = nullptr;
    --size_;
  }

  // Calls `visit` for each element; the visitor may remove the element it is given, no other.
  template <typename Visit>
  void ForEach(Visit visit) {
    for (Node* node = head_.next_; node != &head_;) {
      Node* next = node->next_;
      visit(*static_cast<T*>(node));
      node = next;
    }
  }

 private:
  Node head_;
  std::size_t size_ = 0;
};

template <typename T, typename Tag = void>
class IntrusiveRing {
 public:
  using Node = ListNode<Tag>;

  IntrusiveRing() = default;
  IntrusiveRing(const IntrusiveRing&) = delete;
  IntrusiveRing& operator=(const IntrusiveRing&) = delete;
  ~IntrusiveRing() { SLUICE_CHECK(empty()); }

  bool empty() const { return first_ == nullptr; }
  // Walks through all of it.
  std::size_t size() const {
    std::size_t count = 0;
    for (Node* node = first_; node != nullptr; node = node->next_ == first_ ? nullptr : node->next_)
      ++count;
    return count;
  }

  void PushBack(T& element) {
    Node& node = element;
    SLUICE_CHECK(!node.linked());
    if (first_ == nullptr) {
      first_ = node.prev_ = node.next_ = &node;
      return;
    }
    node.prev_ = first_->prev_;
    node.next_ = first_;
    first_->prev_->next_ = &node;
    first_->prev_ = &node;
  }

  void Remove(T& element) {
    Node& node = element;
    SLUICE_CHECK(node.linked());
    node.prev_->next_ = node.next_;
    node.next_->prev_ = node.prev_;
    if (first_ == &node) first_ = node.next_ == &node ? nullptr : node.next_;
    node.prev_ = node.next_ = nullptr;
  }

  // Calls `visit` for each element; the visitor may remove the element it is given, no other.
  template <typename Visit>
  void ForEach(Visit visit) const {
    Node* node = first_;
    Node* const last = node == nullptr ? nullptr : node->prev_;
    while (node != nullptr) {
      Node* const next = node == last ? nullptr : node->next_;
      visit(*static_cast<T*>(node));
      node = next;
    }
  }

 private:
  Node* first_ = nullptr;  // whose prev_ is the last
};

}  // namespace sluice

#endif  // SLUICE_BASE_INTRUSIVE_LIST_H_
