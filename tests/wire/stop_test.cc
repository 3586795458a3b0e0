// SPDX-License-Identifier: Apache-2.0
//
// Requests to stop: the first drains, the second and the deadline cut. Under Wine only SIGINT
// becomes a console event; SIGTERM ends the process, as TerminateProcess does on Windows.
#if !defined(_WIN32)

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/wire/program.h"
#include "tests/wire/sockets.h"

namespace sluice::wire {
namespace {

class StopTest : public ::testing::Test {
 protected:
  void Start(const std::string& drain, const std::string& hops = "2") {
    chain_ = std::make_unique<Program>(
        Program::Sluice({"chain", "--listen", "127.0.0.1:0", "--destination", origin_.address(),
                         "--hops", hops, "--drain", drain}));
    address_ = chain_->ListeningOn();
    ASSERT_NE(address_, "") << chain_->err();
    client_ = Stream::Connect(address_);
    Exchange("before");
  }
  void Exchange(const std::string& text) {
    EXPECT_TRUE(client_.Write(text));
    EXPECT_EQ(client_.Read(text.size()), text);
  }
  void ExpectRefused() {
    const TimePoint deadline = In(Duration(10000));
    while (Stream::Connect(address_).open() && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(Duration(10));
    }
    EXPECT_FALSE(Stream::Connect(address_).open()) << "still accepts";
  }
  void ExpectNothingHeld() {
    for (const char* what :
         {"flows", "sockets", "operations", "chunks", "buffers", "timers", "verdicts"}) {
      EXPECT_EQ(ValueOf(chain_->out(), "live:", what), 0) << what;
    }
  }

  Origin origin_{Origin::Echo};
  std::unique_ptr<Program> chain_;
  std::string address_;
  Stream client_;
};

TEST_F(StopTest, TheFirstRequestLetsFlowsEndByThemselves) {
  Start("60s");
  chain_->Signal(UnderWine() ? SIGINT : SIGTERM);
  ExpectRefused();
  Exchange("while it drains");
  EXPECT_TRUE(chain_->running());
  client_.ShutdownWrite();
  EXPECT_EQ(client_.ReadAll(), "");
  EXPECT_EQ(client_.end(), Stream::End::kFin);
  EXPECT_EQ(chain_->Wait(Duration(10000)), 0);
  ExpectNothingHeld();
  EXPECT_EQ(ValueOf(chain_->out(), "totals: engine=A", "closed_drain"), -1);
}

TEST_F(StopTest, TheSecondRequestCuts) {
  Start("60s");
  chain_->Signal(SIGINT);
  ExpectRefused();
  Exchange("while it drains");
  chain_->Signal(SIGINT);
  EXPECT_EQ(chain_->Wait(Duration(10000)), 0);
  EXPECT_EQ(client_.ReadAll(Duration(5000)), "");
  EXPECT_NE(client_.end(), Stream::End::kTimeout);
  ExpectNothingHeld();
}

TEST_F(StopTest, TheDeadlineCuts) {
  Start("500ms", "3");
  const TimePoint begin = std::chrono::steady_clock::now();
  chain_->Signal(SIGINT);
  EXPECT_EQ(chain_->Wait(Duration(10000)), 0);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, Duration(450));
  EXPECT_LE(std::chrono::steady_clock::now() - begin, Patiently(Duration(4000)));
  EXPECT_EQ(ValueOf(chain_->out(), "totals: engine=A", "closed_drain"), 1);
  ExpectNothingHeld();
}

TEST_F(StopTest, WithoutFlowsItEndsAtOnce) {
  Start("60s");
  client_.Close();
  std::this_thread::sleep_for(Duration(200));
  chain_->Signal(SIGINT);
  EXPECT_EQ(chain_->Wait(Duration(5000)), 0);
  ExpectNothingHeld();
}

// What a long run is watched by: a line now and then, without a signal.
TEST(StatsTest, ARunningProgramSaysWhatItHolds) {
  Origin origin(Origin::Echo);
  Program run(Program::Sluice({"run", "--listen", "127.0.0.1:0", "--upstream", origin.address(),
                               "--stats-every", "50ms", "--drain", "1s"}));
  Stream client = Stream::Connect(run.ListeningOn());
  EXPECT_TRUE(client.Write("x"));
  EXPECT_EQ(client.Read(1), "x");
  const auto says = [&](const std::string& text) {
    const TimePoint deadline = In(Duration(10000));
    while (run.err().find(text) == std::string::npos &&
           std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(Duration(10));
    }
    return run.err().find(text) != std::string::npos;
  };
  EXPECT_TRUE(says("stats: flows=1 sockets=3 ")) << run.err();
  client.Close();
  EXPECT_TRUE(says("accepted=1 joined=1")) << run.err();
  run.Signal(SIGINT);
  EXPECT_EQ(run.Wait(Duration(20000)), 0);
}

TEST(EchoStopTest, DrainsAndCutsLikeTheOthers) {
  Program echo(
      Program::Sluice({"echo", "--listen", "127.0.0.1:0", "--workers", "2", "--drain", "500ms"}));
  Stream client = Stream::Connect(echo.ListeningOn());
  ASSERT_TRUE(client.open());
  client.Write("x");
  EXPECT_EQ(client.Read(1), "x");
  echo.Signal(SIGINT);
  std::this_thread::sleep_for(Duration(100));
  client.Write("y");
  EXPECT_EQ(client.Read(1), "y");
  EXPECT_EQ(echo.Wait(Duration(5000)), 0);
  EXPECT_EQ(ValueOf(echo.out(), "echoed:", "cut"), 1);
}

}  // namespace
}  // namespace sluice::wire

#endif
