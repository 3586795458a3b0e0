// SPDX-License-Identifier: Apache-2.0
//
// That the kernel asks the peers of a connection that lasts whether they are there, seen in the
// options of the process's sockets. What a port tells the kernel is each backend's own test.
#ifdef __linux__

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "tests/unit/runtime/proxy_fixture.h"

namespace sluice::runtime {
namespace {

using KeepaliveTest = ProxyTest;

int OptionOf(int descriptor, int level, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  return getsockopt(descriptor, level, name, &value, &size) == 0 ? value : -1;
}

// Sockets of this process whose peers are asked after so many seconds, and again every so many.
int KeptAlive(int idle, int interval) {
  constexpr int kDescriptorsMax = 1024;
  int count = 0;
  for (int descriptor = 3; descriptor < kDescriptorsMax; ++descriptor) {
    if (OptionOf(descriptor, SOL_SOCKET, SO_KEEPALIVE) != 1) continue;
    EXPECT_EQ(OptionOf(descriptor, IPPROTO_TCP, TCP_KEEPIDLE), idle);
    EXPECT_EQ(OptionOf(descriptor, IPPROTO_TCP, TCP_KEEPINTVL), interval);
    ++count;
  }
  return count;
}

TEST_F(KeepaliveTest, BothSocketsOfAFlowThatLasts) {
  StartProxy();
  Connect();
  EXPECT_TRUE(Eventually([] { return KeptAlive(300, 75) == 2; }));
}

// The flow that nobody is asked about is the older one, so it was looked at when the other one was.
TEST_F(KeepaliveTest, AsThePolicySaysOrNotAtAll) {
  options_.policy.keepalive_idle = 0;
  StartProxy();
  options_.policy.keepalive_idle = 20 * kSecond;
  options_.policy.keepalive_interval = 3 * kSecond;
  const std::unique_ptr<Engine> asking = MakeEngine(origin_listener_.local());
  ASSERT_NE(asking, nullptr);
  ASSERT_TRUE(asking->Start().ok());
  Connect();
  Connect(asking->addresses()[0]);
  EXPECT_TRUE(Eventually([] { return KeptAlive(20, 3) == 2; }));
}

}  // namespace
}  // namespace sluice::runtime

#endif  // __linux__
