// SPDX-License-Identifier: Apache-2.0
//
// Bytes through chains: every byte arrives, in order, in both directions, whoever speaks or ends
// first; and nothing is left over afterwards.
#if !defined(_WIN32)

#include <atomic>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/wire/program.h"
#include "tests/wire/sockets.h"

namespace sluice::wire {
namespace {

using ::testing::HasSubstr;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

struct Shape {
  const char* name;
  const char* platform;
  const char* host;    // of listeners and origin
  const char* listen;  // the same, in an address
  int hops;
  int workers;
};

void PrintTo(const Shape& shape, std::ostream* out) { *out << shape.name; }

class RelayTest : public ::testing::TestWithParam<Shape> {
 protected:
  // A chain of this shape towards `origin`.
  void Start(const std::string& origin) {
    const Shape& shape = GetParam();
    chain_ = std::make_unique<Program>(
        Program::Sluice({"chain", "--listen", shape.listen, "--destination", origin, "--platform",
                         shape.platform, "--hops", std::to_string(shape.hops), "--workers",
                         std::to_string(shape.workers), "--drain", "10s"}));
    address_ = chain_->ListeningOn();
    ASSERT_NE(address_, "") << chain_->err();
  }
  // Everything has ended properly, and nothing was held or copied.
  void Finish(int connections) {
    chain_->Signal(SIGINT);
    ASSERT_EQ(chain_->Wait(Duration(20000)), 0) << chain_->err();
    const std::string out = chain_->out();
    for (const char* what : {"flows", "sockets", "operations", "chunks", "buffers", "timers"}) {
      EXPECT_EQ(ValueOf(out, "live:", what), 0) << what;
    }
    EXPECT_EQ(ValueOf(out, "totals: engine=A", "accepted"), connections) << out;
    EXPECT_EQ(ValueOf(out, "totals: engine=A", "closed_finished"), connections) << out;
    EXPECT_EQ(ValueOf(out, "totals: engine=A", "bytes_copied"), 0);
    EXPECT_EQ(chain_->err(), "");
    if (GetParam().platform == std::string("emulated")) {
      EXPECT_EQ(ValueOf(out, "platform:", "faults"), 0);
      EXPECT_EQ(ValueOf(out, "platform:", "redirected"), connections * GetParam().hops);
    }
  }

  std::unique_ptr<Program> chain_;
  std::string address_;
};

TEST_P(RelayTest, SixtyFourCurlsAtOnce) {
  const std::string body = Bytes(512 * 1024);
  Origin origin(Origin::Http(body), GetParam().host);
  Start(origin.address());
  const std::string folder = ::testing::TempDir() + "sluice-" + std::to_string(chain_->pid()) + "-";
  std::vector<std::unique_ptr<Program>> curls;
  for (int i = 0; i < 64; ++i) {
    curls.push_back(std::make_unique<Program>(
        std::vector<std::string>{"curl", "-sS", "--noproxy", "*", "--max-time", "100", "-o",
                                 folder + std::to_string(i), "http://" + address_ + "/"}));
  }
  for (int i = 0; i < 64; ++i) {
    EXPECT_EQ(curls[i]->Wait(Duration(60000)), 0) << curls[i]->err();
    EXPECT_TRUE(ReadFile(folder + std::to_string(i)) == body) << "download " << i << " differs";
    std::remove((folder + std::to_string(i)).c_str());
  }
  Finish(64);
}

TEST_P(RelayTest, BothDirectionsAtOnce) {
  const std::string up = Bytes(3 << 20, 1);
  const std::string down = Bytes(3 << 20, 2);
  std::string arrived;
  Origin origin(
      [&](Stream& stream) {
        std::thread writer([&] { stream.Write(down); });
        arrived = stream.Read(up.size());
        writer.join();
        stream.ShutdownWrite();
        stream.ReadAll();
      },
      GetParam().host);
  Start(origin.address());
  Stream client = Stream::Connect(address_);
  std::thread writer([&] { client.Write(up); });
  EXPECT_TRUE(client.Read(down.size()) == down);
  writer.join();
  client.ShutdownWrite();
  EXPECT_EQ(client.ReadAll(), "");
  EXPECT_EQ(client.end(), Stream::End::kFin);
  Finish(1);
  origin.Join();
  EXPECT_TRUE(arrived == up);
}

TEST_P(RelayTest, TheServerMaySpeakFirst) {
  Origin origin(
      [](Stream& stream) {
        stream.Write("220 ready\r\n");
        stream.Write("you said " + stream.Read(5));
        stream.ShutdownWrite();
        stream.ReadAll();
      },
      GetParam().host);
  Start(origin.address());
  Stream client = Stream::Connect(address_);
  EXPECT_EQ(client.Read(11), "220 ready\r\n");
  client.Write("hello");
  EXPECT_EQ(client.ReadAll(), "you said hello");
  client.Close();
  Finish(1);
}

TEST_P(RelayTest, TheClientMayEndItsHalfFirst) {
  const std::string answer = Bytes(1 << 20);
  std::string request;
  Origin origin(
      [&](Stream& stream) {
        request = stream.ReadAll();  // the answer needs the request's end
        stream.Write(answer);
      },
      GetParam().host);
  Start(origin.address());
  Stream client = Stream::Connect(address_);
  client.Write("question");
  client.ShutdownWrite();
  EXPECT_TRUE(client.ReadAll() == answer);
  EXPECT_EQ(client.end(), Stream::End::kFin);
  Finish(1);
  origin.Join();
  EXPECT_EQ(request, "question");
}

TEST_P(RelayTest, TheServerMayEndItsHalfFirst) {
  const std::string upload = Bytes(1 << 20);
  std::string arrived;
  Origin origin(
      [&](Stream& stream) {
        stream.Write("go on");
        stream.ShutdownWrite();
        arrived = stream.ReadAll();
      },
      GetParam().host);
  Start(origin.address());
  Stream client = Stream::Connect(address_);
  EXPECT_EQ(client.ReadAll(), "go on");
  EXPECT_EQ(client.end(), Stream::End::kFin);
  EXPECT_TRUE(client.Write(upload));
  client.ShutdownWrite();
  Finish(1);
  origin.Join();
  EXPECT_TRUE(arrived == upload);
}

TEST_P(RelayTest, ManyShortConnectionsAreAllRight) {
  Program echo(Program::Sluice({"echo", "--listen", GetParam().listen}));
  const std::string origin = echo.ListeningOn();
  ASSERT_NE(origin, "");
  Start(origin);
  const int count = UnderWine() ? 200 : 1000;
  Program load(Program::Sluice({"load", "--connect", address_, "--count", std::to_string(count),
                                "--connections", "32", "--timeout", "30s"}));
  EXPECT_EQ(load.Wait(Duration(60000)), 0) << load.out() << load.err();
  Finish(count);
}

// Windows addresses are bound before they connect; depth is what exercises that.
INSTANTIATE_TEST_SUITE_P(
    Shapes, RelayTest,
    ::testing::Values(Shape{"emulated", "emulated", "127.0.0.1", "127.0.0.1:0", 4, 1},
                      Shape{"emulated_two_workers", "emulated", "127.0.0.1", "127.0.0.1:0", 4, 2},
                      Shape{"emulated_v6", "emulated", "::1", "[::1]:0", 2, 1},
                      Shape{"plain", "none", "127.0.0.1", "127.0.0.1:0", 4, 1},
                      Shape{"plain_v6", "none", "::1", "[::1]:0", 2, 2}),
    [](const ::testing::TestParamInfo<Shape>& shape) { return std::string(shape.param.name); });

TEST(MixedFamilyTest, AV6ListenerReachesAV4Origin) {
  Origin origin(Origin::Echo);
  Program run(Program::Sluice({"run", "--listen", "[::1]:0", "--upstream", origin.address()}));
  Stream client = Stream::Connect(run.ListeningOn());
  ASSERT_TRUE(client.open());
  client.Write("across");
  EXPECT_EQ(client.Read(6), "across");
}

TEST(SourceTest, OnwardConnectsUseTheSourcesGiven) {
  std::atomic<int> from_range{0};
  Origin origin([&](Stream& stream) {
    from_range += stream.PeerHost().rfind("127.0.1.", 0) == 0;
    Origin::Echo(stream);
  });
  Program run(Program::Sluice({"run", "--listen", "127.0.0.1:0", "--upstream", origin.address(),
                               "--source", "127.0.1.1-127.0.1.3"}));
  const std::string address = run.ListeningOn();
  for (int i = 0; i < 6; ++i) {
    Stream client = Stream::Connect(address);
    client.Write("x");
    EXPECT_EQ(client.Read(1), "x");
  }
  EXPECT_EQ(from_range, 6);
}

TEST(TraceTest, ShowsEachConnectOfTheFirstConnections) {
  Origin origin(Origin::Echo);
  Program chain(Program::Sluice({"chain", "--listen", "127.0.0.1:0", "--destination",
                                 origin.address(), "--hops", "3", "--trace", "2"}));
  const std::string address = chain.ListeningOn();
  for (int i = 0; i < 3; ++i) {
    Stream client = Stream::Connect(address);
    client.Write("x");
    EXPECT_EQ(client.Read(1), "x");
  }
  chain.Signal(SIGINT);
  EXPECT_EQ(chain.Wait(Duration(20000)), 0);
  const std::string out = chain.out();
  EXPECT_THAT(out, HasSubstr("trace: application connection 2\n  C0 "));
  EXPECT_THAT(out, ::testing::Not(HasSubstr("application connection 3")));
  EXPECT_THAT(
      out, HasSubstr("records=[A,B]  A: state 3 permit  B: state 1 permit  C: state 2 redirect"));
  EXPECT_THAT(out, HasSubstr("after 3 redirections, no loop"));
}

}  // namespace
}  // namespace sluice::wire

#endif
