// SPDX-License-Identifier: Apache-2.0
#include "engine/io/port_core.h"

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/failed_check.h"

namespace sluice::io {
namespace {

class PortCoreTest : public ::testing::Test {
 protected:
  static void OnClosed(void* self, Socket& socket) {
    static_cast<PortCoreTest*>(self)->closed_.push_back(socket.native());
  }

  struct Op {
    explicit Op(PortCore& port) : core(port) { operation.Bind<&Op::OnDone>(this); }
    void OnDone(Outcome outcome) {
      ++runs;
      last = outcome;
      EXPECT_TRUE(operation.idle());
      if (then) then();
    }
    void Start(Socket* socket = nullptr) { core.Arm(operation, Verb::kRecv, socket); }
    PortCore& core;
    RecvOp operation;
    int runs = 0;
    Outcome last;
    std::function<void()> then;
  };

  std::vector<NativeHandle> closed_;
  PortCore core_{this, &PortCoreTest::OnClosed};
};

TEST_F(PortCoreTest, AnOperationGoesFromIdleToArmedToDoneToIdle) {
  Op op(core_);
  EXPECT_TRUE(op.operation.idle());
  op.Start();
  EXPECT_EQ(op.operation.state(), Operation::State::kArmed);
  EXPECT_EQ(op.operation.verb(), Verb::kRecv);
  EXPECT_EQ(core_.armed_count(), 1u);
  EXPECT_EQ(core_.Dispatch(10), 0);
  core_.Finish(op.operation, Outcome::Done(7));
  EXPECT_EQ(op.operation.state(), Operation::State::kDone);
  EXPECT_EQ(core_.armed_count(), 0u);
  EXPECT_EQ(core_.Snapshot().armed, 1u);
  EXPECT_EQ(op.runs, 0);
  EXPECT_EQ(core_.Dispatch(10), 1);
  EXPECT_EQ(op.runs, 1);
  EXPECT_EQ(op.last.bytes, 7u);
  EXPECT_EQ(core_.Snapshot().armed, 0u);
  EXPECT_EQ(core_.Snapshot().handlers, 1u);
}

TEST_F(PortCoreTest, AHandlerMayStartItsOperationAnew) {
  Op op(core_);
  op.then = [&] { op.Start(); };
  op.Start();
  core_.Finish(op.operation, Outcome::Done(1));
  EXPECT_EQ(core_.Dispatch(10), 1);
  EXPECT_EQ(op.operation.state(), Operation::State::kArmed);
  op.then = nullptr;
  core_.Finish(op.operation, Outcome::Done(2));
  EXPECT_EQ(core_.Dispatch(10), 1);
  EXPECT_EQ(op.last.bytes, 2u);
}

TEST_F(PortCoreTest, WhatHandlersMakeReadyWaitsForTheNextDispatch) {
  Op op(core_);
  op.then = [&] {
    op.Start();
    core_.Finish(op.operation, Outcome::Done(0));
  };
  op.Start();
  core_.Finish(op.operation, Outcome::Done(0));
  EXPECT_EQ(core_.Dispatch(100), 1);
  EXPECT_TRUE(core_.HasReady());
  op.then = nullptr;
  EXPECT_EQ(core_.Dispatch(100), 1);
  EXPECT_FALSE(core_.HasReady());
}

TEST_F(PortCoreTest, TheLimitBoundsOperationsAndMessagesTogether) {
  Op a(core_), b(core_);
  int messages = 0;
  Message message(&messages, [](void* count) { ++*static_cast<int*>(count); });
  core_.messages().Push(message);
  a.Start();
  b.Start();
  core_.Finish(a.operation, Outcome::Done(0));
  core_.Finish(b.operation, Outcome::Done(0));
  const auto total = [&] { return a.runs + b.runs + messages; };
  EXPECT_EQ(core_.Dispatch(0), 0);
  EXPECT_EQ(total(), 0);
  EXPECT_EQ(core_.Dispatch(1), 1);
  EXPECT_EQ(total(), 1);
  EXPECT_EQ(core_.Dispatch(2), 2);
  EXPECT_EQ(a.runs, 1);
  EXPECT_EQ(b.runs, 1);
  EXPECT_EQ(messages, 1);
  EXPECT_EQ(core_.Dispatch(2), 0);
}

// Outcomes that never cease leave messages their share, and the other way round.
TEST_F(PortCoreTest, NeitherOutcomesNorMessagesStarve) {
  for (const int limit : {1, 2, 16}) {
    Op chain(core_);
    struct Again {
      PortCore& core;
      int runs = 0;
      Message message{this, [](void* self) {
                        auto* again = static_cast<Again*>(self);
                        ++again->runs;
                        EXPECT_TRUE(again->core.messages().Push(again->message));
                      }};
    };
    Again again{core_};
    chain.then = [&] {
      chain.Start();
      core_.Finish(chain.operation, Outcome::Done(0));
    };
    chain.Start();
    core_.Finish(chain.operation, Outcome::Done(0));
    core_.messages().Push(again.message);
    for (int turn = 0; turn < 10; ++turn) EXPECT_LE(core_.Dispatch(limit), limit);
    EXPECT_GE(chain.runs, 4) << "limit " << limit;
    EXPECT_GE(again.runs, 4) << "limit " << limit;
    core_.messages().Clear();
    core_.DropReady();
  }
}

TEST_F(PortCoreTest, ASocketWithNothingArmedClosesAtOnce) {
  Socket socket;
  core_.Attach(socket, 5, Family::kV4);
  EXPECT_TRUE(socket.is_open());
  EXPECT_EQ(core_.Snapshot().sockets, 1u);
  core_.Close(socket, false, [](Operation&) { FAIL() << "nothing is armed"; });
  EXPECT_EQ(closed_, (std::vector<NativeHandle>{5}));
  EXPECT_TRUE(socket.is_joined());
  EXPECT_EQ(core_.Snapshot().sockets, 0u);
  core_.Close(socket, false, [](Operation&) { FAIL() << "closed already"; });
  EXPECT_EQ(closed_.size(), 1u);
}

TEST_F(PortCoreTest, ASocketKeepsItsHandleUntilTheLastOperationIsJoined) {
  Socket socket;
  Op a(core_), b(core_), other(core_);
  core_.Attach(socket, 5, Family::kV4);
  a.Start(&socket);
  b.Start(&socket);
  other.Start();
  EXPECT_EQ(socket.armed(), 2u);
  int cancelled = 0;
  core_.Close(socket, false, [&](Operation& operation) {
    EXPECT_TRUE(core_.MarkCancelled(operation));
    ++cancelled;
  });
  EXPECT_EQ(cancelled, 2);
  EXPECT_FALSE(socket.is_open());
  EXPECT_FALSE(socket.is_joined());
  core_.Finish(a.operation, Outcome::Failed(ErrorCode::kAborted, 1));
  core_.Dispatch(10);
  EXPECT_TRUE(closed_.empty());
  bool joined_in_handler = false;
  b.then = [&] { joined_in_handler = socket.is_joined(); };
  core_.Finish(b.operation, Outcome::Done(3));
  EXPECT_TRUE(closed_.empty());
  core_.Dispatch(10);
  EXPECT_EQ(closed_, (std::vector<NativeHandle>{5}));
  EXPECT_TRUE(joined_in_handler);
  core_.Finish(other.operation, Outcome::Done(0));
  core_.Dispatch(10);
}

TEST_F(PortCoreTest, ACancelThatFinishesAtOnceIsAllowedInsideClose) {
  Socket socket;
  Op a(core_), b(core_);
  core_.Attach(socket, 5, Family::kV4);
  a.Start(&socket);
  b.Start(&socket);
  core_.Close(socket, true, [&](Operation& operation) {
    core_.Finish(operation, Outcome::Failed(ErrorCode::kAborted, 1));
  });
  EXPECT_TRUE(closed_.empty());
  EXPECT_EQ(core_.Dispatch(10), 2);
  EXPECT_EQ(closed_.size(), 1u);
}

// Close asks to cancel what the kernel may hold of this socket: not what is done, not other
// sockets'.
TEST_F(PortCoreTest, CloseCancelsOnlyWhatIsArmedOnTheSocket) {
  Socket socket, other_socket;
  Op done(core_), armed(core_), elsewhere(core_);
  core_.Attach(socket, 5, Family::kV4);
  core_.Attach(other_socket, 6, Family::kV4);
  done.Start(&socket);
  armed.Start(&socket);
  elsewhere.Start(&other_socket);
  core_.Finish(done.operation, Outcome::Done(1));
  std::vector<Operation*> cancelled;
  core_.Close(socket, false, [&](Operation& operation) { cancelled.push_back(&operation); });
  EXPECT_EQ(cancelled, (std::vector<Operation*>{&armed.operation}));
  EXPECT_EQ(socket.armed(), 2u);
  core_.Finish(armed.operation, Outcome::Failed(ErrorCode::kAborted, 1));
  EXPECT_EQ(core_.Dispatch(10), 2);
  EXPECT_TRUE(socket.is_joined());
  core_.Finish(elsewhere.operation, Outcome::Done(0));
  core_.Dispatch(10);
  core_.Close(other_socket, false, [](Operation&) {});
  EXPECT_EQ(closed_, (std::vector<NativeHandle>{5, 6}));
}

TEST_F(PortCoreTest, OnlyArmedOperationsAreMarkedCancelledAndOnlyOnce) {
  Op op(core_);
  EXPECT_FALSE(core_.MarkCancelled(op.operation));
  op.Start();
  EXPECT_TRUE(core_.MarkCancelled(op.operation));
  EXPECT_FALSE(core_.MarkCancelled(op.operation));
  core_.Finish(op.operation, Outcome::Done(0));
  EXPECT_FALSE(core_.MarkCancelled(op.operation));
  core_.Dispatch(10);
  op.Start();
  EXPECT_TRUE(core_.MarkCancelled(op.operation));
  core_.Finish(op.operation, Outcome::Done(0));
  core_.Dispatch(10);
}

TEST_F(PortCoreTest, DropReadyRunsNoHandlerAndClosesWhatWasClosing) {
  Socket socket;
  Op op(core_);
  core_.Attach(socket, 5, Family::kV4);
  op.Start(&socket);
  core_.Close(socket, false, [](Operation&) {});
  core_.Finish(op.operation, Outcome::Done(0));
  core_.DropReady();
  EXPECT_EQ(op.runs, 0);
  EXPECT_TRUE(op.operation.idle());
  EXPECT_TRUE(socket.is_joined());
  EXPECT_EQ(closed_.size(), 1u);
  // The operation is as it was before: bound, and fit for another port.
  op.Start();
  core_.Finish(op.operation, Outcome::Done(9));
  core_.Dispatch(10);
  EXPECT_EQ(op.runs, 1);
  EXPECT_EQ(op.last.bytes, 9u);
}

TEST_F(PortCoreTest, OnlyASleeperIsKicked) {
  EXPECT_FALSE(core_.NeedsKick());
  // The wake came before the sleep: refused once, then granted.
  EXPECT_FALSE(core_.PrepareSleep());
  EXPECT_TRUE(core_.PrepareSleep());
  EXPECT_TRUE(core_.NeedsKick());
  EXPECT_FALSE(core_.NeedsKick());
  core_.EndSleep();
  EXPECT_TRUE(core_.PrepareSleep());
  core_.EndSleep();
  EXPECT_EQ(core_.Snapshot().wakes, 1u);
}

TEST_F(PortCoreTest, NoSleepWhileAMessageWaits) {
  Message message(nullptr, [](void*) {});
  core_.messages().Push(message);
  EXPECT_FALSE(core_.PrepareSleep());
  core_.Dispatch(10);
  EXPECT_TRUE(core_.PrepareSleep());
  core_.EndSleep();
}

// A waker that publishes and then asks NeedsKick, and an owner that checks after PrepareSleep: one
// of the two always sees the other. The "kernel" here is a flag.
TEST_F(PortCoreTest, NoWakeIsLostBetweenTwoThreads) {
  constexpr int kRounds = 20000;
  std::atomic<bool> kicked{false};
  std::atomic<int> ran{0};
  Message message(&ran, [](void* count) { static_cast<std::atomic<int>*>(count)->fetch_add(1); });
  std::thread waker([&] {
    for (int i = 0; i < kRounds; ++i) {
      while (!core_.messages().Push(message)) std::this_thread::yield();
      if (core_.NeedsKick()) kicked.store(true);
    }
  });
  while (ran.load() < kRounds) {
    if (core_.PrepareSleep()) {
      while (!kicked.exchange(false)) std::this_thread::yield();
      core_.EndSleep();
    }
    core_.Dispatch(10);
  }
  waker.join();
  EXPECT_EQ(ran.load(), kRounds);
}

using PortCoreDeathTest = PortCoreTest;

TEST_F(PortCoreDeathTest, ArmingTwiceIsAFailedCheck) {
  Op op(core_);
  op.Start();
  SLUICE_EXPECT_FAILED_CHECK(op.Start(), "kIdle");
  core_.Finish(op.operation, Outcome::Done(0));
  SLUICE_EXPECT_FAILED_CHECK(core_.Finish(op.operation, Outcome::Done(0)), "kArmed");
  core_.Dispatch(10);
}

TEST_F(PortCoreDeathTest, AnUnboundOperationCannotStart) {
  RecvOp operation;
  SLUICE_EXPECT_FAILED_CHECK(core_.Arm(operation, Verb::kRecv, nullptr), "handler_");
}

TEST_F(PortCoreDeathTest, DestroyingAnArmedOperationIsAFailedCheck) {
  SLUICE_EXPECT_FAILED_CHECK(
      {
        PortCore core(this, &PortCoreTest::OnClosed);
        auto op = std::make_unique<Op>(core);
        op->Start();
        op.reset();
      },
      "kIdle");
}

TEST_F(PortCoreDeathTest, AClosedSocketTakesNoOperations) {
  SLUICE_EXPECT_FAILED_CHECK(
      {
        PortCore core(this, &PortCoreTest::OnClosed);
        Socket socket;
        Op op(core);
        op.Start(&socket);
      },
      "is_open");
}

TEST_F(PortCoreDeathTest, DestroyingAnOpenSocketIsAFailedCheck) {
  SLUICE_EXPECT_FAILED_CHECK(
      {
        PortCore core(this, &PortCoreTest::OnClosed);
        Socket socket;
        core.Attach(socket, 5, Family::kV4);
      },
      "handle_ == kNoHandle");
}

}  // namespace
}  // namespace sluice::io
