// SPDX-License-Identifier: Apache-2.0
//
// The desk and its tokens by themselves: who is told what, once, and what is stale.
#include "engine/inspect/verdict_desk.h"

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "sluice/inspector.h"

namespace sluice::inspect {
namespace {

class VerdictDeskTest : public ::testing::Test {
 protected:
  struct Owner {
    int told = 0;
    Verdict verdict = Verdict::kPend;
    int expired = 0;
    Ticket ticket;
  };

  VerdictDeskTest() {
    DeskOptions options;
    options.slots = 4;
    options.waiting_total = &waiting_total_;
    options.wake_owner = &wakes_;
    options.wake = [](void* wakes) { ++*static_cast<std::atomic<int>*>(wakes); };
    desk_ = std::make_unique<VerdictDesk>(options);
  }

  Pending Begin(Owner& owner, std::int64_t deadline = 100) {
    return desk_->Begin(&owner, Instant{deadline}, &owner.ticket);
  }
  int Take(int limit = 100) {
    return desk_->TakeResolved(limit, [](void* owner, Answer& answer) {
      auto* told = static_cast<Owner*>(owner);
      ++told->told;
      told->verdict = answer.verdict;
    });
  }
  int Expire(std::int64_t now, int limit = 100) {
    return desk_->Expire(Instant{now}, limit,
                         [](void* owner) { ++static_cast<Owner*>(owner)->expired; });
  }

  std::atomic<int> wakes_{0};
  std::uint64_t waiting_total_ = 0;
  std::unique_ptr<VerdictDesk> desk_;
};

TEST_F(VerdictDeskTest, AnAnswerIsToldOnce) {
  Owner owner;
  Pending token = Begin(owner);
  ASSERT_TRUE(token);
  EXPECT_EQ(desk_->waiting(), 1u);
  EXPECT_TRUE(token.Resolve(Verdict::kDrop));
  EXPECT_FALSE(token);
  EXPECT_EQ(wakes_, 1);
  EXPECT_EQ(Take(), 1);
  EXPECT_EQ(owner.verdict, Verdict::kDrop);
  EXPECT_EQ(Take(), 0);
  EXPECT_EQ(owner.told, 1);
  EXPECT_EQ(desk_->waiting(), 0u);
}

TEST_F(VerdictDeskTest, ASecondAnswerIsRefused) {
  Owner owner;
  Pending token = Begin(owner);
  EXPECT_TRUE(token.Resolve(Verdict::kPass));
  EXPECT_FALSE(token.Resolve(Verdict::kReset));
  EXPECT_EQ(Take(), 1);
  EXPECT_EQ(owner.verdict, Verdict::kPass);
}

TEST_F(VerdictDeskTest, AnAnswerAfterTheDeadlineIsRefused) {
  Owner owner;
  Pending token = Begin(owner, 100);
  EXPECT_EQ(desk_->NextDeadline(), Instant{100});
  EXPECT_EQ(Expire(99), 0);
  EXPECT_EQ(Expire(100), 1);
  EXPECT_EQ(owner.expired, 1);
  EXPECT_FALSE(token.Resolve(Verdict::kPass));
  EXPECT_EQ(Take(), 0);
  EXPECT_EQ(desk_->NextDeadline(), Instant::Never());
}

TEST_F(VerdictDeskTest, AnAnswerThatCameInTimeDoesNotExpire) {
  Owner owner;
  Pending token = Begin(owner, 100);
  EXPECT_TRUE(token.Resolve(Verdict::kPass));
  EXPECT_EQ(desk_->NextDeadline(), Instant::Never());
  EXPECT_EQ(Expire(200), 0);
  EXPECT_EQ(Take(), 1);
}

TEST_F(VerdictDeskTest, AWithdrawnTokenIsStale) {
  Owner owner;
  Pending token = Begin(owner);
  EXPECT_TRUE(desk_->Withdraw(owner.ticket));
  EXPECT_FALSE(desk_->Withdraw(owner.ticket));
  EXPECT_FALSE(token.Resolve(Verdict::kPass));
  EXPECT_EQ(wakes_, 0);
}

TEST_F(VerdictDeskTest, WithdrawingAnAnswerNotYetTakenForgetsIt) {
  Owner owner;
  Pending token = Begin(owner);
  EXPECT_TRUE(token.Resolve(Verdict::kPass));
  EXPECT_TRUE(desk_->Withdraw(owner.ticket));
  EXPECT_EQ(Take(), 0);
  EXPECT_EQ(owner.told, 0);
}

// A stale token must not answer for whoever has its slot now.
TEST_F(VerdictDeskTest, AStaleTokenDoesNotReachTheNextUserOfItsSlot) {
  std::vector<Pending> stale;
  std::vector<Owner> first(4);
  for (Owner& owner : first) stale.push_back(Begin(owner));
  for (Owner& owner : first) ASSERT_TRUE(desk_->Withdraw(owner.ticket));
  std::vector<Owner> second(4);
  std::vector<Pending> fresh;
  for (Owner& owner : second) fresh.push_back(Begin(owner));
  for (Pending& token : stale) EXPECT_FALSE(token.Resolve(Verdict::kReset));
  EXPECT_EQ(Take(), 0);
  for (Pending& token : fresh) EXPECT_TRUE(token.Resolve(Verdict::kPass));
  EXPECT_EQ(Take(), 4);
}

TEST_F(VerdictDeskTest, ADroppedTokenGivesTheDefault) {
  Owner owner;
  { const Pending token = Begin(owner); }
  EXPECT_EQ(wakes_, 1);
  EXPECT_EQ(Take(), 1);
  EXPECT_EQ(owner.verdict, Verdict::kReset);
}

TEST_F(VerdictDeskTest, AMovedTokenAnswersOnceAndOnlyFromItsNewPlace) {
  Owner owner;
  Owner other;
  Pending token = Begin(owner);
  Pending moved(std::move(token));
  EXPECT_FALSE(token);  // NOLINT(bugprone-use-after-move)
  EXPECT_FALSE(token.Resolve(Verdict::kDrop));
  // What stood there before is given up.
  Pending target = Begin(other);
  target = std::move(moved);
  EXPECT_EQ(Take(), 1);
  EXPECT_EQ(other.verdict, Verdict::kReset);
  EXPECT_TRUE(target.Resolve(Verdict::kPass));
  EXPECT_EQ(Take(), 1);
  EXPECT_EQ(owner.verdict, Verdict::kPass);
}

TEST_F(VerdictDeskTest, AFullDeskGivesNoToken) {
  std::vector<Owner> owners(5);
  std::vector<Pending> tokens;
  for (Owner& owner : owners) tokens.push_back(Begin(owner));
  EXPECT_TRUE(tokens[3]);
  EXPECT_FALSE(tokens[4]);
  EXPECT_FALSE(owners[4].ticket.valid());
  EXPECT_TRUE(tokens[0].Resolve(Verdict::kPass));
  // The slot is free once the answer was taken.
  EXPECT_FALSE(Begin(owners[4]));
  EXPECT_EQ(Take(), 1);
  Pending again = Begin(owners[4]);
  EXPECT_TRUE(again);
  for (const Owner& owner : owners) desk_->Withdraw(owner.ticket);
}

TEST_F(VerdictDeskTest, LaterGivesOneToken) {
  Owner owner;
  Later later(desk_.get(), &owner, Instant{100});
  EXPECT_FALSE(later.ticket().valid());
  Pending token = later.Take();
  EXPECT_TRUE(token);
  EXPECT_TRUE(later.ticket().valid());
  EXPECT_FALSE(later.Take());
  EXPECT_TRUE(desk_->Withdraw(later.ticket()));
  Later nobody(nullptr, &owner, Instant{100});
  EXPECT_FALSE(nobody.Take());
}

// One wake for a batch, and a batch in parts.
TEST_F(VerdictDeskTest, TheFirstAnswerOfABatchWakes) {
  std::vector<Owner> owners(4);
  std::vector<Pending> tokens;
  for (Owner& owner : owners) tokens.push_back(Begin(owner));
  for (Pending& token : tokens) EXPECT_TRUE(token.Resolve(Verdict::kPass));
  EXPECT_EQ(wakes_, 1);
  EXPECT_EQ(Take(3), 3);
  EXPECT_TRUE(desk_->HasResolved());
  EXPECT_EQ(Take(3), 1);
  EXPECT_FALSE(desk_->HasResolved());
}

TEST_F(VerdictDeskTest, DeadlinesExpireInOrderAndWithinTheBudget) {
  std::vector<Owner> owners(4);
  std::vector<Pending> tokens;
  for (int i = 0; i < 4; ++i) tokens.push_back(Begin(owners[static_cast<std::size_t>(i)], 10 + i));
  EXPECT_EQ(Expire(12, 2), 2);
  EXPECT_EQ(owners[0].expired + owners[1].expired, 2);
  EXPECT_EQ(desk_->NextDeadline(), Instant{12});
  EXPECT_EQ(Expire(12, 2), 1);
  EXPECT_EQ(desk_->NextDeadline(), Instant{13});
  EXPECT_EQ(Expire(13), 1);
}

TEST_F(VerdictDeskTest, WhoIsToldMayWaitAgain) {
  Owner owner;
  Pending token = Begin(owner);
  Pending next;
  EXPECT_TRUE(token.Resolve(Verdict::kPass));
  desk_->TakeResolved(1, [&](void*, Answer&) { next = Begin(owner); });
  EXPECT_TRUE(next.Resolve(Verdict::kDrop));
  EXPECT_EQ(wakes_, 2);
  EXPECT_EQ(Take(), 1);
}

TEST_F(VerdictDeskTest, ATokenOutlivesItsDesk) {
  Owner owner;
  Pending token = Begin(owner);
  Pending dropped = Begin(owner);
  ASSERT_TRUE(desk_->Withdraw(owner.ticket));
  Expire(100);
  EXPECT_EQ(waiting_total_, 0u);
  desk_.reset();
  EXPECT_FALSE(token.Resolve(Verdict::kPass));
  EXPECT_EQ(wakes_, 0);
}

TEST_F(VerdictDeskTest, AClosedDeskGivesNoToken) {
  Owner owner;
  desk_->Close();
  EXPECT_FALSE(Begin(owner));
}

TEST_F(VerdictDeskTest, WaitersAreCountedInTheTotal) {
  Owner owner;
  Owner other;
  Pending first = Begin(owner);
  Pending second = Begin(other);
  EXPECT_EQ(waiting_total_, 2u);
  EXPECT_TRUE(first.Resolve(Verdict::kPass));
  EXPECT_EQ(waiting_total_, 2u);
  Take();
  EXPECT_EQ(waiting_total_, 1u);
  desk_->Withdraw(other.ticket);
  EXPECT_EQ(waiting_total_, 0u);
}

// Answers race with withdrawals: each use of a slot ends in exactly one of the two ways.
TEST_F(VerdictDeskTest, AnswersOfOtherThreadsAreToldOrStaleNeverBoth) {
  constexpr int kRounds = 3000;
  struct Round {
    Owner owner;
    Pending token;
    std::atomic<bool> ready{false};
    bool accepted = false;
  };
  std::vector<Round> rounds(kRounds);
  std::thread answering([&] {
    for (Round& round : rounds) {
      while (!round.ready.load(std::memory_order_acquire)) std::this_thread::yield();
      round.accepted = round.token.Resolve(Verdict::kPass);
    }
  });
  int withdrawn = 0;
  for (int i = 0; i < kRounds; ++i) {
    Round& round = rounds[static_cast<std::size_t>(i)];
    // Bounded by the other thread: all four slots may be waiting for it.
    while (desk_->waiting() == 4) {
      if (Take() == 0) std::this_thread::yield();
    }
    round.token = Begin(round.owner);
    ASSERT_TRUE(round.token);
    round.ready.store(true, std::memory_order_release);
    if (i % 2 == 0 && desk_->Withdraw(round.owner.ticket)) ++withdrawn;
  }
  answering.join();
  Take();
  int told = 0;
  for (const Round& round : rounds) {
    told += round.owner.told;
    if (round.owner.told != 0) {
      EXPECT_TRUE(round.accepted);
    }
  }
  EXPECT_EQ(told + withdrawn, kRounds);
  EXPECT_EQ(desk_->waiting(), 0u);
}

}  // namespace
}  // namespace sluice::inspect
