// SPDX-License-Identifier: Apache-2.0
//
// Message: something for a port's owner thread to do, sent from any thread. Intrusive: each message
// can be on its way once at a time, so the queue is bounded by the messages that exist.
#ifndef SLUICE_IO_MESSAGE_H_
#define SLUICE_IO_MESSAGE_H_

#include <atomic>

#include "engine/base/check.h"

namespace sluice::io {

class Message {
 public:
  using Handler = void (*)(void* owner);

  Message() = default;
  Message(void* owner, Handler handler) : owner_(owner), handler_(handler) {}
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;
  ~Message() { SLUICE_CHECK(!posted_.load(std::memory_order_acquire)); }

  // REQUIRES: not on its way.
  void Bind(void* owner, Handler handler) {
    SLUICE_CHECK(!posted_.load(std::memory_order_acquire));
    owner_ = owner;
    handler_ = handler;
  }

 private:
  friend class MessageQueue;
  void* owner_ = nullptr;
  Handler handler_ = nullptr;
  Message* next_ = nullptr;
  std::atomic<bool> posted_{false};  // true exactly from Push until just before the handler runs
};

// Many producers, one consumer. Order of one producer is kept.
class MessageQueue {
 public:
  MessageQueue() = default;
  ~MessageQueue() { Clear(); }

  // Any thread. False if the message is on its way already.
  bool Push(Message& message);
  // Consumer only: takes all, runs up to `limit` handlers, keeps the rest for the next call.
  int Run(int limit);
  // Consumer only. True when Run would do something.
  bool HasWork() const {
    return local_ != nullptr || head_.load(std::memory_order_acquire) != nullptr;
  }
  // Consumer only: forgets what is queued without running it.
  void Clear();

 private:
  void Collect();

  std::atomic<Message*> head_{nullptr};  // newest first
  Message* local_ = nullptr;             // oldest first; consumer's
};

}  // namespace sluice::io

#endif  // SLUICE_IO_MESSAGE_H_
