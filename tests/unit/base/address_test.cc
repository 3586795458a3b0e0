// SPDX-License-Identifier: Apache-2.0
#include "sluice/address.h"

#include <string>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice {
namespace {

using ::testing::HasSubstr;

std::string Reparsed(const std::string& text) {
  const absl::StatusOr<Address> address = Address::Parse(text);
  return address.ok() ? address->ToString() : std::string(address.status().message());
}

std::string ErrorOf(const std::string& text) {
  const absl::StatusOr<Address> address = Address::Parse(text);
  if (address.ok()) return absl::StrCat("accepted as ", address->ToString());
  EXPECT_EQ(address.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(address.status().message());
}

TEST(AddressTest, ReadsIPv4) {
  const absl::StatusOr<Address> address = Address::Parse("192.0.2.17:8080");
  ASSERT_TRUE(address.ok()) << address.status();
  EXPECT_EQ(address->family(), Family::kV4);
  EXPECT_EQ(address->tcp_port(), 8080);
  EXPECT_EQ(*address, Address::V4({192, 0, 2, 17}, 8080));
}

TEST(AddressTest, ReadsABarePortAsEveryLocalIPv4Address) {
  EXPECT_EQ(*Address::Parse(":80"), Address::Wildcard(Family::kV4, 80));
  EXPECT_EQ(Reparsed(":0"), "0.0.0.0:0");
}

TEST(AddressTest, ReadsIPv6AndItsScope) {
  EXPECT_EQ(*Address::Parse("[::1]:80"), Address::Loopback(Family::kV6, 80));
  const absl::StatusOr<Address> scoped = Address::Parse("[fe80::1%3]:80");
  ASSERT_TRUE(scoped.ok()) << scoped.status();
  EXPECT_EQ(scoped->scope_id(), 3u);
  EXPECT_EQ(scoped->bytes()[0], 0xFE);
  EXPECT_EQ(scoped->bytes()[15], 1);
}

TEST(AddressTest, ToleratesEverySpellingOfRfc4291) {
  EXPECT_EQ(Reparsed("[2001:DB8:0:0:8:800:200C:417A]:1"), "[2001:db8::8:800:200c:417a]:1");
  EXPECT_EQ(Reparsed("[FF01:0:0:0:0:0:0:101]:1"), "[ff01::101]:1");
  EXPECT_EQ(Reparsed("[0:0:0:0:0:0:0:0]:1"), "[::]:1");
  EXPECT_EQ(Reparsed("[2001:0db8::0001]:1"), "[2001:db8::1]:1");
  EXPECT_EQ(Reparsed("[::ffff:129.144.52.38]:1"), "[::ffff:129.144.52.38]:1");
  EXPECT_EQ(Reparsed("[1:2:3:4:5:6:7::]:1"), "[1:2:3:4:5:6:7:0]:1");
  EXPECT_EQ(Reparsed("[::2:3:4:5:6:7:8]:1"), "[0:2:3:4:5:6:7:8]:1");
  EXPECT_EQ(Reparsed("[1:2:3:4:5:6:1.2.3.4]:1"), "[1:2:3:4:5:6:102:304]:1");
}

// RFC 5952, section 4: one text for one address.
TEST(AddressTest, WritesTheCanonicalText) {
  EXPECT_EQ(Reparsed("[2001:db8:0:1:1:1:1:1]:1"), "[2001:db8:0:1:1:1:1:1]:1");
  EXPECT_EQ(Reparsed("[2001:0:0:1:0:0:0:1]:1"), "[2001:0:0:1::1]:1");
  EXPECT_EQ(Reparsed("[2001:db8:0:0:1:0:0:1]:1"), "[2001:db8::1:0:0:1]:1");
  EXPECT_EQ(Reparsed("[1::]:1"), "[1::]:1");
  EXPECT_EQ(Reparsed("[fe80::1%4294967295]:65535"), "[fe80::1%4294967295]:65535");
  EXPECT_EQ(Address().ToString(), "none");
}

TEST(AddressTest, SaysWhereIPv4IsWrong) {
  EXPECT_EQ(ErrorOf("1.2.3.400:80"),
            "address \"1.2.3.400:80\": a number of an IPv4 address is too large at position 7; the "
            "largest is 255");
  EXPECT_THAT(ErrorOf("1.2.3:80"),
              HasSubstr("unexpected ':' at position 6; an IPv4 address has four numbers"));
  EXPECT_THAT(ErrorOf("1.2.3.04:80"),
              HasSubstr("begins with 0 at position 7; write it without leading zeros"));
  EXPECT_THAT(ErrorOf("1.2..4:80"), HasSubstr("unexpected '.' at position 5"));
  EXPECT_THAT(ErrorOf("1.2.3.4 :80"),
              HasSubstr("unexpected ' ' at position 8; a colon and a TCP port belong here"));
}

TEST(AddressTest, SaysWhereThePortIsWrong) {
  EXPECT_THAT(ErrorOf("127.0.0.1"),
              HasSubstr("the text ends at position 10; a colon and a TCP port belong here"));
  EXPECT_THAT(ErrorOf("127.0.0.1:"),
              HasSubstr("the text ends at position 11; the TCP port is a decimal number"));
  EXPECT_THAT(ErrorOf("127.0.0.1:65536"),
              HasSubstr("the TCP port is too large at position 11; the largest is 65535"));
  EXPECT_THAT(ErrorOf(":99999999999999999999999"),
              HasSubstr("the TCP port is too large at position 2"));
  EXPECT_THAT(ErrorOf(":-1"), HasSubstr("unexpected '-' at position 2"));
  EXPECT_THAT(ErrorOf("127.0.0.1:80x"),
              HasSubstr("unexpected 'x' at position 13; the address ends after"));
  EXPECT_THAT(ErrorOf("[::1]"), HasSubstr("the text ends at position 6"));
}

TEST(AddressTest, SaysWhereIPv6IsWrong) {
  EXPECT_THAT(ErrorOf("::1:80"),
              HasSubstr("an IPv6 address without brackets at position 1; write it as in [::1]:80"));
  EXPECT_THAT(ErrorOf("[1::2::3]:80"), HasSubstr("a second \"::\" at position 6"));
  EXPECT_THAT(ErrorOf("[1:2:3]:80"), HasSubstr("only 3 groups at position 2"));
  EXPECT_THAT(ErrorOf("[1:2:3:4:5:6:7:8:9]:80"), HasSubstr("a ninth group at position 18"));
  EXPECT_THAT(ErrorOf("[1:2:3:4:5:6:7:8::]:80"), HasSubstr("eight groups and a \"::\""));
  EXPECT_THAT(ErrorOf("[1:2:3:4:5:6:7:1.2.3.4]:80"),
              HasSubstr("no room for an IPv4 address at position 16"));
  EXPECT_THAT(ErrorOf("[12345::]:80"), HasSubstr("unexpected '5' at position 6"));
  EXPECT_THAT(ErrorOf("[:1]:80"), HasSubstr("unexpected ':' at position 2"));
  EXPECT_THAT(ErrorOf("[1:]:80"), HasSubstr("unexpected ']' at position 4"));
  EXPECT_THAT(ErrorOf("[::1.2.3.4:5]:80"),
              HasSubstr("an IPv4 address is the last part of an IPv6 address"));
  EXPECT_THAT(ErrorOf("[1.2.3.4::]:80"), HasSubstr("unexpected ':' at position 9"));
  EXPECT_THAT(ErrorOf("[1.2.3.4]:80"), HasSubstr("only 2 groups at position 2"));
  EXPECT_THAT(ErrorOf("[::1:80"), HasSubstr("the text ends at position 8"));
  EXPECT_THAT(ErrorOf("[]:80"), HasSubstr("unexpected ']' at position 2"));
  EXPECT_THAT(ErrorOf("[fe80::1%eth0]:80"),
              HasSubstr("unexpected 'e' at position 10; a scope id (an interface's"));
}

TEST(AddressTest, NamesAreNotResolved) {
  EXPECT_THAT(ErrorOf("localhost:80"),
              HasSubstr("no IP address at position 1; names are not resolved here"));
  EXPECT_THAT(ErrorOf("*:80"), HasSubstr("no IP address"));
  EXPECT_THAT(ErrorOf(""), HasSubstr("nothing at position 1; write address:port"));
}

TEST(AddressTest, ErrorsQuoteHostileTextSafely) {
  EXPECT_THAT(ErrorOf("\n\"\x01"), HasSubstr("address \"\\n\\\"\\x01\""));
  EXPECT_LT(ErrorOf(std::string(100000, 'a')).size(), 300u);
}

TEST(AddressTest, KnowsLoopbackAndWildcardInAllSpellings) {
  EXPECT_TRUE(Address::Parse("127.9.9.9:1")->IsLoopback());
  EXPECT_TRUE(Address::Parse("[::1]:1")->IsLoopback());
  EXPECT_TRUE(Address::Parse("[::ffff:127.0.0.2]:1")->IsLoopback());
  EXPECT_FALSE(Address::Parse("[::2]:1")->IsLoopback());
  EXPECT_FALSE(Address::Parse("126.0.0.1:1")->IsLoopback());
  EXPECT_TRUE(Address::Parse(":1")->IsWildcard());
  EXPECT_TRUE(Address::Parse("[::]:1")->IsWildcard());
  EXPECT_TRUE(Address::Parse("[::ffff:0.0.0.0]:1")->IsWildcard());
  EXPECT_FALSE(Address::Parse("[::1]:1")->IsWildcard());
  EXPECT_FALSE(Address().IsLoopback());
  EXPECT_FALSE(Address().IsWildcard());
}

TEST(AddressTest, CanonicalFoldsMappedAddressesOntoOneKey) {
  const Address mapped = *Address::Parse("[::ffff:10.0.0.1]:80");
  const Address plain = *Address::Parse("10.0.0.1:80");
  EXPECT_NE(mapped, plain);
  EXPECT_TRUE(mapped.IsV4Mapped());
  EXPECT_EQ(mapped.Canonical(), plain);
  EXPECT_EQ(plain.Canonical(), plain);
  EXPECT_EQ(absl::HashOf(mapped.Canonical()), absl::HashOf(plain));
}

TEST(AddressTest, WithPortChangesNothingElse) {
  const Address address = *Address::Parse("[fe80::1%3]:80");
  EXPECT_EQ(address.WithPort(81).ToString(), "[fe80::1%3]:81");
}

}  // namespace
}  // namespace sluice
