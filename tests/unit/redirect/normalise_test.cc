// SPDX-License-Identifier: Apache-2.0
//
// Every number of both Windows tables, and the rule that a reported size counts only if it is
// larger than what was tried.
#include "engine/redirect/normalise.h"

#include <cstdint>

#include "engine/io/control_status.h"
#include "engine/redirect/control_codes.h"
#include "engine/redirect/redirector.h"
#include "gtest/gtest.h"

namespace sluice::redirect {
namespace {

Outcome Failure(std::uint32_t number, std::uint32_t bytes = 0) {
  return Outcome{bytes,
                 OsError{io::CodeOfWindowsNumber(number), static_cast<std::int32_t>(number)}};
}

struct Row {
  std::uint32_t number;
  Meaning query;
  Meaning set;
};

// Capacity 4,096, no size reported.
constexpr Row kRows[] = {
    {10014, Meaning::kGrow, Meaning::kFailed},
    {122, Meaning::kGrow, Meaning::kFailed},
    {10040, Meaning::kGrow, Meaning::kFailed},
    {234, Meaning::kGrow, Meaning::kFailed},
    {10055, Meaning::kGrow, Meaning::kFailed},
    {1450, Meaning::kGrow, Meaning::kFailed},
    {10022, Meaning::kAbsent, Meaning::kRejected},
    {87, Meaning::kAbsent, Meaning::kRejected},
    {1168, Meaning::kAbsent, Meaning::kFailed},
    {0x80320008, Meaning::kAbsent, Meaning::kFailed},
    {534, Meaning::kFailed, Meaning::kRejected},
    {10013, Meaning::kDenied, Meaning::kDenied},
    {5, Meaning::kDenied, Meaning::kDenied},
    {10045, Meaning::kUnsupported, Meaning::kUnsupported},
    {50, Meaning::kUnsupported, Meaning::kUnsupported},
    {10042, Meaning::kUnsupported, Meaning::kUnsupported},
    {1, Meaning::kUnsupported, Meaning::kUnsupported},
    {10057, Meaning::kGone, Meaning::kGone},
    {59, Meaning::kGone, Meaning::kGone},
    {10038, Meaning::kGone, Meaning::kGone},
    {6, Meaning::kGone, Meaning::kGone},
    {995, Meaning::kGone, Meaning::kGone},
    {676, Meaning::kGone, Meaning::kGone},
    {10004, Meaning::kGone, Meaning::kGone},
    {10054, Meaning::kGone, Meaning::kGone},
    {64, Meaning::kGone, Meaning::kGone},
    {1236, Meaning::kGone, Meaning::kGone},
    {10053, Meaning::kGone, Meaning::kGone},
    {998, Meaning::kFailed, Meaning::kFailed},
    {31, Meaning::kFailed, Meaning::kFailed},
    {10050, Meaning::kFailed, Meaning::kFailed},
};

TEST(NormaliseTest, EveryNumber) {
  for (const Row& row : kRows) {
    EXPECT_EQ(NormaliseQuery(Failure(row.number), 4096).meaning, row.query) << row.number;
    EXPECT_EQ(NormaliseSet(Failure(row.number)), row.set) << row.number;
  }
}

// One kernel status means the same whichever way it comes, with the one ambiguity that Winsock's
// table makes: what it does not know becomes 10022.
TEST(NormaliseTest, BothNumbersOfAStatusAgree) {
  for (const io::NtStatus status :
       {io::kStatusBufferTooSmall, io::kStatusBufferOverflow, io::kStatusInsufficientResources,
        io::kStatusNotFound, io::kStatusFwpNotFound, io::kStatusInvalidParameter,
        io::kStatusAccessDenied, io::kStatusNotSupported, io::kStatusNotImplemented,
        io::kStatusInvalidConnection, io::kStatusInvalidHandle, io::kStatusObjectTypeMismatch,
        io::kStatusCancelled}) {
    EXPECT_EQ(NormaliseQuery(Failure(io::WinsockNumber(status)), 4096).meaning,
              NormaliseQuery(Failure(io::Win32Number(status)), 4096).meaning)
        << std::hex << status;
  }
  EXPECT_EQ(NormaliseSet(Failure(io::WinsockNumber(io::kStatusIntegerOverflow))),
            Meaning::kRejected);
  EXPECT_EQ(NormaliseSet(Failure(io::Win32Number(io::kStatusIntegerOverflow))), Meaning::kRejected);
}

TEST(NormaliseTest, GrowthDoublesOrFollowsALargerReport) {
  EXPECT_EQ(NormaliseQuery(Failure(122, 0), 4096).capacity, 8192u);
  EXPECT_EQ(NormaliseQuery(Failure(122, 4097), 4096).capacity, 8192u);
  EXPECT_EQ(NormaliseQuery(Failure(122, 40000), 4096).capacity, 40000u);
  // Unwritten or stale fields.
  EXPECT_EQ(NormaliseQuery(Failure(122, 4096), 4096).capacity, 8192u);
  EXPECT_EQ(NormaliseQuery(Failure(122, 12), 4096).capacity, 8192u);
  EXPECT_EQ(NormaliseQuery(Failure(10014, 0), 40000).capacity, kReplyMax);
}

TEST(NormaliseTest, GrowthStopsAtTheCap) {
  EXPECT_EQ(NormaliseQuery(Failure(122, 0), kReplyMax).meaning, Meaning::kFailed);
  EXPECT_EQ(NormaliseQuery(Failure(122, kReplyMax + 1), 4096).meaning, Meaning::kFailed);
  EXPECT_EQ(NormaliseQuery(Failure(122, kReplyMax), 4096).capacity, kReplyMax);
  EXPECT_EQ(NormaliseQuery(Failure(10055, 0), kReplyMax).meaning, Meaning::kFailed);
}

// From any first size, whatever is reported, at most eight growths.
TEST(NormaliseTest, GrowthEnds) {
  for (const std::uint32_t reported : {0U, 1U, 5000U, 65536U, 0xFFFFFFFFU}) {
    std::uint32_t capacity = kContextFirst;
    int growths = 0;
    for (;;) {
      const QueryMeaning answer = NormaliseQuery(Failure(122, reported), capacity);
      if (answer.meaning != Meaning::kGrow) break;
      ASSERT_GT(answer.capacity, capacity);
      ASSERT_LE(answer.capacity, kReplyMax);
      capacity = answer.capacity;
      ASSERT_LE(++growths, 8);
    }
  }
}

TEST(NormaliseTest, AmbiguousNumbersFollowTheReport) {
  for (const std::uint32_t number : {10022U, 87U}) {
    EXPECT_EQ(NormaliseQuery(Failure(number, 6000), 4096).meaning, Meaning::kGrow);
    const QueryMeaning absent = NormaliseQuery(Failure(number, 0), 4096);
    EXPECT_EQ(absent.meaning, Meaning::kAbsent);
    EXPECT_TRUE(absent.ambiguous);
    EXPECT_FALSE(NormaliseQuery(Failure(number, 0), kReplyMax).ambiguous);
  }
  EXPECT_EQ(NormaliseQuery(Failure(0x80320008, 6000), 4096).meaning, Meaning::kGrow);
  EXPECT_FALSE(NormaliseQuery(Failure(0x80320008, 0), 4096).ambiguous);
  EXPECT_FALSE(NormaliseQuery(Failure(1168, 0), 4096).ambiguous);
}

TEST(NormaliseTest, Successes) {
  EXPECT_EQ(NormaliseQuery(Outcome::Done(592), 4096).meaning, Meaning::kOk);
  EXPECT_EQ(NormaliseQuery(Outcome::Done(4096), 4096).meaning, Meaning::kOk);
  EXPECT_EQ(NormaliseQuery(Outcome::Done(0), 4096).meaning, Meaning::kEmpty);
  // A probe that "succeeds" with what it would have needed.
  const QueryMeaning probe = NormaliseQuery(Outcome::Done(592), 0);
  EXPECT_EQ(probe.meaning, Meaning::kGrow);
  EXPECT_EQ(probe.capacity, 592u);
  EXPECT_EQ(NormaliseQuery(Outcome::Done(70000), 4096).meaning, Meaning::kFailed);
  // The count of a SET means nothing.
  EXPECT_EQ(NormaliseSet(Outcome::Done(0)), Meaning::kOk);
  EXPECT_EQ(NormaliseSet(Outcome::Done(777)), Meaning::kOk);
}

// A port may end an operation by itself; then there is no number of a table.
TEST(NormaliseTest, CodesWithoutANumber) {
  EXPECT_EQ(NormaliseQuery(Outcome::Failed(ErrorCode::kAborted, 0), 4096).meaning, Meaning::kGone);
  EXPECT_EQ(NormaliseSet(Outcome::Failed(ErrorCode::kAborted, 0)), Meaning::kGone);
  EXPECT_EQ(NormaliseQuery(Outcome::Failed(ErrorCode::kNotSupported, 95), 4096).meaning,
            Meaning::kUnsupported);
  EXPECT_EQ(NormaliseQuery(Outcome::Failed(ErrorCode::kOther, 4711), 4096).meaning,
            Meaning::kFailed);
}

TEST(NormaliseTest, VerdictOfEveryMeaning) {
  EXPECT_EQ(VerdictOf(Meaning::kOk), Verdict::kOk);
  EXPECT_EQ(VerdictOf(Meaning::kEmpty), Verdict::kAbsent);
  EXPECT_EQ(VerdictOf(Meaning::kAbsent), Verdict::kAbsent);
  EXPECT_EQ(VerdictOf(Meaning::kDenied), Verdict::kDenied);
  EXPECT_EQ(VerdictOf(Meaning::kUnsupported), Verdict::kUnsupported);
  EXPECT_EQ(VerdictOf(Meaning::kGone), Verdict::kGone);
  EXPECT_EQ(VerdictOf(Meaning::kRejected), Verdict::kRejected);
  EXPECT_EQ(VerdictOf(Meaning::kFailed), Verdict::kFailed);
}

}  // namespace
}  // namespace sluice::redirect
