// SPDX-License-Identifier: Apache-2.0
//
// The verb `doctor`, on a system without the redirect platform: Linux, or Wine.
#if !defined(_WIN32)

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/wire/program.h"

namespace sluice::wire {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr Duration kLimit(60000);

int CountOf(const std::string& text, const std::string& part) {
  int count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

TEST(DoctorTest, SaysThatTheRealPlatformIsMissingAndTheEmulatedOneWorks) {
  Program doctor(Program::Sluice({"doctor"}));
  EXPECT_EQ(doctor.Wait(kLimit), 1) << doctor.out() << doctor.err();
  EXPECT_THAT(doctor.out(), HasSubstr("emulation: available"));
  if (UnderWine()) {
    EXPECT_THAT(doctor.out(), HasSubstr("this is Wine"));
    EXPECT_THAT(doctor.out(), HasSubstr("v4 records query: call 10045"));
    EXPECT_THAT(doctor.out(), HasSubstr("v4 SET of a malformed blob: call 10045"));
    EXPECT_THAT(doctor.out(), HasSubstr("the engine would refuse to arm"));
  } else {
    EXPECT_THAT(doctor.out(), HasSubstr("io_uring is available"));
    EXPECT_THAT(doctor.out(), HasSubstr("not present on this system"));
  }
}

// What lacks only the real platform must pass for somebody who wants the emulated one. Warnings
// depend on the machine.
TEST(DoctorTest, ForTheEmulatedPlatformTheRealOneIsNotNeeded) {
  Program doctor(Program::Sluice({"doctor", "--platform", "emulated"}));
  EXPECT_NE(doctor.Wait(kLimit), -1);
  EXPECT_THAT(doctor.out(), HasSubstr("0 fatal"));
  EXPECT_THAT(doctor.out(), Not(HasSubstr("fatal    ")));
}

TEST(DoctorTest, JsonIsOneDocument) {
  Program doctor(
      Program::Sluice({"doctor", "--json", "--listen", "127.0.0.1:0", "--listen", "[::1]:0"}));
  EXPECT_EQ(doctor.Wait(kLimit), 1);
  const std::string out = doctor.out();
  EXPECT_THAT(out, StartsWith("{\n"));
  EXPECT_THAT(out, EndsWith("\n}\n"));
  EXPECT_EQ(CountOf(out, "\"schema\""), 1);
  EXPECT_EQ(CountOf(out, "\"can_bind\": true"), 2);
  EXPECT_THAT(out, HasSubstr("\"works\": true"));
  EXPECT_THAT(out, HasSubstr(UnderWine() ? "\"platform\": \"wine\"" : "\"platform\": \"linux\""));
}

TEST(DoctorTest, AListenerInUseIsFatalAndAnotherMachinesReachIsAWarning) {
  Program echo(Program::Sluice({"echo", "--listen", "127.0.0.1:0"}));
  const std::string address = echo.ListeningOn();
  ASSERT_NE(address, "");
  Program doctor(
      Program::Sluice({"doctor", "--platform", "emulated", "--listen", address, "--listen", ":0"}));
  EXPECT_EQ(doctor.Wait(kLimit), 1);
  EXPECT_THAT(doctor.out(), HasSubstr("fatal    listen: cannot listen on " + address));
  EXPECT_THAT(doctor.out(), HasSubstr("warning  listen: 0.0.0.0:0 is not a loopback address"));
}

// Sixteen questions, each labelled with where the answer comes from.
TEST(DoctorTest, AcceptanceAnswersEveryQuestionWithALabel) {
  Program doctor(
      Program::Sluice({"doctor", "--acceptance", "--attach", "suite=no-such-file.json"}));
  EXPECT_EQ(doctor.Wait(kLimit), 0);
  const std::string out = doctor.out();
  EXPECT_EQ(CountOf(out, "\"id\": \"Q"), 16);
  EXPECT_EQ(CountOf(out, UnderWine() ? "\"label\": \"wine\"" : "\"label\": \"linux\""), 18);
  EXPECT_EQ(CountOf(out, "\"status\": \"answered\""), 0) << "nothing here can answer";
  EXPECT_THAT(out, HasSubstr("cannot be read"));
}

TEST(DoctorTest, BadUsageEndsWith64) {
  const std::vector<std::vector<std::string>> attempts = {
      {"doctor", "--listen", "localhost:1"},
      {"doctor", "--platform", "wfp"},
      {"doctor", "--attach", "suite=file.json"},
      {"doctor", "--acceptance", "--attach", "file.json"}};
  for (const std::vector<std::string>& words : attempts) {
    Program doctor(Program::Sluice(words));
    EXPECT_EQ(doctor.Wait(kLimit), 64) << words.back();
    EXPECT_EQ(doctor.out(), "");
  }
}

}  // namespace
}  // namespace sluice::wire

#endif
