// SPDX-License-Identifier: Apache-2.0
//
// EmulatedWsaIoctl against the completion rules of WSAIoctl, seen from outside: raw sockets, a raw
// completion port, events and completion routines, as a program that knows nothing of Sluice would
// use it.
#ifdef _WIN32

#include "engine/io/windows/emulated_ioctl.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "engine/io/windows/errors.h"
#include "engine/io/windows/system.h"
#include "gtest/gtest.h"

namespace sluice::io {
namespace {

constexpr DWORD kCode = 0x980000DC;
constexpr ULONG_PTR kKey = 77;

// Answers kCode as the test says. One thread at a time, except for `Complete`.
class ScriptedPlatform : public Platform {
 public:
  ControlReply reply;
  bool pends = false;
  int controls = 0;
  int cancels = 0;
  ControlRequest last;

  void OnOpened(NativeHandle, Family) override {}
  void OnBound(NativeHandle, const Address&) override {}
  void OnListening(NativeHandle, const Address&, int) override {}
  void OnClosing(NativeHandle) override {}
  ConnectDecision OnConnecting(NativeHandle, const Address&, const Address& remote) override {
    return ConnectDecision{OsError{}, remote};
  }
  void BeginSyn(NativeHandle) override {}
  void EndSyn(NativeHandle, const Address&) override {}
  void OnConnected(NativeHandle, OsError) override {}
  void OnAccepted(NativeHandle, NativeHandle, const Address&, const Address&) override {}

  ControlAnswer Control(const ControlRequest& request, ControlReply* answer) override {
    if (request.code != kCode) return ControlAnswer::kUnknown;
    ++controls;
    last = request;
    if (pends && request.complete != nullptr) return ControlAnswer::kPended;
    *answer = reply;
    return ControlAnswer::kDone;
  }
  void CancelControl(void* ticket) override {
    ++cancels;
    if (ticket == last.ticket) last.complete(ticket, ControlReply{kStatusCancelled, 0, 0});
  }
  void Complete() { last.complete(last.ticket, reply); }
};

class EmulatedIoctlTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(GetWinsock().status.ok());
    socket_ = NewStreamSocket(Family::kV4);
    ASSERT_NE(socket_, INVALID_SOCKET);
    port_ = CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, 1);
    ASSERT_NE(port_, nullptr);
  }
  void TearDown() override {
    UnregisterEmulated(socket_);
    closesocket(socket_);
    CloseHandle(port_);
    EXPECT_EQ(EmulatedPendingCount(), 0u);
    EXPECT_EQ(EmulatedSocketCount(), 0u);
  }

  void UsePort(bool skip_on_success) {
    ASSERT_EQ(CreateIoCompletionPort(reinterpret_cast<HANDLE>(socket_), port_, kKey, 0), port_);
    RegisterEmulated(socket_, EmulatedSocket{&platform_, port_, kKey, skip_on_success});
  }
  void UseNoPort() { RegisterEmulated(socket_, EmulatedSocket{&platform_, nullptr, 0, false}); }

  int Call(OVERLAPPED* overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine = nullptr) {
    return EmulatedWsaIoctl(socket_, kCode, nullptr, 0, out_, sizeof(out_), &bytes_, overlapped,
                            routine);
  }
  // True and the entry if there is a packet.
  bool Dequeue(OVERLAPPED_ENTRY* entry, DWORD timeout_ms = 0) {
    ULONG count = 0;
    return GetQueuedCompletionStatusEx(port_, entry, 1, &count, timeout_ms, FALSE) != FALSE &&
           count == 1;
  }
  void ExpectNoPacket() {
    OVERLAPPED_ENTRY entry;
    EXPECT_FALSE(Dequeue(&entry));
  }

  ScriptedPlatform platform_;
  SOCKET socket_ = INVALID_SOCKET;
  HANDLE port_ = nullptr;
  DWORD bytes_ = 4711;
  char out_[64] = {};
};

TEST_F(EmulatedIoctlTest, SynchronousSuccess) {
  UsePort(false);
  platform_.reply.information = 12;
  EXPECT_EQ(Call(nullptr), 0);
  EXPECT_EQ(bytes_, 12u);
  EXPECT_EQ(platform_.last.socket, static_cast<NativeHandle>(socket_));
  EXPECT_EQ(platform_.last.out, out_);
  EXPECT_EQ(platform_.last.out_size, sizeof(out_));
  EXPECT_EQ(platform_.last.complete, nullptr);
  ExpectNoPacket();  // T59
}

TEST_F(EmulatedIoctlTest, SynchronousFailureHasWinsocksNumber) {
  UseNoPort();
  platform_.reply = ControlReply{kStatusBufferTooSmall, 900, 0};
  EXPECT_EQ(Call(nullptr), SOCKET_ERROR);
  EXPECT_EQ(WSAGetLastError(), WSAEFAULT);
  EXPECT_EQ(bytes_, 900u);
  platform_.reply = ControlReply{kStatusNotFound, 0, 0};
  EXPECT_EQ(Call(nullptr), SOCKET_ERROR);
  EXPECT_EQ(WSAGetLastError(), WSAEINVAL);
  EXPECT_EQ(bytes_, 0u);
}

TEST_F(EmulatedIoctlTest, LiteralNumberReplacesTheTable) {
  UseNoPort();
  platform_.reply = ControlReply{kStatusBufferTooSmall, 0, 122};
  EXPECT_EQ(Call(nullptr), SOCKET_ERROR);
  EXPECT_EQ(WSAGetLastError(), 122);
  platform_.reply = ControlReply{kStatusNotFound, 0, 0x80320008};
  EXPECT_EQ(Call(nullptr), SOCKET_ERROR);
  EXPECT_EQ(static_cast<std::uint32_t>(WSAGetLastError()), 0x80320008u);
}

TEST_F(EmulatedIoctlTest, SynchronousCallNeedsTheCount) {
  UseNoPort();
  EXPECT_EQ(
      EmulatedWsaIoctl(socket_, kCode, nullptr, 0, out_, sizeof(out_), nullptr, nullptr, nullptr),
      SOCKET_ERROR);
  EXPECT_EQ(WSAGetLastError(), WSAEFAULT);
  EXPECT_EQ(platform_.controls, 0);
}

// T47: 0 and a packet as well.
TEST_F(EmulatedIoctlTest, InlineSuccessQueuesAPacket) {
  UsePort(false);
  platform_.reply.information = 20;
  OVERLAPPED overlapped{};
  EXPECT_EQ(Call(&overlapped), 0);
  EXPECT_EQ(bytes_, 20u);
  OVERLAPPED_ENTRY entry;
  ASSERT_TRUE(Dequeue(&entry));
  EXPECT_EQ(entry.lpOverlapped, &overlapped);
  EXPECT_EQ(entry.lpCompletionKey, kKey);
  EXPECT_EQ(entry.dwNumberOfBytesTransferred, 20u);
  EXPECT_EQ(overlapped.Internal, 0u);
  EXPECT_EQ(overlapped.InternalHigh, 20u);
  ExpectNoPacket();
}

// T48.
TEST_F(EmulatedIoctlTest, InlineSuccessWithSkipQueuesNone) {
  UsePort(true);
  platform_.reply.information = 20;
  OVERLAPPED overlapped{};
  EXPECT_EQ(Call(&overlapped), 0);
  EXPECT_EQ(bytes_, 20u);
  EXPECT_EQ(overlapped.InternalHigh, 20u);
  ExpectNoPacket();
}

// T52.
TEST_F(EmulatedIoctlTest, InlineFailureQueuesNone) {
  UsePort(false);
  platform_.reply = ControlReply{kStatusNotFound, 0, 0};
  OVERLAPPED overlapped{};
  EXPECT_EQ(Call(&overlapped), SOCKET_ERROR);
  EXPECT_EQ(WSAGetLastError(), WSAEINVAL);
  ExpectNoPacket();
}

// T49. The count is not touched (C3).
TEST_F(EmulatedIoctlTest, PendedSuccessIsAPacketLater) {
  UsePort(true);
  platform_.pends = true;
  platform_.reply.information = 33;
  OVERLAPPED overlapped{};
  EXPECT_EQ(Call(&overlapped), SOCKET_ERROR);
  EXPECT_EQ(WSAGetLastError(), WSA_IO_PENDING);
  EXPECT_EQ(overlapped.Internal, ULONG_PTR{kStatusPending});
  ExpectNoPacket();
  std::thread([this] { platform_.Complete(); }).join();
  OVERLAPPED_ENTRY entry;
  ASSERT_TRUE(Dequeue(&entry));
  EXPECT_EQ(entry.lpOverlapped, &overlapped);
  EXPECT_EQ(entry.dwNumberOfBytesTransferred, 33u);
  EXPECT_EQ(overlapped.Internal, 0u);
  EXPECT_EQ(bytes_, 4711u);
}

// T50, T51: through the port the same status has the Win32 number.
TEST_F(EmulatedIoctlTest, PendedFailureHasTheWin32Number) {
  UsePort(true);
  platform_.pends = true;
  struct Case {
    ControlReply reply;
    DWORD number;
  };
  const Case cases[] = {{{kStatusBufferTooSmall, 900, 0}, 122},
                        {{kStatusNotFound, 0, 0}, 1168},
                        {{kStatusBufferTooSmall, 0, 10022}, 10022},
                        {{kStatusSuccess, 0, 122}, 122}};
  for (const Case& expected : cases) {
    platform_.reply = expected.reply;
    OVERLAPPED overlapped{};
    EXPECT_EQ(Call(&overlapped), SOCKET_ERROR);
    EXPECT_EQ(WSAGetLastError(), WSA_IO_PENDING);
    platform_.Complete();
    DWORD bytes = 0;
    ULONG_PTR key = 0;
    OVERLAPPED* dequeued = nullptr;
    EXPECT_FALSE(GetQueuedCompletionStatus(port_, &bytes, &key, &dequeued, 0));
    EXPECT_EQ(GetLastError(), expected.number);
    EXPECT_EQ(dequeued, &overlapped);
    EXPECT_EQ(bytes, expected.reply.information);  // the packet carries the field of a failure, too
    EXPECT_EQ(ErrorOfStatus(static_cast<NtStatus>(overlapped.Internal)).raw,
              static_cast<std::int32_t>(expected.number));
  }
}

// T54.
TEST_F(EmulatedIoctlTest, CancelEndsAPendedRequest) {
  UsePort(false);
  platform_.pends = true;
  OVERLAPPED overlapped{};
  EXPECT_FALSE(CancelEmulated(&overlapped));
  EXPECT_EQ(Call(&overlapped), SOCKET_ERROR);
  EXPECT_TRUE(CancelEmulated(&overlapped));
  EXPECT_EQ(platform_.cancels, 1);
  OVERLAPPED_ENTRY entry;
  ASSERT_TRUE(Dequeue(&entry));
  EXPECT_EQ(ErrorOfStatus(static_cast<NtStatus>(overlapped.Internal)).raw, 995);
  EXPECT_FALSE(CancelEmulated(&overlapped));  // its end is on its way, or was seen
  EXPECT_EQ(platform_.cancels, 1);
  ExpectNoPacket();
}

// T57.
TEST_F(EmulatedIoctlTest, EventAndOverlappedResult) {
  UseNoPort();
  platform_.pends = true;
  platform_.reply.information = 9;
  OVERLAPPED overlapped{};
  overlapped.hEvent = CreateEventW(nullptr, TRUE, TRUE, nullptr);
  EXPECT_EQ(Call(&overlapped), SOCKET_ERROR);
  EXPECT_EQ(WSAGetLastError(), WSA_IO_PENDING);
  EXPECT_EQ(WaitForSingleObject(overlapped.hEvent, 0), DWORD{WAIT_TIMEOUT});
  DWORD bytes = 0;
  DWORD flags = 1;
  EXPECT_FALSE(WSAGetOverlappedResult(socket_, &overlapped, &bytes, FALSE, &flags));
  EXPECT_EQ(WSAGetLastError(), WSA_IO_INCOMPLETE);
  std::thread completer([this] { platform_.Complete(); });
  EXPECT_TRUE(WSAGetOverlappedResult(socket_, &overlapped, &bytes, TRUE, &flags));
  completer.join();
  EXPECT_EQ(bytes, 9u);
  EXPECT_EQ(flags, 0u);
  EXPECT_EQ(WaitForSingleObject(overlapped.hEvent, 0), DWORD{WAIT_OBJECT_0});

  platform_.reply = ControlReply{kStatusBufferTooSmall, 0, 0};
  EXPECT_EQ(Call(&overlapped), SOCKET_ERROR);
  platform_.Complete();
  EXPECT_FALSE(WSAGetOverlappedResult(socket_, &overlapped, &bytes, TRUE, &flags));
  EXPECT_EQ(WSAGetLastError(), WSAEFAULT);
  CloseHandle(overlapped.hEvent);
}

TEST_F(EmulatedIoctlTest, InlineSuccessSetsTheEvent) {
  UseNoPort();
  platform_.reply.information = 5;
  OVERLAPPED overlapped{};
  overlapped.hEvent = CreateEventW(nullptr, TRUE, FALSE, nullptr);
  EXPECT_EQ(Call(&overlapped), 0);
  EXPECT_EQ(WaitForSingleObject(overlapped.hEvent, 0), DWORD{WAIT_OBJECT_0});
  DWORD bytes = 0;
  DWORD flags = 0;
  EXPECT_TRUE(WSAGetOverlappedResult(socket_, &overlapped, &bytes, FALSE, &flags));
  EXPECT_EQ(bytes, 5u);
  CloseHandle(overlapped.hEvent);
}

TEST_F(EmulatedIoctlTest, LowBitOfTheEventKeepsThePacketBack) {
  UsePort(false);
  const HANDLE event = CreateEventW(nullptr, TRUE, FALSE, nullptr);
  for (const bool pends : {false, true}) {
    platform_.pends = pends;
    OVERLAPPED overlapped{};
    overlapped.hEvent = reinterpret_cast<HANDLE>(reinterpret_cast<ULONG_PTR>(event) | 1);
    Call(&overlapped);
    if (pends) platform_.Complete();
    EXPECT_EQ(WaitForSingleObject(event, 0), DWORD{WAIT_OBJECT_0});
    ExpectNoPacket();
    ResetEvent(event);
  }
  CloseHandle(event);
}

struct RoutineSeen {
  int calls = 0;
  DWORD error = 0;
  DWORD bytes = 0;
  OVERLAPPED* overlapped = nullptr;
  DWORD thread = 0;
};
thread_local RoutineSeen routine_seen;

void CALLBACK OnRoutine(DWORD error, DWORD bytes, LPWSAOVERLAPPED overlapped, DWORD) {
  ++routine_seen.calls;
  routine_seen.error = error;
  routine_seen.bytes = bytes;
  routine_seen.overlapped = overlapped;
}

// T58: once, in an alertable wait of the thread that asked, and never before.
TEST_F(EmulatedIoctlTest, CompletionRoutine) {
  UsePort(false);
  for (const bool pends : {false, true}) {
    routine_seen = RoutineSeen{};
    platform_.pends = pends;
    platform_.reply =
        pends ? ControlReply{kStatusNotFound, 0, 0} : ControlReply{kStatusSuccess, 8, 0};
    OVERLAPPED overlapped{};
    EXPECT_EQ(Call(&overlapped, &OnRoutine), pends ? SOCKET_ERROR : 0);
    if (pends) std::thread([this] { platform_.Complete(); }).join();
    EXPECT_EQ(routine_seen.calls, 0);
    EXPECT_EQ(SleepEx(1000, TRUE), DWORD{WAIT_IO_COMPLETION});
    EXPECT_EQ(routine_seen.calls, 1);
    EXPECT_EQ(routine_seen.overlapped, &overlapped);
    EXPECT_EQ(routine_seen.bytes, pends ? 0u : 8u);
    EXPECT_EQ(routine_seen.error, pends ? DWORD{WSAEINVAL} : 0u);
    ExpectNoPacket();
  }
}

// A code or a socket that the platform does not know is the real WSAIoctl's.
TEST_F(EmulatedIoctlTest, TheRestGoesToTheSystem) {
  UseNoPort();
  DWORD bytes = 0;
  u_long available = 99;
  EXPECT_EQ(EmulatedWsaIoctl(socket_, FIONREAD, nullptr, 0, &available, sizeof(available), &bytes,
                             nullptr, nullptr),
            0);
  EXPECT_EQ(available, 0u);

  GUID id = WSAID_CONNECTEX;
  void* function = nullptr;
  OVERLAPPED overlapped{};
  overlapped.hEvent = CreateEventW(nullptr, TRUE, FALSE, nullptr);
  const int result = EmulatedWsaIoctl(socket_, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof(id),
                                      &function, sizeof(function), &bytes, &overlapped, nullptr);
  if (result != 0) {
    DWORD flags = 0;
    EXPECT_TRUE(WSAGetOverlappedResult(socket_, &overlapped, &bytes, TRUE, &flags));
  }
  EXPECT_NE(function, nullptr);
  CloseHandle(overlapped.hEvent);
  EXPECT_EQ(platform_.controls, 0);

  UnregisterEmulated(socket_);
  EXPECT_EQ(Call(nullptr), SOCKET_ERROR);
  EXPECT_EQ(platform_.controls, 0);
}

// T13.
TEST_F(EmulatedIoctlTest, ClosedHandle) {
  UseNoPort();
  UnregisterEmulated(socket_);
  closesocket(socket_);
  EXPECT_EQ(Call(nullptr), SOCKET_ERROR);
  EXPECT_EQ(WSAGetLastError(), WSAENOTSOCK);
  socket_ = INVALID_SOCKET;
}

// A completion on another thread may be dequeued before the call that pended it has returned.
TEST_F(EmulatedIoctlTest, ManyThreadsCompleteBehindTheCall) {
  UsePort(false);
  platform_.pends = true;
  constexpr int kRounds = 200;
  for (int i = 0; i < kRounds; ++i) {
    OVERLAPPED overlapped{};
    EXPECT_EQ(Call(&overlapped), SOCKET_ERROR);
    std::thread completer([this] { platform_.Complete(); });
    OVERLAPPED_ENTRY entry;
    EXPECT_TRUE(Dequeue(&entry, 10000));
    EXPECT_EQ(entry.lpOverlapped, &overlapped);
    completer.join();
  }
}

}  // namespace
}  // namespace sluice::io

#endif  // _WIN32
