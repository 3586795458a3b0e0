// SPDX-License-Identifier: Apache-2.0
//
// The loop guard that needs no records: our own listeners in every spelling.
#include "engine/redirect/own_listeners.h"

#include "gtest/gtest.h"

namespace sluice::redirect {
namespace {

Address At(const char* text) {
  const absl::StatusOr<Address> address = Address::Parse(text);
  EXPECT_TRUE(address.ok()) << text;
  return address.ok() ? *address : Address();
}

TEST(OwnListenersTest, EmptyOwnsNothing) {
  const OwnListeners own;
  EXPECT_TRUE(own.empty());
  EXPECT_FALSE(own.IsOurs(At("127.0.0.1:80")));
}

TEST(OwnListenersTest, LoopbackListenerInEverySpelling) {
  OwnListeners own;
  own.AddListener(At("127.0.0.1:7001"));
  EXPECT_TRUE(own.IsOurs(At("127.0.0.1:7001")));
  EXPECT_TRUE(own.IsOurs(At("[::ffff:127.0.0.1]:7001")));
  EXPECT_TRUE(own.IsOurs(At("0.0.0.0:7001")));  // a connect to the wildcard reaches loopback
  EXPECT_TRUE(own.IsOurs(At("[::ffff:0.0.0.0]:7001")));
  EXPECT_FALSE(own.IsOurs(At("127.0.0.1:7002")));
  EXPECT_FALSE(own.IsOurs(At("127.0.0.2:7001")));
  EXPECT_FALSE(own.IsOurs(At("[::1]:7001")));
  EXPECT_FALSE(own.IsOurs(At("10.0.0.1:7001")));
}

TEST(OwnListenersTest, MappedListener) {
  OwnListeners own;
  own.AddListener(At("[::ffff:127.0.0.1]:7001"));
  EXPECT_TRUE(own.IsOurs(At("127.0.0.1:7001")));
  EXPECT_FALSE(own.IsOurs(At("[::1]:7001")));
}

TEST(OwnListenersTest, V6LoopbackListener) {
  OwnListeners own;
  own.AddListener(At("[::1]:7001"));
  EXPECT_TRUE(own.IsOurs(At("[::1]:7001")));
  EXPECT_TRUE(own.IsOurs(At("[::]:7001")));
  EXPECT_FALSE(own.IsOurs(At("127.0.0.1:7001")));
}

TEST(OwnListenersTest, WildcardListenerTakesEveryLocalAddress) {
  OwnListeners own;
  own.AddListener(At("0.0.0.0:7001"));
  own.AddLocalAddresses({At("192.168.1.5:0"), At("[fe80::9%2]:0")});
  EXPECT_TRUE(own.IsOurs(At("127.0.0.1:7001")));
  EXPECT_TRUE(own.IsOurs(At("127.45.0.9:7001")));
  EXPECT_TRUE(own.IsOurs(At("192.168.1.5:7001")));
  EXPECT_TRUE(own.IsOurs(At("[::ffff:192.168.1.5]:7001")));
  EXPECT_TRUE(own.IsOurs(At("0.0.0.0:7001")));
  EXPECT_FALSE(own.IsOurs(At("192.168.1.6:7001")));
  EXPECT_FALSE(own.IsOurs(At("[fe80::9%2]:7001")));
  EXPECT_FALSE(own.IsOurs(At("[::1]:7001")));
}

TEST(OwnListenersTest, V6WildcardWithAndWithoutV4) {
  OwnListeners only_v6;
  only_v6.AddListener(At("[::]:7001"));
  only_v6.AddLocalAddresses({At("[fe80::9%2]:0")});
  EXPECT_TRUE(only_v6.IsOurs(At("[::1]:7001")));
  EXPECT_TRUE(only_v6.IsOurs(At("[fe80::9%7]:7001")));
  EXPECT_FALSE(only_v6.IsOurs(At("127.0.0.1:7001")));
  OwnListeners dual;
  dual.AddListener(At("[::]:7001"), true);
  EXPECT_TRUE(dual.IsOurs(At("[::1]:7001")));
  EXPECT_TRUE(dual.IsOurs(At("127.0.0.1:7001")));
  EXPECT_TRUE(dual.IsOurs(At("[::ffff:127.0.0.1]:7001")));
}

TEST(OwnListenersTest, SeveralOnOnePort) {
  OwnListeners own;
  own.AddListener(At("127.0.0.1:7001"));
  own.AddListener(At("[::1]:7001"));
  own.AddListener(At("10.0.0.1:7001"));
  EXPECT_TRUE(own.IsOurs(At("127.0.0.1:7001")));
  EXPECT_TRUE(own.IsOurs(At("[::1]:7001")));
  EXPECT_TRUE(own.IsOurs(At("10.0.0.1:7001")));
  EXPECT_FALSE(own.IsOurs(At("10.0.0.2:7001")));
}

}  // namespace
}  // namespace sluice::redirect
