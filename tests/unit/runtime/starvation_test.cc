// SPDX-License-Identifier: Apache-2.0
//
// Out of descriptors, of local ports, of receive memory, of room in a hand-over ring: no crash, no
// spin, and everything goes on when the resource is back. A client is served or sees a reset; none
// hangs.
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "tests/contract/stream.h"
#include "tests/unit/runtime/proxy_fixture.h"

#if defined(__linux__)
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#endif

namespace sluice::runtime {
namespace {

using contract::ReceiveOnce;
using contract::SendAll;
using metrics::Counter;

// Connections that a full ring does not take stay with the worker that accepted them.
TEST_F(ProxyTest, AFullHandoverRingKeepsConnections) {
  SLUICE_NEEDS(contract::Ability::kThreads);
  constexpr std::uint64_t kClients = 12;
  handover_max_ = 2;
  StartProxy(2);
  // Worker 1 takes nothing from its ring meanwhile. Worker 0 listens.
  absl::Notification blocked;
  absl::Notification go_on;
  std::thread blocker([&] {
    runtime_->worker(1).Call([&] {
      blocked.Notify();
      go_on.WaitForNotification();
    });
  });
  blocked.WaitForNotification();
  for (std::uint64_t i = 0; i < kClients; ++i) ConnectClient(engine_->addresses()[0]);
  const bool kept = Await(Counter::k_connected, kClients - 2);
  EXPECT_EQ(engine_->Metrics()[Counter::k_handed_over], 2u);
  go_on.Notify();
  blocker.join();
  EXPECT_TRUE(kept);
  EXPECT_TRUE(Await(Counter::k_connected, kClients));
}

#if defined(__linux__)

// Processor time of the whole process, test included.
Nanos CpuTime() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto nanos = [](const timeval& time) {
    return time.tv_sec * kSecond + time.tv_usec * kMicrosecond;
  };
  return nanos(usage.ru_utime) + nanos(usage.ru_stime);
}

// A spinning thread uses all of a second. What retries cost is some ten milliseconds; sanitizers
// make it more.
#if defined(SLUICE_AUDIT_BUILD)
constexpr Nanos kCpuMax = 400 * kMillisecond;
#else
constexpr Nanos kCpuMax = 100 * kMillisecond;
#endif

class StarvationTest : public ProxyTest {
 protected:
  static constexpr rlim_t kDescriptorsMax = 300;

  void SetUp() override {
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
    rlimit few = before_;
    few.rlim_cur = std::min(few.rlim_cur, kDescriptorsMax);
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    ProxyTest::SetUp();
  }
  void TearDown() override {
    GiveDescriptorsBack();
    ProxyTest::TearDown();
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before_), 0);
  }

  // Takes all descriptors but `spare`. The limit stood before any accept was started: io_uring goes
  // by the one of that time.
  void TakeDescriptors(std::size_t spare) {
    // An accept that is being started has a descriptor for a moment, which would be one more to
    // spare afterwards. By the second call all that BeginAccepting started has been submitted.
    runtime_->worker(0).Call([] {});
    runtime_->worker(0).Call([] {});
    for (int taken = dup(0); taken >= 0; taken = dup(0)) taken_.push_back(taken);
    ASSERT_EQ(errno, EMFILE);
    ASSERT_LE(spare, taken_.size());
    for (; spare > 0; --spare) GiveOneBack();
  }
  void GiveOneBack() {
    close(taken_.back());
    taken_.pop_back();
  }
  void GiveDescriptorsBack() {
    while (!taken_.empty()) GiveOneBack();
  }

  // Sockets are made beforehand: making one takes a descriptor.
  void OpenClients(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      ends_.push_back(std::make_unique<Ends>());
      ASSERT_TRUE(loop_.port().Open(ends_.back()->client, Family::kV4).ok());
    }
  }
  void ConnectClients(std::size_t first = 0) {
    for (std::size_t i = first; i < ends_.size(); ++i) {
      ConnectEnds(*ends_[i], engine_->addresses()[0]);
    }
  }

  // One second in which nothing but retries can happen.
  void ExpectNoSpin() {
    const Instant end = loop_.port().now() + kSecond;
    const Nanos before = CpuTime();
    while (loop_.port().now() < end) loop_.Turn(0, end);
    const Nanos used = CpuTime() - before;
    std::printf("processor time in one second of starvation: %d ms\n",
                static_cast<int>(used / kMillisecond));
    EXPECT_LE(used, kCpuMax);
  }

 private:
  rlimit before_{};
  std::vector<int> taken_;
};

// Accepts fail, one for each of the 64 slots and again now and then; the clients wait in the
// backlog and are all served in the end.
TEST_F(StarvationTest, WithoutDescriptorsClientsWaitAndAreServed) {
  constexpr std::size_t kClients = 20;
  StartProxy();
  OpenClients(kClients);
  TakeDescriptors(0);
  ConnectClients();
  ASSERT_TRUE(Await(Counter::k_accept_errors, 64));
  ExpectNoSpin();
  // Each slot rests twice as long as the last time: not ten tries in the first two seconds.
  EXPECT_LE(engine_->Metrics()[Counter::k_accept_errors], 64u * 10);
  EXPECT_EQ(engine_->Metrics()[Counter::k_accepted], 0u);
  GiveDescriptorsBack();
  // Each is served to its far end.
  for (std::size_t i = 0; i < kClients; ++i) {
    contract::Accept accept;
    loop_.port().Accept(accept, origin_listener_);
    ASSERT_TRUE(loop_.RunUntil([&] { return accept.arrived(); }));
    ASSERT_TRUE(accept.outcome().ok());
    ASSERT_TRUE(loop_.port().Adopt(ends_[i]->origin, accept.Take()).ok());
    ASSERT_TRUE(SendAll(loop_, loop_.port(), ends_[i]->origin, "served", 6).ok());
  }
  for (const auto& ends : ends_) {
    char buffer[16];
    EXPECT_EQ(ReceiveOnce(loop_, loop_.port(), ends->client, buffer, sizeof buffer).bytes, 6u);
  }
  EXPECT_EQ(engine_->Metrics()[Counter::k_accepted], kClients);
}

// Enough to accept, not enough for the onward socket: each client sees a reset.
TEST_F(StarvationTest, WithoutDescriptorsForOnwardSocketsClientsAreReset) {
  constexpr std::size_t kClients = 20;
  StartProxy();
  // UBSan opens a pipe the first time that it looks at an object's type; let that be before.
  Connect();
  OpenClients(kClients);
  TakeDescriptors(1);
  ConnectClients(1);
  ASSERT_TRUE(Await(Counter::k_closed_no_resources, kClients));
  for (std::size_t i = 1; i <= kClients; ++i) EXPECT_TRUE(ClientSeesReset(*ends_[i]));
  ExpectNoSpin();
  GiveDescriptorsBack();
  Ends& ends = Connect();
  char buffer[16];
  ASSERT_TRUE(SendAll(loop_, loop_.port(), ends.client, "again", 5).ok());
  EXPECT_EQ(ReceiveOnce(loop_, loop_.port(), ends.origin, buffer, sizeof buffer).bytes, 5u);
}

// All chunks are held by flows whose readers do not read; the others wait without a turn.
TEST_F(StarvationTest, AnEmptySlabIsWaitedFor) {
  constexpr std::size_t kFlows = 12;
  constexpr std::uint64_t kTotal = std::uint64_t{8} << 20;
  slab_ = memory::SlabOptions{4096, 4};
  options_.policy.splice = false;
  StartProxy();
  std::vector<std::unique_ptr<contract::StreamSender>> senders;
  std::vector<std::unique_ptr<contract::StreamReader>> readers;
  for (std::size_t i = 0; i < kFlows; ++i) {
    Ends& ends = Connect();
    senders.push_back(std::make_unique<contract::StreamSender>(i, kTotal, 1 << 20));
    readers.push_back(std::make_unique<contract::StreamReader>(i, 1 << 20));
    senders.back()->Start(loop_.port(), ends.client);
  }
  // Until the kernel's buffers are full the chunks come back again and again.
  ASSERT_TRUE(Eventually([&] { return runtime_->Live().chunks == 4; }));
  loop_.Settle();
  ExpectNoSpin();
  EXPECT_GT(engine_->Metrics()[Counter::k_starved], 0u);
  for (std::size_t i = 0; i < kFlows; ++i) readers[i]->Start(loop_.port(), ends_[i]->origin);
  for (std::size_t i = 0; i < kFlows; ++i) {
    ASSERT_TRUE(loop_.RunUntil([&] { return senders[i]->done(); }));
    ASSERT_TRUE(loop_.port().ShutdownSend(ends_[i]->client).ok());
  }
  for (const auto& reader : readers) {
    ASSERT_TRUE(loop_.RunUntil([&] { return reader->ended(); }));
    EXPECT_TRUE(reader->intact());
    EXPECT_EQ(reader->received(), kTotal);
  }
}

// Runs `body` in a child process that has a network of its own, with `ports` ephemeral TCP ports.
// Child: the sockets, io_uring and threads are its own. Returns its exit code; kNoNetwork where the
// system does not let us.
constexpr int kNoNetwork = 77;

bool HaveNetwork(int ports) {
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return false;
  const int control = socket(AF_INET, SOCK_DGRAM, 0);
  ifreq request{};
  request.ifr_name[0] = 'l';
  request.ifr_name[1] = 'o';
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  const bool up = control >= 0 && ioctl(control, SIOCSIFFLAGS, &request) == 0;
  close(control);
  std::ofstream range("/proc/sys/net/ipv4/ip_local_port_range");
  range << 40000 << ' ' << 40000 + ports - 1 << std::flush;
  return up && range.good();
}

template <typename Body>
int RunWithPorts(int ports, Body body) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    if (!HaveNetwork(ports)) _exit(kNoNetwork);
    body();
    std::fflush(stdout);
    _exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// A fixture by hand: nothing of it may exist before the fork.
class PortsProxy : public StarvationTest {
 public:
  void TestBody() override {}

  void Run(std::size_t ports) {
    constexpr std::size_t kClients = 24;
    SetUp();
    StartProxy();
    // Clients have other source addresses, so they do not need the ports that onward sockets use.
    for (std::size_t i = 0; i < kClients; ++i) {
      ends_.push_back(std::make_unique<Ends>());
      io::Socket& client = ends_.back()->client;
      ASSERT_TRUE(loop_.port().Open(client, Family::kV4).ok());
      const std::uint8_t host = i < kClients / 2 ? 2 : 3;
      ASSERT_TRUE(loop_.port().Bind(client, Address::V4({127, 0, 0, host}, 0)).ok());
    }
    ConnectClients();
    ASSERT_TRUE(Eventually([&] {
      const metrics::Snapshot metrics = engine_->Metrics();
      return metrics[Counter::k_connected] + metrics[Counter::k_closed_connect_failed] == kClients;
    }));
    const metrics::Snapshot metrics = engine_->Metrics();
    EXPECT_LE(metrics[Counter::k_connected], ports);
    EXPECT_GE(metrics[Counter::k_closed_connect_failed], kClients - ports);
    ExpectNoSpin();
    // Ports come back with the flows that had them; resets leave nothing behind in TIME_WAIT.
    for (const auto& ends : ends_) loop_.port().Abort(ends->client);
    ASSERT_TRUE(Await(Counter::k_joined, kClients));
    ConnectClient(engine_->addresses()[0]);
    EXPECT_TRUE(Await(Counter::k_connected, metrics[Counter::k_connected] + 1));
    TearDown();
  }
};

// All local ports toward the destination are used up: the connects that find none fail, their
// clients are reset, and the ports serve others once their flows are over.
TEST(PortStarvationTest, WithoutLocalPortsClientsAreReset) {
  constexpr int kPorts = 16;
  const int code = RunWithPorts(kPorts, [] {
    PortsProxy proxy;
    proxy.Run(kPorts);
  });
  if (code == kNoNetwork) GTEST_SKIP() << "no network namespace of its own to be had here";
  EXPECT_EQ(code, 0);
}

#else

TEST(StarvationTest, DescriptorsAndLocalPorts) {
  GTEST_SKIP() << "limits of descriptors and of local ports are set as on Linux";
}

#endif  // defined(__linux__)

}  // namespace
}  // namespace sluice::runtime
