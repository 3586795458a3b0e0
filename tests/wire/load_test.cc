// SPDX-License-Identifier: Apache-2.0
//
// `sluice load` against `sluice echo`, and against origins that misbehave in each way it
// distinguishes.
#if !defined(_WIN32)

#include <atomic>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/wire/program.h"
#include "tests/wire/sockets.h"

namespace sluice::wire {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Load(const std::string& address, std::vector<std::string> words, int code) {
  words.insert(words.begin(), {"load", "--connect", address});
  Program load(Program::Sluice(words));
  EXPECT_EQ(load.Wait(Duration(30000)), code) << load.err();
  return load.out();
}

TEST(LoadTest, CountsExactlyWhatTheEchoServed) {
  Program echo(Program::Sluice({"echo", "--listen", "127.0.0.1:0", "--workers", "2"}));
  const std::string address = echo.ListeningOn();
  ASSERT_NE(address, "");
  const std::string out =
      Load(address, {"--count", "200", "--connections", "16", "--threads", "2"}, 0);
  EXPECT_THAT(out, StartsWith("# time_s"));
  EXPECT_THAT(out, HasSubstr("200 succeeded, 0 failed"));
  EXPECT_THAT(out, HasSubstr("errors       none"));
  echo.Signal(SIGINT);
  EXPECT_EQ(echo.Wait(Duration(10000)), 0);
  EXPECT_EQ(ValueOf(echo.out(), "echoed:", "connections"), 200);
  EXPECT_EQ(ValueOf(echo.out(), "echoed:", "bytes"), 200 * 64);
}

TEST(LoadTest, LargePayloadsOverV6) {
  Program echo(Program::Sluice({"echo", "--listen", "[::1]:0"}));
  const std::string address = echo.ListeningOn();
  ASSERT_NE(address, "");
  EXPECT_THAT(Load(address, {"--count", "8", "--connections", "4", "--bytes", "3m"}, 0),
              HasSubstr("25165824 sent, 25165824 received"));
}

TEST(LoadTest, ADurationEndsAndPrintsALineASecond) {
  Program echo(Program::Sluice({"echo", "--listen", "127.0.0.1:0"}));
  const std::string address = echo.ListeningOn();
  ASSERT_NE(address, "");
  const std::string out = Load(address, {"--duration", "2s", "--connections", "4"}, 0);
  EXPECT_THAT(out, HasSubstr("\n       1 "));
  EXPECT_THAT(out, HasSubstr(" over 2.000 s"));
}

TEST(LoadTest, JsonIsTheOnlyOutput) {
  Program echo(Program::Sluice({"echo", "--listen", "127.0.0.1:0"}));
  const std::string address = echo.ListeningOn();
  ASSERT_NE(address, "");
  const std::string out = Load(address, {"--count", "10", "--json"}, 0);
  EXPECT_EQ(out.front(), '{');
  EXPECT_EQ(out.substr(out.size() - 2), "}\n");
  EXPECT_THAT(out, HasSubstr("\"connections_succeeded\": 10,"));
  EXPECT_THAT(out, HasSubstr("\"success_ratio\": 1.0,"));
}

TEST(LoadTest, SourceAddressesAreUsedInTurn) {
  std::atomic<int> from_range{0};
  Origin origin([&](Stream& stream) {
    from_range += stream.PeerHost().rfind("127.0.1.", 0) == 0;
    Origin::Echo(stream);
  });
  Load(origin.address(), {"--count", "20", "--connections", "2", "--source", "127.0.1.1-127.0.1.5"},
       0);
  EXPECT_EQ(from_range, 20);
}

TEST(LoadTest, RefusedConnectsAreCounted) {
  EXPECT_THAT(Load(RefusingAddress(), {"--count", "20", "--connections", "4"}, 2),
              HasSubstr("20 connection refused"));
}

TEST(LoadTest, AnEarlyEndIsCounted) {
  Origin origin([](Stream& stream) { stream.Read(64); });
  EXPECT_THAT(Load(origin.address(), {"--count", "5", "--connections", "2"}, 2),
              HasSubstr("5 peer closed before the answer was complete"));
}

TEST(LoadTest, AResetIsCounted) {
  Origin origin([](Stream& stream) {
    stream.Read(64);
    stream.Reset();
  });
  const std::string out = Load(origin.address(), {"--count", "5", "--connections", "2"}, 2);
  // Wine may report a reset as an end of stream (windows-notes; tests/contract/limits.cc).
  EXPECT_THAT(out, HasSubstr(UnderWine() ? "0 succeeded, 5 failed" : "5 connection reset by peer"));
}

TEST(LoadTest, AWrongAnswerIsCounted) {
  Origin origin([](Stream& stream) {
    std::string bytes = stream.Read(64);
    if (!bytes.empty()) bytes[40] ^= 1;
    stream.Write(bytes);
    stream.ReadAll();
  });
  EXPECT_THAT(Load(origin.address(), {"--count", "5", "--connections", "2"}, 2),
              HasSubstr("5 answer differs from what was sent"));
}

TEST(LoadTest, ATooLongAnswerIsWrong) {
  Origin origin([](Stream& stream) {
    stream.Write(stream.Read(64) + "x");
    stream.ReadAll();
  });
  EXPECT_THAT(Load(origin.address(), {"--count", "5", "--connections", "2"}, 2),
              HasSubstr("5 answer differs from what was sent"));
}

TEST(LoadTest, SilenceIsATimeout) {
  Origin origin([](Stream& stream) { stream.ReadAll(); });
  EXPECT_THAT(
      Load(origin.address(), {"--count", "4", "--connections", "4", "--timeout", "300ms"}, 2),
      HasSubstr("4 answer not complete in time"));
}

TEST(LoadTest, AllowedErrorsAreNoFailureIfSomethingSucceeded) {
  std::atomic<int> number{0};
  Origin origin([&](Stream& stream) {
    if (++number % 2 == 0) return stream.Reset();
    Origin::Echo(stream);
  });
  Load(origin.address(), {"--count", "10", "--connections", "1", "--allow-errors"}, 0);
  Load(origin.address(), {"--count", "10", "--connections", "1"}, 2);
  Load(RefusingAddress(), {"--count", "3", "--allow-errors"}, 2);
}

TEST(LoadTest, ASignalEndsTheRunWithAReport) {
  Program echo(Program::Sluice({"echo", "--listen", "127.0.0.1:0"}));
  const std::string address = echo.ListeningOn();
  ASSERT_NE(address, "");
  Program load(
      Program::Sluice({"load", "--connect", address, "--duration", "1h", "--connections", "4"}));
  ASSERT_TRUE(load.WaitForOutput("\n       1 ", Duration(10000)));
  load.Signal(SIGINT);
  EXPECT_EQ(load.Wait(Duration(10000)), 0);
  EXPECT_THAT(load.out(), HasSubstr("errors       none"));
}

}  // namespace
}  // namespace sluice::wire

#endif
