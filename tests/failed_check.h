// SPDX-License-Identifier: Apache-2.0
//
// SLUICE_EXPECT_FAILED_CHECK(statement, text): the statement ends the program by a SLUICE_CHECK
// with `text`, nothing special to a regular expression, in its condition.
//
// On Linux it is GoogleTest's test for death. On Windows that starts the program once more, and
// under Wine a program was once seen to end there without a word. There the statement runs on a
// thread of its own, and a check that fails holds that thread until the program ends, so nothing is
// unwound: the statement must own what it leaves in disorder, and what it counts stays counted.
#ifndef SLUICE_TESTS_FAILED_CHECK_H_
#define SLUICE_TESTS_FAILED_CHECK_H_

#include "gtest/gtest.h"

#if defined(_WIN32)

#include <functional>
#include <string>

namespace sluice {

// The condition of the check that `statement` failed, "" if it failed none.
std::string FailedCheckOf(std::function<void()> statement);

}  // namespace sluice

#define SLUICE_EXPECT_FAILED_CHECK(statement, text) \
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, text, ::sluice::FailedCheckOf([&] { statement; }))

#else

#define SLUICE_EXPECT_FAILED_CHECK(statement, text) EXPECT_DEATH(statement, "check failed: .*" text)

#endif

#endif  // SLUICE_TESTS_FAILED_CHECK_H_
