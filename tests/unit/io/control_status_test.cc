// SPDX-License-Identifier: Apache-2.0
#include "engine/io/control_status.h"

#include <vector>

#include "gtest/gtest.h"

namespace sluice::io {
namespace {

TEST(ControlStatusTest, SuccessIsZeroInBothTables) {
  EXPECT_EQ(WinsockNumber(kStatusSuccess), 0u);
  EXPECT_EQ(Win32Number(kStatusSuccess), 0u);
  EXPECT_EQ(CodeOfWindowsNumber(0), ErrorCode::kNone);
}

// The two rows that every consumer of redirect records must know.
TEST(ControlStatusTest, OneStatusHasTwoNumbers) {
  EXPECT_EQ(WinsockNumber(kStatusBufferTooSmall), 10014u);
  EXPECT_EQ(Win32Number(kStatusBufferTooSmall), 122u);
  EXPECT_EQ(WinsockNumber(kStatusNotFound), 10022u);
  EXPECT_EQ(Win32Number(kStatusNotFound), 1168u);
}

TEST(ControlStatusTest, TheFilteringPlatformsCodePassesVerbatim) {
  EXPECT_EQ(WinsockNumber(kStatusFwpNotFound), 0x80320008u);
  EXPECT_EQ(Win32Number(kStatusFwpNotFound), 0x80320008u);
  EXPECT_EQ(CodeOfWindowsNumber(0x80320008u), ErrorCode::kNotFound);
}

TEST(ControlStatusTest, AnUnknownStatusIsInvalidForWinsockAndUnknownForWin32) {
  EXPECT_EQ(WinsockNumber(0xC0FFEE00), 10022u);
  EXPECT_EQ(Win32Number(0xC0FFEE00), kUnknownNumber);
  EXPECT_EQ(CodeOfWindowsNumber(kUnknownNumber), ErrorCode::kOther);
  EXPECT_EQ(CodeOfWindowsNumber(317), ErrorCode::kOther);
}

TEST(ControlStatusTest, BothNumbersOfATeardownMeanTheSame) {
  EXPECT_EQ(CodeOfWindowsNumber(WinsockNumber(kStatusCancelled)), ErrorCode::kAborted);
  EXPECT_EQ(CodeOfWindowsNumber(Win32Number(kStatusCancelled)), ErrorCode::kAborted);
  EXPECT_EQ(CodeOfWindowsNumber(WinsockNumber(kStatusHandlesClosed)), ErrorCode::kAborted);
  EXPECT_EQ(CodeOfWindowsNumber(Win32Number(kStatusHandlesClosed)), ErrorCode::kAborted);
}

// Whatever a control can meet has a name of the engine, in both tables: "other" would hide a case.
TEST(ControlStatusTest, EveryFailureAControlMeetsHasANameInBothTables) {
  const std::vector<NtStatus> statuses = {
      kStatusBufferOverflow,  kStatusHandlesClosed,         kStatusNotImplemented,
      kStatusAccessViolation, kStatusInvalidHandle,         kStatusInvalidParameter,
      kStatusAccessDenied,    kStatusBufferTooSmall,        kStatusObjectTypeMismatch,
      kStatusIntegerOverflow, kStatusInsufficientResources, kStatusNotSupported,
      kStatusCancelled,       kStatusInvalidConnection,     kStatusNotFound,
      kStatusFwpNotFound,
  };
  for (const NtStatus status : statuses) {
    SCOPED_TRACE(testing::Message() << std::hex << status);
    EXPECT_NE(CodeOfWindowsNumber(WinsockNumber(status)), ErrorCode::kNone);
    EXPECT_NE(CodeOfWindowsNumber(WinsockNumber(status)), ErrorCode::kOther);
    EXPECT_NE(CodeOfWindowsNumber(Win32Number(status)), ErrorCode::kNone);
    EXPECT_NE(CodeOfWindowsNumber(Win32Number(status)), ErrorCode::kOther);
  }
}

TEST(ControlStatusTest, NumbersOfResetsFromBothTablesFold) {
  for (const std::uint32_t number : {64u, 1236u, 10053u, 10054u}) {
    EXPECT_EQ(CodeOfWindowsNumber(number), ErrorCode::kReset) << number;
  }
}

}  // namespace
}  // namespace sluice::io
