// SPDX-License-Identifier: Apache-2.0
//
// Limits given on the command line hold, are counted and are named on standard error.
#if !defined(_WIN32)

#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/wire/program.h"
#include "tests/wire/sockets.h"

namespace sluice::wire {
namespace {

using ::testing::HasSubstr;

class LimitsTest : public ::testing::Test {
 protected:
  void Start(std::vector<std::string> flags) {
    std::vector<std::string> words = {
        "run", "--listen", "127.0.0.1:0", "--upstream", origin_.address(), "--drain", "5s"};
    words.insert(words.end(), flags.begin(), flags.end());
    proxy_ = std::make_unique<Program>(Program::Sluice(words));
    address_ = proxy_->ListeningOn();
    ASSERT_NE(address_, "") << proxy_->err();
  }
  Stream Used() {
    Stream stream = Stream::Connect(address_);
    EXPECT_TRUE(stream.Write("used"));
    EXPECT_EQ(stream.Read(4), "used");
    return stream;
  }
  std::string Stop() {
    proxy_->Signal(SIGINT);
    EXPECT_EQ(proxy_->Wait(Duration(20000)), 0) << proxy_->err();
    return proxy_->out();
  }

  Origin origin_{Origin::Echo};
  std::unique_ptr<Program> proxy_;
  std::string address_;
};

TEST_F(LimitsTest, TooManyFlowsAreResetAndSaid) {
  Start({"--max-flows", "1", "--verbose"});
  Stream first = Used();
  Stream second = Stream::Connect(address_);
  EXPECT_EQ(second.Read(1), "");
  EXPECT_NE(second.end(), Stream::End::kTimeout);
  first.Close();
  const std::string out = Stop();
  EXPECT_EQ(ValueOf(out, "totals:", "refused_flows"), 1);
  EXPECT_THAT(out, HasSubstr("memory: at most "));
  EXPECT_THAT(proxy_->err(), HasSubstr("limit flows_max=1 reached: refusing"));
}

TEST_F(LimitsTest, TooManyFlowsOfOneSourceAreResetAndSaid) {
  Start({"--max-flows-per-source", "1"});
  Stream first = Used();
  Stream second = Stream::Connect(address_);
  EXPECT_EQ(second.Read(1), "");
  EXPECT_NE(second.end(), Stream::End::kTimeout);
  first.Close();
  EXPECT_EQ(ValueOf(Stop(), "totals:", "refused_source"), 1);
  EXPECT_THAT(proxy_->err(), HasSubstr("limit flows_per_source_max=1 reached"));
}

TEST_F(LimitsTest, PastTheAcceptRateConnectionsWait) {
  Start({"--accept-rate", "20", "--accept-burst", "1"});
  const TimePoint begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 5; ++i) Used();
  EXPECT_GE(std::chrono::steady_clock::now() - begin, Duration(3 * 50));
  EXPECT_GE(ValueOf(Stop(), "totals:", "paused_rate"), 1);
  EXPECT_THAT(proxy_->err(), HasSubstr("limit accepts_per_second=20 reached"));
}

TEST_F(LimitsTest, ALifetimeEndsAFlow) {
  Start({"--lifetime", "300ms"});
  Stream stream = Used();
  EXPECT_EQ(stream.Read(1), "");
  EXPECT_NE(stream.end(), Stream::End::kTimeout);
  EXPECT_EQ(ValueOf(Stop(), "totals:", "closed_lifetime"), 1);
}

TEST_F(LimitsTest, BufferedBytesAreBoundedAndNothingIsLost) {
  Start({"--max-buffered", "64k", "--max-queue", "1m"});
  const std::string bytes = Bytes(4 << 20);
  Stream stream = Stream::Connect(address_);
  // The origin echoes what nobody reads yet, so everything on the way fills up.
  std::thread writer([&] { EXPECT_TRUE(stream.Write(bytes)); });
  EXPECT_EQ(stream.Read(bytes.size()), bytes);
  writer.join();
  stream.Close();
  EXPECT_GE(ValueOf(Stop(), "totals:", "bytes_down"), 4 << 20);
}

}  // namespace
}  // namespace sluice::wire

#endif
