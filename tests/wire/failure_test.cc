// SPDX-License-Identifier: Apache-2.0
//
// Ends that come early: a client, an origin or a hop dies in the middle, an upstream is not there,
// somebody falls silent. Every flow involved ends, in its time, and the others do not notice.
#if !defined(_WIN32)

#include <atomic>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/wire/program.h"
#include "tests/wire/sockets.h"

namespace sluice::wire {
namespace {

using ::testing::HasSubstr;

// Hops in processes of their own, so that one can be killed: hop i leads to hop i + 1, the last to
// `origin`.
struct Hops {
  Hops(int count, const std::string& origin, std::vector<std::string> flags = {}) {
    std::string next = origin;
    for (int i = 0; i < count; ++i) {
      std::vector<std::string> words = {"run", "--listen", "127.0.0.1:0", "--upstream",
                                        next,  "--drain",  "5s"};
      words.insert(words.end(), flags.begin(), flags.end());
      hops.insert(hops.begin(), std::make_unique<Program>(Program::Sluice(words)));
      next = hops.front()->ListeningOn();
      EXPECT_NE(next, "") << hops.front()->err();
    }
    address = next;
  }

  // Stops hop `i` and expects that nothing is held. Returns what it printed.
  std::string Stop(int i) {
    hops[i]->Signal(SIGINT);
    EXPECT_EQ(hops[i]->Wait(Duration(20000)), 0) << hops[i]->err();
    const std::string out = hops[i]->out();
    for (const char* what : {"flows", "sockets", "operations", "chunks", "buffers", "verdicts"}) {
      EXPECT_EQ(ValueOf(out, "live:", what), 0) << what << " of hop " << i;
    }
    return out;
  }

  std::vector<std::unique_ptr<Program>> hops;
  std::string address;
};

// A connection through the chain that stays open and is used before and after the accident.
void Exchange(Stream& stream, const std::string& text) {
  EXPECT_TRUE(stream.Write(text));
  EXPECT_EQ(stream.Read(text.size()), text);
}

// Sends without end until told to stop or the stream breaks.
Origin::Serve EndlessSender(std::atomic<int>* broken) {
  return [broken](Stream& stream) {
    const std::string bytes = Bytes(65536);
    while (stream.Write(bytes, Duration(5000))) {
    }
    ++*broken;
  };
}

bool Becomes(const std::atomic<int>& value, int wanted, Duration limit) {
  const TimePoint deadline = In(limit);
  while (value != wanted && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(Duration(10));
  return value == wanted;
}

TEST(FailureTest, AKilledClientEndsItsFlowOnEveryHop) {
  std::atomic<int> broken{0};
  Origin origin(EndlessSender(&broken));
  Hops chain(3, origin.address());
  Stream client = Stream::Connect(chain.address);
  EXPECT_EQ(client.Read(1 << 20).size(), 1u << 20);
  client.Reset();
  EXPECT_TRUE(Becomes(broken, 1, Duration(10000))) << "the origin still sends";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ValueOf(chain.Stop(i), "totals:", "closed_reset"), 1) << i;
}

TEST(FailureTest, AKilledOriginEndsItsFlows) {
  auto origin = std::make_unique<Origin>(Origin::Echo);
  Hops chain(3, origin->address());
  Stream client = Stream::Connect(chain.address);
  Exchange(client, "before");
  origin->Die();
  EXPECT_EQ(client.ReadAll(Duration(10000)), "");
  EXPECT_NE(client.end(), Stream::End::kTimeout);
  // New ones cannot reach it any more: they are accepted, then end.
  origin.reset();
  Stream late = Stream::Connect(chain.address);
  EXPECT_EQ(late.ReadAll(Duration(10000)), "");
  EXPECT_NE(late.end(), Stream::End::kTimeout);
  client.Close();
  late.Close();
  for (int i = 0; i < 3; ++i) chain.Stop(i);
}

TEST(FailureTest, AKilledHopEndsItsFlowsAndNoOthers) {
  Origin origin(Origin::Echo);
  Hops chain(3, origin.address());
  // A second way to the origin, through the last hop only, must not notice.
  Stream through = Stream::Connect(chain.address);
  Stream beside = Stream::Connect(chain.hops[2]->ListeningOn());
  Exchange(through, "before");
  Exchange(beside, "before");
  chain.hops[1]->Signal(SIGKILL);
  EXPECT_EQ(through.ReadAll(Duration(10000)), "");
  EXPECT_NE(through.end(), Stream::End::kTimeout);
  Exchange(beside, "after");
  // The first hop lives, and says so to new clients by ending their connections.
  Stream late = Stream::Connect(chain.address);
  EXPECT_TRUE(late.open());
  EXPECT_EQ(late.ReadAll(Duration(10000)), "");
  EXPECT_NE(late.end(), Stream::End::kTimeout);
  through.Close();
  late.Close();
  beside.Close();
  EXPECT_EQ(ValueOf(chain.Stop(0), "totals:", "closed_connect_failed"), 1);
  chain.Stop(2);
}

TEST(FailureTest, AKilledHopInTheMiddleOfATransferIsNoSilentTruncation) {
  // The client must be able to tell: the announced length is not reached, and the stream has ended.
  Origin origin(Origin::Http(Bytes(64 << 20)));
  Hops chain(3, origin.address());
  Program curl({"curl", "-sS", "--noproxy", "*", "--limit-rate", "8m", "--max-time", "60", "-o",
                "/dev/null", "http://" + chain.address + "/"});
  std::this_thread::sleep_for(Patiently(Duration(500)));
  EXPECT_TRUE(curl.running());
  chain.hops[1]->Signal(SIGKILL);
  const int code = curl.Wait(Duration(20000));
  EXPECT_TRUE(code == 18 || code == 56) << "curl ended with " << code << ": " << curl.err();
  chain.Stop(0);
  chain.Stop(2);
}

TEST(FailureTest, AnUnreachableUpstreamEndsTheConnection) {
  Hops chain(1, RefusingAddress());
  Stream client = Stream::Connect(chain.address);
  ASSERT_TRUE(client.open());
  EXPECT_EQ(client.ReadAll(Duration(10000)), "");
  EXPECT_NE(client.end(), Stream::End::kTimeout);
  client.Close();
  EXPECT_EQ(ValueOf(chain.Stop(0), "totals:", "closed_connect_failed"), 1);
}

TEST(FailureTest, ASilentUpstreamIsGivenUpAfterTheConnectTimeout) {
  // TEST-NET-1: packets to it are lost, or refused where the network says so at once.
  Hops chain(1, "192.0.2.1:9", {"--connect-timeout", "300ms"});
  Stream client = Stream::Connect(chain.address);
  EXPECT_EQ(client.ReadAll(Duration(10000)), "");
  EXPECT_NE(client.end(), Stream::End::kTimeout);
  client.Close();
  const std::string out = chain.Stop(0);
  EXPECT_EQ(ValueOf(out, "totals:", "closed_connect_timeout") == 1 ||
                ValueOf(out, "totals:", "closed_connect_failed") == 1,
            true)
      << out;
}

TEST(FailureTest, AFlowOnWhichNothingMovesEndsAfterTheIdleTimeout) {
  Origin origin(Origin::Echo);
  Hops chain(1, origin.address(), {"--idle-timeout", "500ms"});
  Stream client = Stream::Connect(chain.address);
  Exchange(client, "one");
  std::this_thread::sleep_for(Duration(250));
  Exchange(client, "two");
  const TimePoint begin = std::chrono::steady_clock::now();
  EXPECT_EQ(client.ReadAll(Duration(10000)), "");
  EXPECT_NE(client.end(), Stream::End::kTimeout);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, Duration(400));
  client.Close();
  EXPECT_EQ(ValueOf(chain.Stop(0), "totals:", "closed_idle"), 1);
}

TEST(FailureTest, AHalfClosedFlowEndsAfterItsOwnTimeout) {
  // The origin never answers the end of the client's half.
  std::atomic<int> broken{0};
  Origin origin([&](Stream& stream) {
    stream.ReadAll();
    std::this_thread::sleep_for(Patiently(Duration(4000)));
    broken = 1;
  });
  Hops chain(1, origin.address(), {"--half-closed-timeout", "500ms"});
  Stream client = Stream::Connect(chain.address);
  client.Write("x");
  client.ShutdownWrite();
  client.ReadAll(Duration(3500));
  EXPECT_NE(client.end(), Stream::End::kTimeout);
  EXPECT_EQ(broken, 0) << "the origin ended it, not the timeout";
  client.Close();
  EXPECT_EQ(ValueOf(chain.Stop(0), "totals:", "closed_half_closed"), 1);
}

TEST(FailureTest, OneStuckClientDoesNotStopTheOthers) {
  std::atomic<int> broken{0};
  Origin origin([&](Stream& stream) {
    if (stream.Read(1) == "s") return EndlessSender(&broken)(stream);
    Origin::Echo(stream);
  });
  Program chain(Program::Sluice({"chain", "--listen", "127.0.0.1:0", "--destination",
                                 origin.address(), "--hops", "3", "--drain", "1s"}));
  const std::string address = chain.ListeningOn();
  std::vector<Stream> stuck;
  for (int i = 0; i < 8; ++i) {
    stuck.push_back(Stream::Connect(address));
    stuck.back().Write("s");  // and never reads
  }
  std::this_thread::sleep_for(Duration(500));
  for (int i = 0; i < 8; ++i) {
    Stream client = Stream::Connect(address);
    client.Write("e");
    Exchange(client, "still served");
  }
  for (Stream& stream : stuck) stream.Reset();
  EXPECT_TRUE(Becomes(broken, 8, Duration(15000)));
  chain.Signal(SIGINT);
  EXPECT_EQ(chain.Wait(Duration(20000)), 0);
  EXPECT_EQ(ValueOf(chain.out(), "live:", "chunks"), 0);
}

}  // namespace
}  // namespace sluice::wire

#endif
