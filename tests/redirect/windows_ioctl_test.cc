// SPDX-License-Identifier: Apache-2.0
//
// T47 to T49, T52, T57 to T59 and T97 as a program sees them that calls WSAIoctl itself: the
// emulated platform behind the emulated WSAIoctl, a completion port, an event, a completion
// routine, or nothing. The rules of the function alone are tested in
// tests/unit/io/windows_emulated_ioctl_test.cc.
#ifdef _WIN32

#include <string>

#include "engine/io/windows/emulated_ioctl.h"
#include "tests/redirect/rig.h"

namespace sluice::emulated {
namespace {

using redirect::kQueryRedirectContext;
using redirect::kQueryRedirectRecords;

constexpr DWORD kRecordBytes = 592;

// An accepted, redirected socket that no port has adopted (so its context may not be updated yet:
// T97), registered with a completion port of the test's own, or with none.
class WindowsIoctlTest : public ::testing::Test {
 protected:
  void SetUp() override { port_ = CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, 1); }
  void TearDown() override {
    if (socket_ != INVALID_SOCKET) {
      io::Port::Discard(accepted_, rig_->platform->process());
      io::UnregisterEmulated(socket_);
    }
    rig_.reset();
    CloseHandle(port_);
  }

  void Begin(Completion completion, bool redirected = true) {
    RigOptions options;
    options.manual_completion = true;
    rig_ = std::make_unique<Rig>(options);
    io::Socket& client = rig_->Open(rig_->app_port(), Family::kV4);
    ASSERT_TRUE(
        rig_->Connect(client, redirected ? rig_->destination() : rig_->listener().local()).ok());
    io::AcceptOp accept;
    bool done = false;
    accept.Bind(&done, [](void* flag, Outcome) { *static_cast<bool*>(flag) = true; });
    rig_->proxy_port().Accept(accept, rig_->listener());
    ASSERT_TRUE(rig_->RunUntil([&] { return done; }));
    accepted_ = accept.Take();
    socket_ = static_cast<SOCKET>(accepted_.handle);
    Knobs knobs = rig_->platform->knobs();
    knobs.completion = completion;
    rig_->platform->SetKnobs(knobs);
    Register(nullptr, false);
  }
  void Register(HANDLE port, bool skip) {
    if (port != nullptr) CreateIoCompletionPort(reinterpret_cast<HANDLE>(socket_), port, 7, 0);
    io::RegisterEmulated(socket_, io::EmulatedSocket{rig_->platform->process(), port, 7, skip});
  }
  int Query(DWORD code, OVERLAPPED* overlapped,
            LPWSAOVERLAPPED_COMPLETION_ROUTINE routine = nullptr) {
    return io::EmulatedWsaIoctl(socket_, code, nullptr, 0, out_, sizeof(out_), &bytes_, overlapped,
                                routine);
  }
  // Packets waiting; the last one in entry_.
  int Packets() {
    int packets = 0;
    ULONG count = 0;
    while (GetQueuedCompletionStatusEx(port_, &entry_, 1, &count, 10, FALSE) != FALSE && count == 1)
      ++packets;
    return packets;
  }

  std::unique_ptr<Rig> rig_;
  io::AcceptedSocket accepted_;
  SOCKET socket_ = INVALID_SOCKET;
  HANDLE port_ = nullptr;
  OVERLAPPED_ENTRY entry_{};
  char out_[4096] = {};
  DWORD bytes_ = 4711;
};

TEST_F(WindowsIoctlTest, T47_InlineSuccessAndOnePacket) {
  Begin(Completion::kInline);
  Register(port_, false);
  OVERLAPPED overlapped{};
  EXPECT_EQ(Query(kQueryRedirectRecords, &overlapped), 0);
  EXPECT_EQ(bytes_, kRecordBytes);
  EXPECT_EQ(Packets(), 1);
  EXPECT_EQ(entry_.lpOverlapped, &overlapped);
  EXPECT_EQ(entry_.dwNumberOfBytesTransferred, kRecordBytes);
}

TEST_F(WindowsIoctlTest, T48_SkipOnSuccess) {
  Begin(Completion::kInline);
  Register(port_, true);
  OVERLAPPED overlapped{};
  EXPECT_EQ(Query(kQueryRedirectRecords, &overlapped), 0);
  EXPECT_EQ(bytes_, kRecordBytes);
  EXPECT_EQ(Packets(), 0);
}

TEST_F(WindowsIoctlTest, T49_PendedThenOnePacket) {
  Begin(Completion::kPend);
  Register(port_, true);
  OVERLAPPED overlapped{};
  EXPECT_EQ(Query(kQueryRedirectRecords, &overlapped), SOCKET_ERROR);
  EXPECT_EQ(WSAGetLastError(), WSA_IO_PENDING);
  EXPECT_EQ(bytes_, 4711u);
  EXPECT_EQ(Packets(), 0);
  EXPECT_EQ(rig_->platform->CompletePended(), 1u);
  EXPECT_EQ(Packets(), 1);
  EXPECT_EQ(entry_.dwNumberOfBytesTransferred, kRecordBytes);
}

TEST_F(WindowsIoctlTest, T52_ImmediateFailure) {
  Begin(Completion::kInline, false);
  Register(port_, false);
  OVERLAPPED overlapped{};
  EXPECT_EQ(Query(kQueryRedirectContext, &overlapped), SOCKET_ERROR);
  EXPECT_EQ(WSAGetLastError(), WSAEINVAL);
  EXPECT_EQ(Packets(), 0);
}

TEST_F(WindowsIoctlTest, T57_Event) {
  for (const Completion completion : {Completion::kInline, Completion::kPend}) {
    Begin(completion);
    OVERLAPPED overlapped{};
    overlapped.hEvent = CreateEventW(nullptr, TRUE, FALSE, nullptr);
    const int result = Query(kQueryRedirectRecords, &overlapped);
    EXPECT_EQ(result, completion == Completion::kInline ? 0 : SOCKET_ERROR);
    rig_->platform->CompletePended();
    EXPECT_EQ(WaitForSingleObject(overlapped.hEvent, 1000), WAIT_OBJECT_0);
    DWORD transferred = 0;
    DWORD flags = 0;
    EXPECT_TRUE(WSAGetOverlappedResult(socket_, &overlapped, &transferred, FALSE, &flags));
    EXPECT_EQ(transferred, kRecordBytes);
    CloseHandle(overlapped.hEvent);
    TearDown();
    socket_ = INVALID_SOCKET;
    SetUp();
  }
}

int g_routine_calls = 0;
DWORD g_routine_bytes = 0;

void CALLBACK Routine(DWORD error, DWORD bytes, LPWSAOVERLAPPED, DWORD) {
  EXPECT_EQ(error, 0u);
  ++g_routine_calls;
  g_routine_bytes = bytes;
}

TEST_F(WindowsIoctlTest, T58_CompletionRoutine) {
  Begin(Completion::kPend);
  g_routine_calls = 0;
  OVERLAPPED overlapped{};
  EXPECT_EQ(Query(kQueryRedirectRecords, &overlapped, &Routine), SOCKET_ERROR);
  EXPECT_EQ(WSAGetLastError(), WSA_IO_PENDING);
  rig_->platform->CompletePended();
  EXPECT_EQ(g_routine_calls, 0) << "only in an alertable wait";
  SleepEx(1000, TRUE);
  EXPECT_EQ(g_routine_calls, 1);
  EXPECT_EQ(g_routine_bytes, kRecordBytes);
  SleepEx(10, TRUE);
  EXPECT_EQ(g_routine_calls, 1);
}

TEST_F(WindowsIoctlTest, T59_NoOverlapped) {
  for (const Completion completion :
       {Completion::kInline, Completion::kPend, Completion::kRandom}) {
    Begin(completion);
    Register(port_, false);
    EXPECT_EQ(Query(kQueryRedirectRecords, nullptr), 0);
    EXPECT_EQ(bytes_, kRecordBytes);
    EXPECT_EQ(Packets(), 0);
    TearDown();
    socket_ = INVALID_SOCKET;
    SetUp();
  }
}

}  // namespace
}  // namespace sluice::emulated

#endif  // _WIN32
