// SPDX-License-Identifier: Apache-2.0
#include "tools/sluice/units.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::tool {
namespace {

using ::testing::HasSubstr;

TEST(UnitsTest, Durations) {
  EXPECT_EQ(*ParseDuration("250ms"), 250 * kMillisecond);
  EXPECT_EQ(*ParseDuration("10s"), 10 * kSecond);
  EXPECT_EQ(*ParseDuration("1.5s"), 1500 * kMillisecond);
  EXPECT_EQ(*ParseDuration("5m"), 300 * kSecond);
  EXPECT_EQ(*ParseDuration("1h30m"), 5400 * kSecond);
  EXPECT_EQ(*ParseDuration("0"), 0);
}

TEST(UnitsTest, WrongDurationsSayWhatWouldBeRight) {
  EXPECT_THAT(std::string(ParseDuration("10").status().message()),
              HasSubstr("write for example 10s"));
  EXPECT_THAT(std::string(ParseDuration("10 apples").status().message()), HasSubstr("'10 apples'"));
  EXPECT_THAT(std::string(ParseDuration("").status().message()), HasSubstr("250ms"));
  EXPECT_THAT(std::string(ParseDuration("-1s").status().message()), HasSubstr("negative"));
  EXPECT_THAT(std::string(ParseDuration("inf").status().message()), HasSubstr("'inf'"));
  EXPECT_THAT(std::string(ParseDuration("99999999h").status().message()),
              HasSubstr("longer than a year"));
}

TEST(UnitsTest, DurationsAreWrittenAsTheyAreRead) {
  for (const Nanos duration :
       {Nanos{0}, 250 * kMillisecond, 5 * kSecond, 3600 * kSecond, 90 * kSecond}) {
    EXPECT_EQ(*ParseDuration(FormatDuration(duration)), duration) << FormatDuration(duration);
  }
}

TEST(UnitsTest, CountsAndSizesScaleDifferently) {
  EXPECT_EQ(*ParseCount("64"), 64u);
  EXPECT_EQ(*ParseCount("5k"), 5000u);
  EXPECT_EQ(*ParseCount("2M"), 2000000u);
  EXPECT_EQ(*ParseSize("64"), 64u);
  EXPECT_EQ(*ParseSize("5k"), 5120u);
  EXPECT_EQ(*ParseSize("2M"), 2097152u);
  EXPECT_EQ(*ParseSize("1g"), 1073741824u);
}

TEST(UnitsTest, WrongCountsAndSizesAreRefused) {
  for (const char* text : {"", "k", "-1", "1.5", "1kk", "1 ", "0x10", "10s"}) {
    EXPECT_FALSE(ParseCount(text).ok()) << text;
    EXPECT_FALSE(ParseSize(text).ok()) << text;
  }
  EXPECT_FALSE(ParseCount("1g").ok());
  EXPECT_THAT(std::string(ParseCount("18446744073709551616").status().message()),
              HasSubstr("too large"));
  EXPECT_THAT(std::string(ParseSize("99999999999g").status().message()), HasSubstr("too large"));
}

TEST(UnitsTest, SourcesAreListedOrRanges) {
  const auto sources = *ParseSources("127.0.0.9,127.0.1.254-127.0.2.1,127.0.0.8");
  std::vector<std::string> texts;
  for (const Address& address : sources) texts.push_back(address.ToString());
  EXPECT_THAT(texts, ::testing::ElementsAre("127.0.0.9:0", "127.0.1.254:0", "127.0.1.255:0",
                                            "127.0.2.0:0", "127.0.2.1:0", "127.0.0.8:0"));
  EXPECT_EQ(ParseSources("::1")->front().family(), Family::kV6);
  EXPECT_EQ(ParseSources("0.0.0.0-0.0.255.255")->size(), 65536u);
  EXPECT_EQ(ParseSources("255.255.255.255-255.255.255.255")->size(), 1u);
}

TEST(UnitsTest, WrongSourcesSayWhatWouldBeRight) {
  const auto message = [](const char* text) {
    return std::string(ParseSources(text).status().message());
  };
  EXPECT_THAT(message(""), HasSubstr("127.0.0.5"));
  EXPECT_THAT(message("127.0.0.1,"), HasSubstr("127.0.0.5"));
  EXPECT_THAT(message("127.0.0.1:80"), HasSubstr("without a port"));
  EXPECT_THAT(message("127.0.0.9-127.0.0.1"), HasSubstr("before its begin"));
  EXPECT_THAT(message("::1-::9"), HasSubstr("one by one"));
  EXPECT_THAT(message("127.0.0.1,::1"), HasSubstr("mixes"));
  EXPECT_THAT(message("10.0.0.0-10.255.255.255"), HasSubstr("65536"));
}

}  // namespace
}  // namespace sluice::tool
