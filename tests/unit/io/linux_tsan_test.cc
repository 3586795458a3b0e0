// SPDX-License-Identifier: Apache-2.0
//
// What ThreadSanitizer is told of the kernel (engine/base/tsan.h): each misuse here must end the
// program with a report, and its legal neighbour must not. That nothing legal is reported at large
// is shown by all other tests under TSan.
#include "engine/base/tsan.h"

#if defined(__linux__) && SLUICE_TSAN

#include <atomic>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/contract/harness.h"

namespace sluice::io {
namespace {

using contract::Loop;
using contract::Pair;
using contract::Recv;
using contract::Send;

constexpr int kRaceStatus = 66;  // TSan's

class LinuxTsanTest : public ::testing::Test {
 protected:
  LinuxTsanTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

enum class When { kBefore, kWhileArmed, kLate, kAfter };

// Receives into a buffer, and writes to it at some time.
[[noreturn]] void TouchReceiveBuffer(When when) {
  std::vector<std::byte> in(16);
  Recv recv;
  Loop loop;
  {
    Pair pair(loop, Family::kV4);
    if (when == When::kBefore) in[3] = std::byte{1};
    loop.port().Recv(recv, pair.server, {IoBuffer{in.data(), in.size()}});
    if (when == When::kWhileArmed) in[3] = std::byte{1};
    loop.Settle();
    if (when == When::kLate) in[3] = std::byte{1};
    static_cast<void>(contract::SendAll(loop, loop.port(), pair.client, "12345678", 8));
    static_cast<void>(loop.RunUntil([&] { return recv.arrived(); }));
    if (when == When::kAfter) in[3] = std::byte{1};
  }
  std::exit(0);
}

TEST_F(LinuxTsanTest, ReceiveBufferIsTheKernelsWhileArmed) {
  EXPECT_EXIT(TouchReceiveBuffer(When::kBefore), ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(TouchReceiveBuffer(When::kAfter), ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(TouchReceiveBuffer(When::kWhileArmed), ::testing::ExitedWithCode(kRaceStatus),
              "data race");
  EXPECT_EXIT(TouchReceiveBuffer(When::kLate), ::testing::ExitedWithCode(kRaceStatus), "data race");
}

// Sends a buffer in two parts, and writes to the second one at some time.
[[noreturn]] void TouchSendBuffer(When when) {
  std::vector<std::byte> out(16);
  Send send;
  Loop loop;
  {
    Pair pair(loop, Family::kV4);
    if (when == When::kBefore) out[9] = std::byte{1};
    loop.port().Send(send, pair.client, {IoBuffer{&out[0], 8}, IoBuffer{&out[8], 8}});
    if (when == When::kWhileArmed) out[9] = std::byte{1};
    static_cast<void>(loop.RunUntil([&] { return send.arrived(); }));
    if (when == When::kAfter) out[9] = std::byte{1};
  }
  std::exit(0);
}

TEST_F(LinuxTsanTest, SendBufferMayNotChangeWhileArmed) {
  EXPECT_EXIT(TouchSendBuffer(When::kBefore), ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(TouchSendBuffer(When::kAfter), ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(TouchSendBuffer(When::kWhileArmed), ::testing::ExitedWithCode(kRaceStatus),
              "data race");
}

// A port with work in it, made on one thread and run by another.
[[noreturn]] void HandOver(std::memory_order publish, std::memory_order subscribe) {
  std::atomic<Loop*> handed{nullptr};
  contract::Defer defer;
  std::thread owner([&] {
    Loop* loop = nullptr;
    while ((loop = handed.load(subscribe)) == nullptr) std::this_thread::yield();
    static_cast<void>(loop->RunUntil([&] { return defer.arrived(); }));
  });
  Loop loop;
  loop.port().Defer(defer);
  handed.store(&loop, publish);
  owner.join();
  std::exit(0);
}

// Order is made for an operation, not for its port: whoever hands a port over without order is
// found.
TEST_F(LinuxTsanTest, PortHandedOverWithoutOrderIsStillARace) {
  EXPECT_EXIT(HandOver(std::memory_order_release, std::memory_order_acquire),
              ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(HandOver(std::memory_order_relaxed, std::memory_order_relaxed),
              ::testing::ExitedWithCode(kRaceStatus), "data race");
}

}  // namespace
}  // namespace sluice::io

#endif  // __linux__ && SLUICE_TSAN
