// SPDX-License-Identifier: Apache-2.0
#include "engine/base/outcome.h"

#include <set>
#include <string>
#include <type_traits>

#include "gtest/gtest.h"

namespace sluice {
namespace {

static_assert(std::is_trivially_copyable_v<Outcome>,
              "an outcome travels by value, without allocation");

TEST(OutcomeTest, DefaultIsSuccessOfNothing) {
  const Outcome outcome;
  EXPECT_TRUE(outcome.ok());
  EXPECT_EQ(outcome.bytes, 0u);
  EXPECT_EQ(outcome.error.raw, 0);
}

TEST(OutcomeTest, DoneAndFailed) {
  const Outcome done = Outcome::Done(17);
  EXPECT_TRUE(done.ok());
  EXPECT_EQ(done.bytes, 17u);
  const Outcome failed = Outcome::Failed(ErrorCode::kReset, 104);
  EXPECT_FALSE(failed.ok());
  EXPECT_EQ(failed.bytes, 0u);
  EXPECT_EQ(failed.error.code, ErrorCode::kReset);
  EXPECT_EQ(failed.error.raw, 104);
}

// The code decides, not the number: a code without a number is still a failure, and 0 is a number
// some platform may hand out.
TEST(OutcomeTest, CodeDecides) {
  EXPECT_FALSE((OsError{ErrorCode::kOther, 0}).ok());
  EXPECT_TRUE((OsError{ErrorCode::kNone, 5}).ok());
}

// Every code has a text of its own; one that shares another's, or has none, makes a log line lie.
TEST(OutcomeTest, EveryCodeHasItsOwnText) {
  std::set<std::string> texts;
  int codes = 0;
#define SLUICE_X(name, text)                                             \
  EXPECT_STREQ(ErrorText(ErrorCode::name), text);                        \
  EXPECT_TRUE(texts.insert(ErrorText(ErrorCode::name)).second) << #name; \
  ++codes;
  SLUICE_ERROR_CODES(SLUICE_X)
#undef SLUICE_X
  EXPECT_EQ(texts.size(), static_cast<std::size_t>(codes));
  EXPECT_STREQ(ErrorText(static_cast<ErrorCode>(255)), "unknown error");
}

TEST(OutcomeTest, TextNamesTheSystemsNumber) {
  EXPECT_EQ((OsError{ErrorCode::kRefused, 111}).ToString(), "connection refused (os error 111)");
  EXPECT_EQ(OsError{}.ToString(), "no error");
}

}  // namespace
}  // namespace sluice
