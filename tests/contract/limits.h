// SPDX-License-Identifier: Apache-2.0
//
// Limits: the one place where this suite knows that backends differ. A test that needs something a
// backend (or Wine below it) cannot do says so with SLUICE_NEEDS and is skipped with the reason in
// the report.
#ifndef SLUICE_TESTS_CONTRACT_LIMITS_H_
#define SLUICE_TESTS_CONTRACT_LIMITS_H_

#include "gtest/gtest.h"

namespace sluice::contract {

enum class Ability {
  kThreads,           // ports are run by real threads, several at a time
  kReusePort,         // ListenOptions::reuse_port
  kRemembersReset,    // an RST that comes while no receive waits is told to the next one
  kTellsOfLateReset,  // WasReset knows of an RST that came behind a FIN
  kPipes,             // OpenPipe
  kFailedChecks       // a check can be seen to fail (tests/failed_check.h)
};

// Null when the backend has it, otherwise why it has not. Any thread.
const char* WhyNot(Ability ability);

// True under Wine: slower, and not Windows (windows-notes.md, 2).
bool UnderWine();

// How often a test that counts rounds goes round: fewer where a system call is a message to a
// server.
int Rounds(int native);

}  // namespace sluice::contract

#define SLUICE_NEEDS(ability) \
  if (const char* why_not = ::sluice::contract::WhyNot(ability)) GTEST_SKIP() << why_not

#endif  // SLUICE_TESTS_CONTRACT_LIMITS_H_
