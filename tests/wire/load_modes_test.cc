// SPDX-License-Identifier: Apache-2.0
//
// The modes of `sluice load`, who closes, the open loop and the thresholds: each from end to end,
// by counts. The plain mode and the errors are in load_test.cc.
#if !defined(_WIN32)

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/wire/program.h"
#include "tests/wire/sockets.h"

namespace sluice::wire {
namespace {

using ::testing::HasSubstr;

struct Ran {
  std::string out;
  std::string err;
};

Ran Load(const std::vector<std::string>& words, int code) {
  std::vector<std::string> all = {"load"};
  all.insert(all.end(), words.begin(), words.end());
  Program load(Program::Sluice(all));
  EXPECT_EQ(load.Wait(Duration(30000)), code) << load.out() << load.err();
  return Ran{load.out(), load.err()};
}

// The number that follows `"key":` behind `after` in a JSON text; -1 if there is none.
double Number(const std::string& json, const std::string& key, const std::string& after = "") {
  const std::size_t from = json.find(after);
  if (from == std::string::npos) return -1;
  const std::size_t place = json.find("\"" + key + "\":", from);
  if (place == std::string::npos) return -1;
  return std::strtod(json.c_str() + place + key.size() + 3, nullptr);
}

class Echo {
 public:
  explicit Echo(std::vector<std::string> words = {})
      : program_(Program::Sluice(Words(std::move(words)))), address_(program_.ListeningOn()) {
    EXPECT_NE(address_, "");
  }
  const std::string& address() const { return address_; }
  // Stops it; afterwards its totals.
  long long Total(const std::string& key) {
    program_.Signal(SIGINT);
    EXPECT_EQ(program_.Wait(Duration(10000)), 0);
    return ValueOf(program_.out(), "echoed:", key);
  }

 private:
  static std::vector<std::string> Words(std::vector<std::string> words) {
    words.insert(words.begin(), {"echo", "--listen", "127.0.0.1:0"});
    return words;
  }
  Program program_;
  const std::string address_;
};

// Waits for bytes that never come: an origin that is busy for so long.
void StandStill(Stream& stream, Duration duration) {
  const TimePoint until = std::chrono::steady_clock::now() + duration;
  while (std::chrono::steady_clock::now() < until) stream.ReadSome(Duration(10));
}

TEST(LoadRequestsTest, ConnectionsAreKept) {
  Echo echo;
  const std::string json =
      Load({echo.address(), "--mode", "requests", "--count", "1000", "-c", "8", "--json"}, 0).out;
  EXPECT_EQ(Number(json, "requests_succeeded"), 1000);
  EXPECT_EQ(Number(json, "count", "latency_microseconds"), 1000);
  EXPECT_LE(Number(json, "connections_opened"), 8);
  EXPECT_EQ(Number(json, "connections_failed"), 0);
  EXPECT_EQ(echo.Total("bytes"), 1000 * 64);
}

TEST(LoadRequestsTest, AConnectionIsMadeAnewAfterItsRequests) {
  Echo echo;
  const std::string json = Load({echo.address(), "--mode", "requests", "--requests", "10",
                                 "--count", "100", "-c", "1", "--json"},
                                0)
                               .out;
  EXPECT_EQ(Number(json, "requests_succeeded"), 100);
  EXPECT_EQ(Number(json, "connections_opened"), 10);
  EXPECT_EQ(Number(json, "connections_succeeded"), 10);
}

TEST(LoadRequestsTest, AnAnswerThatChangesOnAKeptConnectionIsSeen) {
  std::atomic<int> answers{0};
  Origin origin([&](Stream& stream) {
    for (std::string bytes = stream.Read(64); bytes.size() == 64; bytes = stream.Read(64)) {
      if (++answers == 3) bytes[63] ^= 1;
      stream.Write(bytes);
    }
  });
  EXPECT_THAT(Load({origin.address(), "--mode", "requests", "--count", "6", "-c", "1"}, 2).out,
              HasSubstr("5 succeeded, 1 failed"));
}

TEST(LoadRequestsTest, ADeadTargetEndsARunThatIsCounted) {
  EXPECT_THAT(Load({RefusingAddress(), "--mode", "requests", "--count", "5", "-c", "2"}, 2).out,
              HasSubstr("connection refused"));
}

TEST(LoadUploadTest, TheSinkConfirmsEachByte) {
  Echo echo({"--behaviour", "sink", "--threads", "2"});
  const std::string json =
      Load({echo.address(), "--mode", "upload", "-c", "3", "-d", "300ms", "--json"}, 0).out;
  const double sent = Number(json, "bytes_sent_in_all");
  EXPECT_GT(sent, 0);
  EXPECT_EQ(Number(json, "bytes_confirmed_in_all"), sent);
  EXPECT_EQ(Number(json, "connections_unconfirmed"), 0);
  EXPECT_EQ(Number(json, "connections_succeeded"), 3);
  EXPECT_GT(Number(json, "gigabits_per_second"), 0);
  EXPECT_EQ(static_cast<double>(echo.Total("bytes")), sent);
}

TEST(LoadUploadTest, ASinkThatDoesNotCountConfirmsNothing) {
  Origin origin([](Stream& stream) {
    while (!stream.ReadSome().empty()) {
    }
  });
  const std::string json =
      Load({origin.address(), "--mode", "upload", "-c", "2", "-d", "200ms", "--json"}, 0).out;
  EXPECT_EQ(Number(json, "bytes_confirmed_in_all"), 0);
  EXPECT_EQ(Number(json, "connections_unconfirmed"), 2);
}

TEST(LoadUploadTest, ASinkThatReceivedSomethingElseIsAnError) {
  Origin origin([](Stream& stream) {
    while (!stream.ReadSome().empty()) {
    }
    stream.Write(std::string(16, '\1'));
  });
  EXPECT_THAT(Load({origin.address(), "--mode", "upload", "-c", "2", "-d", "200ms"}, 2).out,
              HasSubstr("2 answer differs from what was sent"));
}

TEST(LoadDownloadTest, WhatTheSourceSentIsWhatWasReceived) {
  Echo echo({"--behaviour", "source"});
  const std::string json =
      Load({echo.address(), "--mode", "download", "-c", "3", "-d", "300ms", "--json"}, 0).out;
  const double received = Number(json, "bytes_received_in_all");
  EXPECT_GT(received, 0);
  EXPECT_EQ(Number(json, "connections_succeeded"), 3);
  EXPECT_EQ(static_cast<double>(echo.Total("bytes")), received);
}

TEST(LoadDownloadTest, AnotherStreamThanTheSourcesIsAnError) {
  Origin origin([](Stream& stream) {
    stream.Write(Bytes(1000));
    stream.ReadAll();
  });
  EXPECT_THAT(Load({origin.address(), "--mode", "download", "-c", "1", "-d", "200ms"}, 2).out,
              HasSubstr("answer differs from what was sent"));
}

TEST(LoadDownloadTest, ASourceThatEndsTooSoonIsAnError) {
  Origin origin([](Stream&) {});
  EXPECT_THAT(Load({origin.address(), "--mode", "download", "-c", "1", "-d", "200ms"}, 2).out,
              HasSubstr("peer closed before the answer was complete"));
}

TEST(LoadIdleTest, ConnectionsAreHeldUntilTheEndAndAskedTwice) {
  Echo echo;
  Program load(Program::Sluice(
      {"load", echo.address(), "--mode", "idle", "-c", "300", "--threads", "2", "-d", "1h"}));
  ASSERT_TRUE(load.WaitForOutput("idle 300", Duration(20000))) << load.out() << load.err();
  EXPECT_TRUE(load.running());
  load.Signal(SIGINT);
  EXPECT_EQ(load.Wait(Duration(20000)), 0);
  EXPECT_THAT(load.out(), HasSubstr("300 succeeded, 0 failed"));
  EXPECT_THAT(load.out(), HasSubstr("300 connections held"));
  EXPECT_EQ(echo.Total("bytes"), 300 * 2 * 64);
}

TEST(LoadIdleTest, ConnectionsLostMeanwhileAreErrors) {
  std::atomic<int> number{0};
  Origin origin([&](Stream& stream) {
    stream.Write(stream.Read(64));
    if (++number % 2 == 0) return;  // and with that the connection
    Origin::Echo(stream);
  });
  const std::string json =
      Load({origin.address(), "--mode", "idle", "-c", "6", "-d", "200ms", "--json-stream"}, 2).out;
  EXPECT_THAT(json, HasSubstr("{\"event\":\"idle\",\"connections_held\":6}\n"));
  EXPECT_EQ(Number(json, "connections_succeeded"), 3);
  EXPECT_EQ(Number(json, "connections_failed"), 3);
}

TEST(LoadIdleTest, ConnectionsAreOpenedAtTheRateAskedFor) {
  Echo echo;
  const std::string json = Load({echo.address(), "--mode", "idle", "-c", "200", "--rate", "400",
                                 "-d", "100ms", "--json"},
                                0)
                               .out;
  EXPECT_EQ(Number(json, "connections_held"), 200);
  EXPECT_EQ(Number(json, "count", "\"latency_microseconds\""), 400);
  // The last is opened 199/400 s after the first, and then all are held.
  EXPECT_GE(Number(json, "measured_seconds"), 0.497 + 0.1);
}

TEST(LoadIdleTest, NothingToHoldIsNotHeld) {
  EXPECT_THAT(Load({RefusingAddress(), "--mode", "idle", "-c", "3", "-d", "1h"}, 2).out,
              HasSubstr("idle 0\n"));
}

TEST(LoadCloseTest, TheClientEndsWithFinOrRstAsAsked) {
  std::atomic<int> fins{0};
  std::atomic<int> resets{0};
  Origin origin([&](Stream& stream) {
    stream.Write(stream.Read(64));
    stream.Read(1);
    fins += stream.end() == Stream::End::kFin;
    resets += stream.end() == Stream::End::kReset;
  });
  Load({origin.address(), "--count", "20", "-c", "2"}, 0);
  Load({origin.address(), "--count", "30", "-c", "2", "--close", "rst"}, 0);
  origin.Join();
  EXPECT_EQ(fins, 20);
  EXPECT_EQ(resets, 30);
}

TEST(LoadCloseTest, ThePeerIsWaitedFor) {
  Echo echo({"--close-after", "64"});
  const std::string json =
      Load({echo.address(), "--count", "50", "-c", "4", "--close", "peer", "--json"}, 0).out;
  EXPECT_EQ(Number(json, "connections_succeeded"), 50);
  EXPECT_EQ(Number(json, "count", "\"close\": {"), 50);
}

TEST(LoadCloseTest, APeerThatStaysIsAnError) {
  Echo echo;
  EXPECT_THAT(
      Load({echo.address(), "--count", "2", "-c", "2", "--close", "peer", "--timeout", "200ms"}, 2)
          .out,
      HasSubstr("2 peer did not end the connection in time"));
}

TEST(LoadCloseTest, ThePeerEndsAKeptConnectionAfterItsRequests) {
  Echo echo({"--close-after", "320"});
  const std::string json = Load({echo.address(), "--mode", "requests", "--requests", "5", "--count",
                                 "50", "-c", "1", "--close", "peer", "--json"},
                                0)
                               .out;
  EXPECT_EQ(Number(json, "requests_succeeded"), 50);
  EXPECT_EQ(Number(json, "connections_succeeded"), 10);
}

TEST(LoadRateTest, StartsAreSpacedNotBunched) {
  Echo echo;
  for (const char* mode : {"exchange", "requests"}) {
    const std::string json = Load({echo.address(), "--mode", mode, "--rate", "400", "--count",
                                   "200", "-c", "20", "--threads", "2", "--json"},
                                  0)
                                 .out;
    EXPECT_EQ(Number(json, "count", "latency_microseconds"), 200);
    EXPECT_EQ(Number(json, "rate_wanted_per_second"), 400);
    // The last is due 199/400 s after the first: it cannot end sooner.
    EXPECT_GE(Number(json, "measured_seconds"), 0.497);
  }
}

TEST(LoadRateTest, LatencyCountsFromWhenAStartWasDue) {
  std::atomic<bool> first{true};
  Origin origin([&](Stream& stream) {
    std::string bytes = stream.Read(64);
    if (first.exchange(false)) StandStill(stream, Duration(400));
    stream.Write(bytes);
    stream.ReadAll();
  });
  // One place, and the origin is busy for longer than all 20 take to become due: they wait behind
  // the first.
  const std::string json =
      Load({origin.address(), "--rate", "100", "--count", "20", "-c", "1", "--json"}, 0).out;
  EXPECT_GE(Number(json, "late_starts"), 19);  // and the first, if this machine is slow
  // Half of them were due within the first 100 ms, and all but the first began after 400.
  EXPECT_GE(Number(json, "p50", "\"latency_microseconds\""), 250000);
  EXPECT_GE(Number(json, "p50", "start_delay_microseconds"), 250000);
}

TEST(LoadRateTest, StartsThatWereNeverMadeAreCounted) {
  Origin origin([&](Stream& stream) {
    std::string bytes = stream.Read(64);
    StandStill(stream, Duration(400));
    stream.Write(bytes);
    stream.ReadAll();
  });
  const std::string json =
      Load({origin.address(), "--rate", "1000", "-d", "200ms", "-c", "1", "--json"}, 0).out;
  EXPECT_EQ(Number(json, "missed_starts"), 199);
  EXPECT_EQ(Number(json, "connections_outside_measured_time"), 1);
  // What was due in time has its latency, however late it ended.
  EXPECT_EQ(Number(json, "count", "\"latency_microseconds\""), 1);
}

TEST(LoadThresholdTest, AMissedOneIsNamedAndExitsWith2) {
  Echo echo;
  const std::vector<std::string> run = {echo.address(), "--count", "20", "-c", "2"};
  const auto with = [&run](std::vector<std::string> more) {
    more.insert(more.begin(), run.begin(), run.end());
    return more;
  };
  Load(with({"--min-rate", "1", "--max-p50", "1h", "--max-p99", "1h", "--max-p999", "1h",
             "--max-errors", "0"}),
       0);
  const Ran slow = Load(with({"--min-rate", "1000000m", "--json"}), 2);
  EXPECT_THAT(slow.err, HasSubstr("sluice: --min-rate: "));
  EXPECT_THAT(slow.out, HasSubstr("\"thresholds_missed\": [\n    \"--min-rate: "));
  EXPECT_THAT(Load(with({"--max-p99", "0.001ms"}), 2).out, HasSubstr("missed       --max-p99: "));
}

TEST(LoadThresholdTest, ErrorsUpToTheLimitAreAllowed) {
  const auto every_second_fails = [number = std::make_shared<std::atomic<int>>(0)](Stream& stream) {
    if (++*number % 2 == 0) return stream.Reset();
    Origin::Echo(stream);
  };
  Origin origin(every_second_fails);
  Load({origin.address(), "--count", "10", "-c", "1", "--max-errors", "5"}, 0);
  const Ran more = Load({origin.address(), "--count", "10", "-c", "1", "--max-errors", "4"}, 2);
  EXPECT_THAT(more.err, HasSubstr("--max-errors: 5 errors, wanted at most 4"));
}

TEST(LoadReportFilesTest, PercentilesAreWrittenToAFile) {
  Echo echo;
  // Relative: the program may see another root than this test.
  const std::string name = "load_percentiles_" + std::to_string(::getpid()) + ".hdr";
  Load({echo.address(), "--count", "20", "-c", "2", "--hdr", name}, 0);
  std::ostringstream text;
  text << std::ifstream(name).rdbuf();
  EXPECT_EQ(std::remove(name.c_str()), 0);
  EXPECT_THAT(text.str(), HasSubstr("1/(1-Percentile)"));
  EXPECT_THAT(text.str(), HasSubstr("Total count    =           20]"));
}

TEST(LoadReportFilesTest, AFileThatCannotBeWrittenIsSaidBeforeTheRun) {
  const Ran ran = Load({RefusingAddress(), "--count", "1", "--hdr", "no/such/folder/file"}, 1);
  EXPECT_THAT(ran.err, HasSubstr("--hdr: cannot write"));
  EXPECT_EQ(ran.out, "");
}

TEST(LoadReportFilesTest, AStreamIsALineOfJsonASecondAndTheDocumentLast) {
  Echo echo;
  const std::string out = Load({echo.address(), "-d", "2s", "-c", "2", "--json-stream"}, 0).out;
  std::istringstream lines(out);
  std::string line;
  std::string last;
  int seconds = 0;
  while (std::getline(lines, line)) {
    EXPECT_EQ(line.front(), '{') << line;
    EXPECT_EQ(line.back(), '}') << line;
    seconds += line.find("\"event\":\"second\"") != std::string::npos;
    last = line;
  }
  EXPECT_GE(seconds, 1);
  EXPECT_THAT(last, HasSubstr("{\"event\":\"end\",\"program\":\"sluice "));
  EXPECT_GT(Number(last, "connections_succeeded"), 0);
}

TEST(LoadTargetsTest, AreUsedInTurn) {
  Origin a(&Origin::Echo);
  Origin b(&Origin::Echo);
  Load({a.address(), b.address(), "--count", "20", "-c", "2"}, 0);
  EXPECT_EQ(a.accepted(), 10);
  EXPECT_EQ(b.accepted(), 10);
}

TEST(EchoSinkTest, TellsHowManyBytesCameAndHowManyWereTheOnesExpected) {
  Echo echo({"--behaviour", "sink"});
  Stream stream = Stream::Connect(echo.address());
  ASSERT_TRUE(stream.open());
  ASSERT_TRUE(stream.Write(std::string(300, 'x')));
  stream.ShutdownWrite();
  const std::string receipt = stream.ReadAll();
  ASSERT_EQ(receipt.size(), 16u);
  EXPECT_EQ(receipt.substr(0, 8), std::string("\x2c\x01\0\0\0\0\0\0", 8));
  EXPECT_EQ(receipt.substr(8), std::string(8, '\0'));
  EXPECT_EQ(stream.end(), Stream::End::kFin);
}

TEST(EchoCloseAfterTest, EchoesThatManyBytesAndClosesFirst) {
  Echo echo({"--close-after", "100"});
  Stream stream = Stream::Connect(echo.address());
  ASSERT_TRUE(stream.Write(Bytes(100)));
  EXPECT_EQ(stream.ReadAll(), Bytes(100));
  EXPECT_EQ(stream.end(), Stream::End::kFin);
}

TEST(EchoSourceTest, EndsWithFinWhenTheClientDoes) {
  Echo echo({"--behaviour", "source"});
  Stream stream = Stream::Connect(echo.address());
  const std::string begin = stream.Read(1000);
  ASSERT_EQ(begin.size(), 1000u);
  stream.ShutdownWrite();
  stream.ReadAll();
  EXPECT_EQ(stream.end(), Stream::End::kFin);
  Stream again = Stream::Connect(echo.address());
  EXPECT_EQ(again.Read(1000), begin);
}

}  // namespace
}  // namespace sluice::wire

#endif
