// SPDX-License-Identifier: Apache-2.0
#include "engine/io/message.h"

namespace sluice::io {

bool MessageQueue::Push(Message& message) {
  if (message.posted_.exchange(true, std::memory_order_acq_rel)) return false;
  Message* head = head_.load(std::memory_order_relaxed);
  do {
    message.next_ = head;
  } while (!head_.compare_exchange_weak(head, &message, std::memory_order_release,
                                        std::memory_order_relaxed));
  return true;
}

// Appends what producers pushed, oldest first, behind what is left over.
void MessageQueue::Collect() {
  Message* newest = head_.exchange(nullptr, std::memory_order_acquire);
  Message* oldest = nullptr;
  while (newest != nullptr) {
    Message* next = newest->next_;
    newest->next_ = oldest;
    oldest = newest;
    newest = next;
  }
  Message** tail = &local_;
  while (*tail != nullptr) tail = &(*tail)->next_;
  *tail = oldest;
}

int MessageQueue::Run(int limit) {
  if (local_ == nullptr) Collect();
  int ran = 0;
  while (local_ != nullptr && ran < limit) {
    Message* message = local_;
    local_ = message->next_;
    message->next_ = nullptr;
    // Read before the flag falls: from then on the message may be posted again, or be gone.
    const Message::Handler handler = message->handler_;
    void* owner = message->owner_;
    message->posted_.store(false, std::memory_order_release);
    handler(owner);
    ++ran;
  }
  return ran;
}

void MessageQueue::Clear() {
  Collect();
  while (local_ != nullptr) {
    Message* message = local_;
    local_ = message->next_;
    message->next_ = nullptr;
    message->posted_.store(false, std::memory_order_release);
  }
}

}  // namespace sluice::io
