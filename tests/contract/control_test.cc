// SPDX-License-Identifier: Apache-2.0
//
// Control: overlapped WSAIoctl, or what stands in for it. Success and failure at once, or later
// from any thread; and which of the two Windows tables the number comes from.
#include <array>
#include <cstring>
#include <string>
#include <thread>

#include "tests/contract/fake_platform.h"
#include "tests/contract/harness.h"

namespace sluice::contract {
namespace {

using io::ControlAnswer;
using io::ControlReply;
using io::ControlRequest;
using io::NtStatus;

// A vendor's code (IOC_INOUT | IOC_VENDOR) that no provider knows.
constexpr std::uint32_t kCode = 0xD8000A5Cu;

PortOptions With(io::Platform& platform) {
  PortOptions options;
  options.platform = &platform;
  return options;
}

ControlReply Reply(NtStatus status, std::uint32_t information = 0) {
  ControlReply reply;
  reply.status = status;
  reply.information = information;
  return reply;
}

// Without a platform the kernel answers, and knows no such code: kNotSupported, once. At once on
// Linux and on Windows, but Wine pends first and fails later; then the number is the port's, not
// Winsock's.
TEST(ControlKernelTest, UnknownCodeIsNotSupported) {
  Loop loop;
  Control control;
  std::array<std::byte, 64> out{};
  Pair pair(loop, Family::kV4);
  ASSERT_TRUE(pair.ok());
  for (int round = 1; round <= 3; ++round) {
    pair.client_port().Control(control, pair.client, kCode, {}, absl::MakeSpan(out));
    EXPECT_EQ(control.outcomes(), round - 1);
    EXPECT_TRUE(loop.RunUntil([&] { return control.outcomes() == round; }));
    EXPECT_EQ(control.code(), ErrorCode::kNotSupported) << control.outcome().error.ToString();
    const std::uint32_t number = control.inline_failure()
                                     ? io::WinsockNumber(io::kStatusNotSupported)
                                     : io::Win32Number(io::kStatusNotSupported);
    EXPECT_EQ(static_cast<std::uint32_t>(control.outcome().error.raw), number);
  }
  loop.Settle();
  EXPECT_EQ(control.outcomes(), 3);
}

class ControlTest : public ::testing::Test {
 protected:
  ControlTest() : loop_(1, With(platform_)) {}
  Port& port() { return loop_.port(); }

  FakePlatform platform_;  // outlives the port
  Loop loop_;
};

// The request reaches the platform as it was given, and an answer given at once is still an outcome
// of a turn.
TEST_F(ControlTest, AnsweredAtOnce) {
  Control control;
  const std::array<std::byte, 3> in{std::byte{1}, std::byte{2}, std::byte{3}};
  std::array<std::byte, 32> out{};
  Pair pair(loop_, Family::kV4);
  ASSERT_TRUE(pair.ok());
  platform_.AnswerWith([&](const ControlRequest& request, ControlReply* reply) {
    EXPECT_EQ(request.socket, pair.client.native());
    EXPECT_EQ(request.code, kCode);
    EXPECT_EQ(request.in_size, 3u);
    EXPECT_EQ(std::memcmp(request.in, in.data(), 3), 0);
    EXPECT_EQ(request.out_size, 32u);
    EXPECT_NE(request.complete, nullptr) << "an overlapped caller lets the platform pend";
    std::memcpy(request.out, "answer", 6);
    *reply = Reply(io::kStatusSuccess, 6);
    return ControlAnswer::kDone;
  });
  port().Control(control, pair.client, kCode, in, absl::MakeSpan(out));
  EXPECT_EQ(control.outcomes(), 0) << "no handler inside a start call";
  EXPECT_TRUE(loop_.RunUntil([&] { return control.arrived(); }));
  EXPECT_TRUE(control.outcome().ok()) << control.outcome().error.ToString();
  EXPECT_EQ(control.bytes(), 6u);
  EXPECT_EQ(std::memcmp(out.data(), "answer", 6), 0);
  EXPECT_FALSE(control.inline_failure());
  loop_.Settle();
  EXPECT_EQ(control.outcomes(), 1) << "an inline success may queue a packet as well: count it once";
}

// Failed at once: the number is Winsock's, and the operation says so.
TEST_F(ControlTest, FailedAtOnceUsesWinsocksNumbers) {
  Control control;
  std::array<std::byte, 8> out{};
  Pair pair(loop_, Family::kV4);
  ASSERT_TRUE(pair.ok());
  int round = 0;
  for (const NtStatus status :
       {io::kStatusBufferTooSmall, io::kStatusNotFound, io::kStatusAccessDenied,
        io::kStatusInvalidParameter, io::kStatusBufferOverflow}) {
    platform_.AnswerWith([status](const ControlRequest&, ControlReply* reply) {
      *reply = Reply(status);
      return ControlAnswer::kDone;
    });
    port().Control(control, pair.client, kCode, {}, absl::MakeSpan(out));
    EXPECT_TRUE(loop_.RunUntil([&] { return control.outcomes() > round; }));
    EXPECT_EQ(control.outcomes(), ++round);
    const std::uint32_t number = io::WinsockNumber(status);
    EXPECT_EQ(static_cast<std::uint32_t>(control.outcome().error.raw), number);
    EXPECT_EQ(control.code(), io::CodeOfWindowsNumber(number));
    EXPECT_TRUE(control.inline_failure());
  }
}

// Pended, then completed on this thread: success carries the size and the bytes; failure carries
// the port's number and the size that the driver reported, which is how a caller learns how much
// room it needs.
TEST_F(ControlTest, PendedThenCompletedUsesThePortsNumbers) {
  Control control;
  std::array<std::byte, 16> out{};
  Pair pair(loop_, Family::kV4);
  ASSERT_TRUE(pair.ok());
  platform_.AnswerWith(
      [&](const ControlRequest& request, ControlReply*) { return platform_.Pend(request); });
  int round = 0;
  for (const NtStatus status : {io::kStatusSuccess, io::kStatusBufferTooSmall, io::kStatusNotFound,
                                io::kStatusAccessDenied, io::kStatusSuccess}) {
    port().Control(control, pair.client, kCode, {}, absl::MakeSpan(out));
    loop_.Settle();
    EXPECT_EQ(control.outcomes(), round);
    EXPECT_TRUE(platform_.CompleteOldest(Reply(status, 9), "late"));
    EXPECT_EQ(control.outcomes(), round) << "complete ran a handler";
    EXPECT_TRUE(loop_.RunUntil([&] { return control.outcomes() > round; }));
    EXPECT_EQ(control.outcomes(), ++round);
    EXPECT_FALSE(control.inline_failure());
    EXPECT_EQ(control.bytes(), 9u);
    EXPECT_EQ(std::memcmp(out.data(), "late", 4), 0);
    EXPECT_EQ(static_cast<std::uint32_t>(control.outcome().error.raw), io::Win32Number(status));
    EXPECT_EQ(control.code(), io::CodeOfWindowsNumber(io::Win32Number(status)));
  }
}

// A number no table produces, both ways.
TEST_F(ControlTest, LiteralNumberIsPassedOn) {
  Control control;
  Pair pair(loop_, Family::kV4);
  ASSERT_TRUE(pair.ok());
  ControlReply literal = Reply(io::kStatusNotFound);
  literal.literal = 10022;
  platform_.AnswerWith([&](const ControlRequest&, ControlReply* reply) {
    *reply = literal;
    return ControlAnswer::kDone;
  });
  port().Control(control, pair.client, kCode, {}, {});
  EXPECT_TRUE(loop_.RunUntil([&] { return control.arrived(); }));
  EXPECT_EQ(control.outcome().error.raw, 10022);
  EXPECT_EQ(control.code(), ErrorCode::kInvalid);
  literal.literal = 87;
  platform_.AnswerWith(
      [&](const ControlRequest& request, ControlReply*) { return platform_.Pend(request); });
  port().Control(control, pair.client, kCode, {}, {});
  EXPECT_TRUE(platform_.CompleteOldest(literal));
  EXPECT_TRUE(loop_.RunUntil([&] { return control.outcomes() == 2; }));
  EXPECT_EQ(control.outcome().error.raw, 87);
}

// A driver may complete a request before the call that started it has returned. State that is
// published after the call loses such a completion (law 3).
TEST_F(ControlTest, CompletedBeforeControlReturned) {
  Control control;
  Pair pair(loop_, Family::kV4);
  ASSERT_TRUE(pair.ok());
  platform_.AnswerWith([](const ControlRequest& request, ControlReply*) {
    request.complete(request.ticket, Reply(io::kStatusSuccess, 5));
    return ControlAnswer::kPended;
  });
  for (int round = 1; round <= 20; ++round) {
    port().Control(control, pair.client, kCode, {}, {});
    EXPECT_EQ(control.outcomes(), round - 1);
    EXPECT_TRUE(loop_.RunUntil([&] { return control.outcomes() == round; }));
    EXPECT_TRUE(control.outcome().ok());
    EXPECT_EQ(control.bytes(), 5u);
  }
}

// Completed from another thread while the port sleeps, hundreds of times: nothing lost, and the
// sleep ends.
TEST_F(ControlTest, CompletedFromAnotherThread) {
  SLUICE_NEEDS(Ability::kThreads);
  Control control;
  std::array<std::byte, 16> out{};
  Pair pair(loop_, Family::kV4);
  ASSERT_TRUE(pair.ok());
  platform_.AnswerWith(
      [&](const ControlRequest& request, ControlReply*) { return platform_.Pend(request); });
  const int rounds = Rounds(500);
  std::thread driver([&] {
    for (int round = 0; round < rounds; ++round) {
      platform_.WaitForPended(1);
      platform_.CompleteOldest(Reply(io::kStatusSuccess, 4), "done");
    }
  });
  for (int round = 1; round <= rounds; ++round) {
    out.fill(std::byte{0});
    port().Control(control, pair.client, kCode, {}, absl::MakeSpan(out));
    EXPECT_TRUE(loop_.RunUntil([&] { return control.outcomes() == round; }));
    EXPECT_TRUE(control.outcome().ok());
    EXPECT_EQ(std::memcmp(out.data(), "done", 4), 0);
  }
  driver.join();
}

// Cancel asks the platform; its kStatusCancelled becomes kAborted. Two are pended: only the one
// meant ends.
TEST_F(ControlTest, CancelledWhilePended) {
  Control first;
  Control second;
  Pair pair(loop_, Family::kV4);
  ASSERT_TRUE(pair.ok());
  platform_.AnswerWith(
      [&](const ControlRequest& request, ControlReply*) { return platform_.Pend(request); });
  port().Control(first, pair.client, kCode, {}, {});
  port().Control(second, pair.client, kCode, {}, {});
  loop_.Settle();
  port().Cancel(second);
  EXPECT_TRUE(loop_.RunUntil([&] { return second.arrived(); }));
  EXPECT_EQ(second.code(), ErrorCode::kAborted);
  EXPECT_EQ(second.outcome().error.raw, 995);
  EXPECT_EQ(first.outcomes(), 0);
  EXPECT_TRUE(platform_.CompleteOldest(Reply(io::kStatusSuccess)));
  EXPECT_TRUE(loop_.RunUntil([&] { return first.arrived(); }));
  EXPECT_TRUE(first.outcome().ok());
  EXPECT_EQ(platform_.count(FakePlatform::Kind::kCancel), 1);
}

// A driver may finish a request although it was asked to cancel it: then the outcome is what the
// driver said.
TEST_F(ControlTest, CancelThatCameTooLate) {
  Control control;
  Pair pair(loop_, Family::kV4);
  ASSERT_TRUE(pair.ok());
  platform_.ObeyCancel(false);
  platform_.AnswerWith(
      [&](const ControlRequest& request, ControlReply*) { return platform_.Pend(request); });
  port().Control(control, pair.client, kCode, {}, {});
  port().Cancel(control);
  loop_.Settle();
  EXPECT_EQ(control.outcomes(), 0) << "the platform still holds the buffers";
  EXPECT_TRUE(platform_.CompleteOldest(Reply(io::kStatusSuccess, 3)));
  EXPECT_TRUE(loop_.RunUntil([&] { return control.arrived(); }));
  EXPECT_TRUE(control.outcome().ok());
  EXPECT_EQ(control.bytes(), 3u);
}

// Close with a control pended: kAborted, once; the socket is joined before that handler runs and
// its handle is not given back earlier, because the platform still names the request by it.
TEST_F(ControlTest, SocketClosedWhilePended) {
  Control control;
  Recv recv;
  std::byte in[4];
  Pair pair(loop_, Family::kV4);
  ASSERT_TRUE(pair.ok());
  platform_.AnswerWith(
      [&](const ControlRequest& request, ControlReply*) { return platform_.Pend(request); });
  control.then = [&](Outcome) { EXPECT_EQ(pair.client.is_joined(), recv.arrived()); };
  port().Control(control, pair.client, kCode, {}, {});
  port().Recv(recv, pair.client, {IoBuffer{in, sizeof in}});
  loop_.Settle();
  port().Close(pair.client);
  EXPECT_TRUE(loop_.RunUntil([&] { return control.arrived() && recv.arrived(); }));
  EXPECT_TRUE(pair.client.is_joined());
  loop_.Settle();
  EXPECT_EQ(control.outcomes(), 1);
  EXPECT_EQ(control.code(), ErrorCode::kAborted);
  EXPECT_EQ(platform_.pended(), 0u);
}

// A code the platform does not know goes to the kernel, as if there were no platform.
TEST_F(ControlTest, UnknownToThePlatformGoesToTheKernel) {
  Control control;
  Pair pair(loop_, Family::kV4);
  ASSERT_TRUE(pair.ok());
  port().Control(control, pair.client, kCode, {}, {});
  EXPECT_TRUE(loop_.RunUntil([&] { return control.arrived(); }));
  EXPECT_EQ(control.code(), ErrorCode::kNotSupported) << control.outcome().error.ToString();
  EXPECT_EQ(platform_.count(FakePlatform::Kind::kControl), 1);
}

}  // namespace
}  // namespace sluice::contract
