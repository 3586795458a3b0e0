// SPDX-License-Identifier: Apache-2.0
#ifdef _WIN32

#include "engine/io/windows/errors.h"

#include <cstdint>

#include "engine/io/control_status.h"
#include "engine/io/windows/system.h"
#include "gtest/gtest.h"

namespace sluice::io {
namespace {

// Our Win32 column must be what the OS says, or the same failure has two names on two systems. The
// statuses are those of control_status.cc; 0xC0220008 is left out, because Wine 8 does not know the
// filtering platform's table.
TEST(WindowsErrors, Win32ColumnIsThatOfTheSystem) {
  constexpr NtStatus kStatuses[] = {
      kStatusBufferTooSmall,
      kStatusBufferOverflow,
      kStatusInsufficientResources,
      kStatusNotFound,
      kStatusIntegerOverflow,
      kStatusInvalidParameter,
      kStatusAccessDenied,
      kStatusNotSupported,
      kStatusNotImplemented,
      kStatusInvalidConnection,
      kStatusAccessViolation,
      kStatusInvalidHandle,
      kStatusObjectTypeMismatch,
      kStatusCancelled,
      kStatusHandlesClosed,
      0x00000102,
      0xC00000B5,
      0xC000013B,
      0xC000013C,
      0xC000020A,
      0xC000020C,
      0xC000020D,
      0xC0000236,
      0xC0000237,
      0xC000023A,
      0xC000023B,
      0xC000023C,
      0xC000023D,
      0xC000023E,
      0xC000023F,
      0xC0000240,
      0xC0000241,
      0xC0000238,
  };
  for (const NtStatus status : kStatuses) {
    EXPECT_EQ(Win32Number(status), Nt().status_to_win32(static_cast<LONG>(status)))
        << std::hex << status;
  }
}

TEST(WindowsErrors, OnlyStatusZeroIsSuccess) {
  EXPECT_TRUE(ErrorOfStatus(0).ok());
  // What Wine gives a receive whose socket was closed: a warning, not an error, by NT_ERROR().
  EXPECT_EQ(ErrorOfStatus(kStatusHandlesClosed).code, ErrorCode::kAborted);
  EXPECT_FALSE(ErrorOfStatus(kStatusBufferOverflow).ok());
  EXPECT_FALSE(ErrorOfStatus(kStatusPending).ok());
  EXPECT_FALSE(ErrorOfStatus(0x40000000).ok());
}

TEST(WindowsErrors, StreamSocketStatuses) {
  EXPECT_EQ(ErrorOfStatus(0xC000020D).code, ErrorCode::kReset);
  EXPECT_EQ(ErrorOfStatus(0xC000020D).raw, 64);
  EXPECT_EQ(ErrorOfStatus(0xC0000236).code, ErrorCode::kRefused);
  EXPECT_EQ(ErrorOfStatus(0xC0000120).code, ErrorCode::kAborted);
  EXPECT_EQ(ErrorOfStatus(0xC000023D).code, ErrorCode::kUnreachable);
  EXPECT_EQ(ErrorOfStatus(0xC00000B5).code, ErrorCode::kTimedOut);
}

// A status outside our table: the OS is asked. STATUS_SHARING_VIOLATION is 32 in Win32.
TEST(WindowsErrors, UnknownStatusAsksTheSystem) {
  EXPECT_EQ(Win32Number(0xC0000043), kUnknownNumber);
  EXPECT_EQ(ErrorOfStatus(0xC0000043).raw, 32);
  EXPECT_EQ(ErrorOfStatus(0xC0000043).code, ErrorCode::kOther);
}

// What an emulated platform may want to see at the other end of a packet.
TEST(WindowsErrors, NumbersTravelAsStatuses) {
  for (const std::uint32_t number :
       {1u, 122u, 995u, 10014u, 10022u, 65535u, 0x80320008u, 0x80320001u}) {
    const OsError error = ErrorOfStatus(StatusOfNumber(number));
    EXPECT_FALSE(error.ok());
    EXPECT_EQ(static_cast<std::uint32_t>(error.raw), number);
  }
}

// The same number must come out of GetQueuedCompletionStatus for others.
TEST(WindowsErrors, SystemReadsShortNumbersToo) {
  for (const std::uint32_t number : {122u, 10022u}) {
    EXPECT_EQ(Nt().status_to_win32(static_cast<LONG>(StatusOfNumber(number))), number);
  }
}

}  // namespace
}  // namespace sluice::io

#endif  // _WIN32
