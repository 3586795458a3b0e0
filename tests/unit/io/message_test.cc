// SPDX-License-Identifier: Apache-2.0
#include "engine/io/message.h"

#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/failed_check.h"

namespace sluice::io {
namespace {

struct Noted {
  explicit Noted(std::vector<int>* log, int id) : log_(log), id_(id), message(this, &Run) {}
  static void Run(void* self) {
    auto* noted = static_cast<Noted*>(self);
    noted->log_->push_back(noted->id_);
  }
  std::vector<int>* log_;
  int id_;
  Message message;
};

TEST(MessageQueueTest, RunsInTheOrderOfOneProducer) {
  std::vector<int> log;
  Noted a(&log, 1), b(&log, 2), c(&log, 3);
  MessageQueue queue;
  EXPECT_FALSE(queue.HasWork());
  EXPECT_TRUE(queue.Push(a.message));
  EXPECT_TRUE(queue.Push(b.message));
  EXPECT_TRUE(queue.Push(c.message));
  EXPECT_TRUE(queue.HasWork());
  EXPECT_EQ(queue.Run(100), 3);
  EXPECT_EQ(log, (std::vector<int>{1, 2, 3}));
  EXPECT_FALSE(queue.HasWork());
}

TEST(MessageQueueTest, AMessageIsOnItsWayOnce) {
  std::vector<int> log;
  Noted a(&log, 1);
  MessageQueue queue;
  EXPECT_TRUE(queue.Push(a.message));
  EXPECT_FALSE(queue.Push(a.message));
  EXPECT_EQ(queue.Run(100), 1);
  EXPECT_TRUE(queue.Push(a.message));
  EXPECT_EQ(queue.Run(100), 1);
  EXPECT_EQ(log, (std::vector<int>{1, 1}));
}

TEST(MessageQueueTest, TheLimitKeepsTheRestInOrder) {
  std::vector<int> log;
  Noted a(&log, 1), b(&log, 2), c(&log, 3);
  MessageQueue queue;
  queue.Push(a.message);
  queue.Push(b.message);
  EXPECT_EQ(queue.Run(1), 1);
  EXPECT_TRUE(queue.HasWork());
  queue.Push(c.message);
  EXPECT_EQ(queue.Run(0), 0);
  EXPECT_EQ(queue.Run(1), 1);
  EXPECT_EQ(queue.Run(100), 1);
  EXPECT_EQ(log, (std::vector<int>{1, 2, 3}));
}

// A message that posts itself must not keep Run from returning.
TEST(MessageQueueTest, AMessageMayPostItselfFromItsHandler) {
  struct Again {
    MessageQueue* queue;
    int runs = 0;
    Message message{this, [](void* self) {
                      auto* again = static_cast<Again*>(self);
                      ++again->runs;
                      EXPECT_TRUE(again->queue->Push(again->message));
                    }};
  };
  MessageQueue queue;
  Again again{&queue};
  queue.Push(again.message);
  EXPECT_EQ(queue.Run(100), 1);
  EXPECT_EQ(queue.Run(100), 1);
  EXPECT_EQ(again.runs, 2);
  queue.Clear();
}

TEST(MessageQueueTest, AHandlerMayFreeItsMessage) {
  struct Own {
    Message message{this, [](void* self) { delete static_cast<Own*>(self); }};
  };
  MessageQueue queue;
  queue.Push((new Own)->message);
  EXPECT_EQ(queue.Run(100), 1);
}

TEST(MessageQueueTest, ClearForgetsWithoutRunning) {
  std::vector<int> log;
  Noted a(&log, 1), b(&log, 2);
  {
    MessageQueue queue;
    queue.Push(a.message);
    queue.Push(b.message);
    EXPECT_EQ(queue.Run(1), 1);
    queue.Clear();
    EXPECT_FALSE(queue.HasWork());
    queue.Push(a.message);
  }
  EXPECT_EQ(log, (std::vector<int>{1}));
}

TEST(MessageQueueTest, ManyProducersLoseNothing) {
  constexpr int kThreads = 4;
  constexpr int kEach = 2000;
  std::vector<int> log;
  log.reserve(kThreads * kEach);
  std::vector<std::unique_ptr<Noted>> messages;
  for (int i = 0; i < kThreads * kEach; ++i) messages.push_back(std::make_unique<Noted>(&log, i));
  MessageQueue queue;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i)
        queue.Push(messages[static_cast<std::size_t>(t * kEach + i)]->message);
    });
  }
  int ran = 0;
  while (ran < kThreads * kEach) ran += queue.Run(64);
  for (std::thread& thread : threads) thread.join();
  std::vector<int> next(kThreads, 0);
  for (const int id : log) {
    int& expected = next[static_cast<std::size_t>(id / kEach)];
    EXPECT_EQ(id % kEach, expected++);
  }
}

TEST(MessageDeathTest, DestroyingAMessageOnItsWayIsAFailedCheck) {
  SLUICE_EXPECT_FAILED_CHECK(
      {
        MessageQueue queue;
        Message message(nullptr, [](void*) {});
        queue.Push(message);
        message.~Message();
      },
      "posted_");
}

}  // namespace
}  // namespace sluice::io
