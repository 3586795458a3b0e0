// SPDX-License-Identifier: Apache-2.0
//
// What the program says and returns when it is used wrongly, or cannot do what it was asked.
#if !defined(_WIN32)

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/wire/program.h"
#include "tests/wire/sockets.h"

namespace sluice::wire {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Wrong {
  std::vector<std::string> words;
  const char* text;  // part of the one line that explains it
};

void PrintTo(const Wrong& wrong, std::ostream* out) {
  for (const std::string& word : wrong.words) *out << word << ' ';
}

void ExpectOneLine(Program& program, int code, const std::string& text) {
  EXPECT_EQ(program.Wait(Duration(20000)), code);
  EXPECT_THAT(program.err(), HasSubstr(text));
  EXPECT_EQ(program.out(), "");
  if (UnderWine()) return;  // Wine adds lines of its own
  EXPECT_THAT(program.err(), StartsWith("sluice: "));
  EXPECT_EQ(CountLines(program.err()), 1);
}

class BadUsageTest : public ::testing::TestWithParam<Wrong> {};

TEST_P(BadUsageTest, IsOneClearLineAndExitCode64) {
  Program program(Program::Sluice(GetParam().words));
  ExpectOneLine(program, 64, GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    All, BadUsageTest,
    ::testing::Values(
        Wrong{{}, "no verb given"}, Wrong{{"serve"}, "'serve' is not a verb"},
        Wrong{{"run", "--listen", "127.0.0.1:0"}, "--upstream is required"},
        Wrong{{"run", "--upstream", "127.0.0.1:1"}, "--listen is required"},
        Wrong{{"run", "--listen", "127.0.0.1", "--upstream", "127.0.0.1:1"}, "--listen: "},
        Wrong{{"run", "--listen", "localhost:0", "--upstream", "127.0.0.1:1"}, "--listen: "},
        Wrong{{"run", "--listen", "127.0.0.1:99999", "--upstream", "127.0.0.1:1"}, "--listen: "},
        Wrong{{"run", "--listen", "127.0.0.1:0", "--upstream", "127.0.0.1:0"}, "port 0"},
        Wrong{{"run", "--listen", ":0", "--upstream", ":1", "--idle-timeout", "10"},
              "--idle-timeout: '10' has no unit"},
        Wrong{{"run", "--listen", ":0", "--upstream", ":1", "--max-flows", "0"},
              "--max-flows: '0' is too small"},
        Wrong{{"run", "--listen", ":0", "--upstream", ":1", "--accept-rate", "2000m"},
              "--accept-rate: '2000m' is too large"},
        Wrong{{"run", "--listen", ":0", "--upstream", ":1", "--max-buffered", "1x"},
              "--max-buffered: '1x' is not a size"},
        Wrong{{"run", "--listen", ":0", "--upstream", ":1", "--max-queue", "1"},
              "--max-queue: '1' is too small"},
        Wrong{{"run", "--listen", ":0", "--upstream", ":1", "--lifetime", "60"},
              "--lifetime: '60' has no unit"},
        Wrong{{"run", "--listen", ":0", "--upstream", ":1", "--keepalive", "300"},
              "--keepalive: '300' has no unit"},
        Wrong{{"run", "--listen", ":0", "--upstream", ":1", "--keepalive", "999ms"},
              "--keepalive: '999ms' is not between 1s and 9h, nor 0s"},
        Wrong{{"run", "--listen", ":0", "--upstream", ":1", "--workers", "0"},
              "--workers: '0' is too small"},
        Wrong{{"run", "--listen", ":0", "--upstream", ":1", "--workers", "two"},
              "--workers: 'two' is not a count"},
        Wrong{{"run", "--listen", ":0", "--upstream", ":1", "--source", "127.0.0.1:5"},
              "--source: "},
        Wrong{{"run", "--listen", ":0", "--upstream", ":1", "--platform", "wfp2"}, "--platform: "},
        Wrong{{"run", "--listen", ":0", "--upstream", ":1", "--listne", ":0"},
              "'--listne' is not a flag"},
        Wrong{{"run", "--listen", ":0", "--listen", ":0", "--upstream", ":1"}, "--listen"},
        Wrong{{"chain", "--listen", ":0", "--hops", "0", "--destination", ":1"},
              "--hops: '0' is too small"},
        Wrong{{"chain", "--listen", ":0", "--hops", "3"}, "--destination is required"},
        Wrong{{"chain", "--listen", ":0", "--destination", ":1", "--platform", "real"},
              "--platform: "},
        Wrong{{"echo"}, "--listen is required"}, Wrong{{"echo", "--listen"}, "--listen"},
        Wrong{{"load"}, "--connect is required"},
        Wrong{{"load", "--connect", ":1", "--bytes", "64x"}, "--bytes: '64x' is not a size"},
        Wrong{{"load", "--connect", ":1", "--duration", "fast"},
              "--duration: 'fast' is not a duration"},
        Wrong{{"load", "--connect", ":1", "--threads", "9", "--connections", "8"},
              "--threads: 9 threads"},
        Wrong{{"load", "--connect", ":1", "--source", "::1"}, "--source: "},
        Wrong{{"load", "example:1"}, "--connect: address \"example:1\""},
        Wrong{{"load", ":1", "[::1]:1"}, "--connect: [::1]:1 is not of the family of 127.0.0.1:1"},
        Wrong{{"load", ":1", "--mode", "fast"},
              "--mode: 'fast' is none of exchange, requests, upload, download, idle"},
        Wrong{{"load", ":1", "--close", "now"}, "--close: 'now' is none of fin, rst, peer"},
        Wrong{{"load", ":1", "--rate", "0"}, "--rate: '0' is too small"},
        Wrong{{"load", ":1", "--mode", "upload", "--rate", "5"}, "--rate: not with --mode upload"},
        Wrong{{"load", ":1", "--mode", "download", "--bytes", "64"},
              "--bytes: not with --mode download"},
        Wrong{{"load", ":1", "--mode", "idle", "--count", "5"}, "--count: not with --mode idle"},
        Wrong{{"load", ":1", "--requests", "5"}, "--requests: not with --mode exchange"},
        Wrong{{"load", ":1", "--json", "--json-stream"}, "--json-stream: not together with --json"},
        Wrong{{"load", ":1", "--max-p99", "5"}, "--max-p99: '5' has no unit"},
        Wrong{{"echo"}, "--listen is required"},
        Wrong{{"echo", ":0", "--behaviour", "fast"},
              "--behaviour: 'fast' is none of echo, sink, source"},
        Wrong{{"echo", ":0", "--behaviour", "sink", "--close-after", "1"},
              "--close-after: only with --behaviour echo"}));

TEST(CommandLineTest, HelpAndVersionSucceed) {
  Program help(Program::Sluice({"--help"}));
  EXPECT_EQ(help.Wait(Duration(20000)), 0);
  EXPECT_THAT(help.out(), HasSubstr("chain"));
  Program verb_help(Program::Sluice({"load", "--help"}));
  EXPECT_EQ(verb_help.Wait(Duration(20000)), 0);
  EXPECT_THAT(verb_help.out(), HasSubstr("--connections"));
  Program version(Program::Sluice({"version"}));
  EXPECT_EQ(version.Wait(Duration(20000)), 0);
  EXPECT_THAT(version.out(), StartsWith("sluice "));
}

TEST(CommandLineTest, APortInUseIsOneClearLineAndExitCode1) {
  Program first(Program::Sluice({"echo", "--listen", "127.0.0.1:0"}));
  const std::string address = first.ListeningOn();
  ASSERT_NE(address, "");
  const std::vector<std::vector<std::string>> attempts = {
      {"echo", "--listen", address},
      {"run", "--listen", address, "--upstream", "127.0.0.1:1"},
      {"chain", "--listen", address, "--destination", "127.0.0.1:1", "--platform", "none", "--hops",
       "3"},
      {"chain", "--listen", address, "--destination", "127.0.0.1:1", "--hops", "3"}};
  for (const std::vector<std::string>& words : attempts) {
    Program second(Program::Sluice(words));
    ExpectOneLine(second, 1, "cannot listen on " + address + ": address already in use");
  }
}

TEST(CommandLineTest, AnAddressOfAnotherHostIsOneClearLineAndExitCode1) {
  Program echo(Program::Sluice({"echo", "--listen", "192.0.2.1:0"}));
  ExpectOneLine(echo, 1, "cannot listen on 192.0.2.1:0: address not available on this host");
  Program run(Program::Sluice({"run", "--listen", "192.0.2.1:0", "--upstream", "127.0.0.1:1"}));
  ExpectOneLine(run, 1, "cannot listen on 192.0.2.1:0: address not available on this host");
}

TEST(CommandLineTest, PortZeroIsPrintedResolved) {
  for (const std::string host : {"127.0.0.1", "[::1]"}) {
    Program echo(Program::Sluice({"echo", "--listen", host + ":0"}));
    const std::string address = echo.ListeningOn();
    EXPECT_THAT(address, StartsWith(host + ":"));
    EXPECT_NE(address, host + ":0");
    EXPECT_TRUE(Stream::Connect(address).open());
  }
}

}  // namespace
}  // namespace sluice::wire

#endif
