// SPDX-License-Identifier: Apache-2.0
#include "engine/redirect/loop_guard.h"

#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace sluice::redirect {
namespace {

constexpr Instant kStart{kSecond};
const Address kOrigin = Address::Loopback(Family::kV4, 80);

LoopPolicy Policy(std::uint32_t growth_max) {
  LoopPolicy policy;
  policy.growth_max = growth_max;
  policy.window = kSecond;
  policy.rest = 2 * kSecond;
  return policy;
}

TEST(LoopGuard, HopsFollowTheOnwardConnectionInEverySpelling) {
  LoopGuard guard(LoopPolicy{});
  const Address local = Address::Loopback(Family::kV4, 5000);
  EXPECT_EQ(guard.HopsOf(local, kOrigin), 0u);
  const std::uint32_t token = guard.AddOutbound(local, kOrigin, 3);
  EXPECT_NE(token, 0u);
  EXPECT_EQ(guard.HopsOf(local, kOrigin), 3u);
  EXPECT_EQ(guard.HopsOf(*Address::Parse("[::ffff:127.0.0.1]:5000"), kOrigin), 3u);
  EXPECT_EQ(guard.HopsOf(local, *Address::Parse("[::ffff:127.0.0.1]:80")), 3u);
  EXPECT_EQ(guard.HopsOf(local.WithPort(5001), kOrigin), 0u);
  guard.RemoveOutbound(local, token);
  EXPECT_EQ(guard.HopsOf(local, kOrigin), 0u);
  EXPECT_EQ(guard.outbound(), 0u);
}

// Connecting to "any address" reaches this machine's own.
TEST(LoopGuard, TheWildcardAsDestinationIsLoopback) {
  LoopGuard guard(LoopPolicy{});
  const Address local = Address::Loopback(Family::kV4, 5000);
  const std::uint32_t token = guard.AddOutbound(local, Address::Wildcard(Family::kV4, 80), 1);
  EXPECT_EQ(guard.HopsOf(local, kOrigin), 1u);
  guard.RemoveOutbound(local, token);
  EXPECT_EQ(guard.outbound(), 0u);
}

// Connections to different destinations share ports.
TEST(LoopGuard, ConnectionsFromOnePortAreToldApart) {
  LoopGuard guard(LoopPolicy{});
  const Address local = Address::Loopback(Family::kV4, 5000);
  const Address other = kOrigin.WithPort(81);
  const std::uint32_t first = guard.AddOutbound(local, kOrigin, 3);
  EXPECT_EQ(guard.HopsOf(local, other), 0u);
  const std::uint32_t second = guard.AddOutbound(local, other, 7);
  EXPECT_EQ(guard.HopsOf(local, kOrigin), 3u);
  EXPECT_EQ(guard.HopsOf(local, other), 7u);
  guard.RemoveOutbound(local, first);
  EXPECT_EQ(guard.HopsOf(local, other), 7u);
  guard.RemoveOutbound(local, second);
}

// Whom a driver sends elsewhere may share both addresses.
TEST(LoopGuard, OfConnectionsThatLookAlikeTheFewestHopsCount) {
  LoopGuard guard(LoopPolicy{});
  const Address local = Address::Loopback(Family::kV4, 5000);
  guard.AddOutbound(local, kOrigin, 3);
  guard.AddOutbound(local, kOrigin, 2);
  const std::uint32_t token = guard.AddOutbound(local, kOrigin, 5);
  EXPECT_EQ(guard.outbound(), 3u);
  EXPECT_EQ(guard.HopsOf(local, kOrigin), 2u);
  for (int i = 0; i < 3; ++i) guard.RemoveOutbound(local, token);
  EXPECT_EQ(guard.outbound(), 0u);
  EXPECT_EQ(guard.HopsOf(local, kOrigin), 0u);
}

TEST(LoopGuard, ListenersAreKnownByTheirTcpPortWhileTheyListen) {
  LoopGuard guard(LoopPolicy{});
  const Address listener = Address::Loopback(Family::kV4, 7001);
  EXPECT_FALSE(guard.MayReachListener(listener));
  guard.AddListener(listener);
  guard.AddListener(Address::Loopback(Family::kV6, 7001));
  EXPECT_TRUE(guard.MayReachListener(listener));
  EXPECT_TRUE(guard.MayReachListener(*Address::Parse("[::ffff:127.0.0.1]:7001")));
  EXPECT_FALSE(guard.MayReachListener(listener.WithPort(7002)));
  guard.RemoveListener(listener);
  EXPECT_TRUE(guard.MayReachListener(listener));
  guard.RemoveListener(Address::Loopback(Family::kV6, 7001));
  EXPECT_FALSE(guard.MayReachListener(listener));
}

TEST(LoopGuard, GrowthPastTheLimitRestsTheDestination) {
  LoopGuard guard(Policy(3));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(guard.Enter(kOrigin, kStart));
  EXPECT_FALSE(guard.Enter(kOrigin, kStart));
  // Resting, also when flows end meanwhile.
  guard.Leave(kOrigin);
  EXPECT_FALSE(guard.Enter(kOrigin, kStart + kSecond));
  EXPECT_TRUE(guard.Enter(kOrigin, kStart + 2 * kSecond));
  // Another destination was never concerned.
  const Address other = Address::Loopback(Family::kV4, 81);
  EXPECT_TRUE(guard.Enter(other, kStart));
  guard.Leave(other);
  for (int i = 0; i < 3; ++i) guard.Leave(kOrigin);
  EXPECT_EQ(guard.destinations(), 0u);
}

// A busy destination whose flows end as fast as they open is no storm, whatever the rate.
TEST(LoopGuard, RateAloneNeverTrips) {
  LoopGuard guard(Policy(3));
  for (int i = 0; i < 100000; ++i) {
    ASSERT_TRUE(guard.Enter(kOrigin, kStart + i));
    guard.Leave(kOrigin);
  }
}

// Slow growth is not a storm either: the limit is for one window.
TEST(LoopGuard, SlowGrowthIsAllowed) {
  LoopGuard guard(Policy(3));
  for (int window = 0; window < 50; ++window) {
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(guard.Enter(kOrigin, kStart + window * kSecond));
  }
  for (int i = 0; i < 150; ++i) guard.Leave(kOrigin);
}

TEST(LoopGuard, ManyThreadsLeaveNothingBehind) {
  LoopGuard guard(LoopPolicy{});
  std::vector<std::thread> threads;
  for (std::uint16_t t = 0; t < 8; ++t) {
    threads.emplace_back([&guard, t] {
      for (std::uint16_t i = 0; i < 2000; ++i) {
        const Address local =
            Address::Loopback(Family::kV4, static_cast<std::uint16_t>(t * 2000 + i + 1));
        const Address destination =
            Address::Loopback(Family::kV4, static_cast<std::uint16_t>(i % 7 + 1));
        EXPECT_TRUE(guard.Enter(destination, kStart));
        const std::uint32_t token = guard.AddOutbound(local, destination, 1);
        EXPECT_EQ(guard.HopsOf(local, destination), 1u);
        guard.RemoveOutbound(local, token);
        guard.Leave(destination);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(guard.outbound(), 0u);
  EXPECT_EQ(guard.destinations(), 0u);
}

}  // namespace
}  // namespace sluice::redirect
