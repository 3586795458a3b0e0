// SPDX-License-Identifier: Apache-2.0
//
// sluice/wfp.h where no WFP is: every form says "not supported", and nothing else happens. The
// Windows forms are in windows_wfp_calls_test.cc.
#include "sluice/wfp.h"

#include <string>

#include "tests/redirect/rig.h"

namespace sluice::wfp {
namespace {

TEST(WfpCallsTest, Constants) {
  EXPECT_EQ(kQueryRecordsCode, 0x980000DCU);
  EXPECT_EQ(kQueryContextCode, 0x980000DDU);
  EXPECT_EQ(kSetRecordsCode, 0x980000DEU);
  EXPECT_STREQ(VerdictText(Verdict::kAbsent), "absent");
  EXPECT_STREQ(VerdictText(Verdict::kFailed), "failed");
}

#ifndef _WIN32

TEST(WfpCallsTest, UnsupportedHereEvenOnAnEmulatedSocket) {
  emulated::Rig rig;
  const emulated::Link link = rig.ConnectApplication();
  const auto accepted = static_cast<NativeSocket>(link.accepted->native());
  const auto onward = static_cast<NativeSocket>(rig.Open(rig.proxy_port(), Family::kV4).native());
  std::string out(64, 'x');
  for (const Answer& answer :
       {QueryRecords(accepted, out.data(), 64), QueryContext(accepted, out.data(), 64),
        SetRecords(onward, out.data(), 64)}) {
    EXPECT_FALSE(answer.ok());
    EXPECT_EQ(answer.error, kNotSupported);
    EXPECT_EQ(answer.bytes, 0u);
  }
  EXPECT_EQ(out, std::string(64, 'x'));
  EXPECT_EQ(ReadRecords(accepted).verdict, Verdict::kUnsupported);
  EXPECT_EQ(ReadContext(accepted).verdict, Verdict::kUnsupported);
  EXPECT_EQ(ReadRecords(accepted).error, kNotSupported);
  EXPECT_TRUE(ReadRecords(accepted).bytes.empty());
  EXPECT_EQ(CarryRecords(onward, out), Verdict::kUnsupported);
  EXPECT_EQ(CarryRecords(onward, std::string(kReplyMax + 1, 'x')), Verdict::kRejected);
  NativeSocket base = 0;
  EXPECT_EQ(BaseSocket(accepted, &base).error, kNotSupported);
  EXPECT_EQ(base, accepted);
  EXPECT_EQ(rig.platform->statistics().queries_records, 0u);
}

TEST(WfpCallsTest, NoRoutineEverRuns) {
  int calls = 0;
  RoutineCall call([](void* user, const Answer&) { ++*static_cast<int*>(user); }, &calls);
  std::string out(64, 'x');
  EXPECT_EQ(call.QueryRecords(1, out.data(), 64), kNotSupported);
  EXPECT_EQ(call.QueryContext(1, out.data(), 64), kNotSupported);
  EXPECT_EQ(call.SetRecords(1, out.data(), 64), kNotSupported);
  EXPECT_TRUE(call.idle());
  call.Cancel();
  EXPECT_FALSE(RoutineCall::Wait(0));
  EXPECT_EQ(calls, 0);
}

#endif  // !_WIN32

}  // namespace
}  // namespace sluice::wfp
