// SPDX-License-Identifier: Apache-2.0
#include "tools/sluice/trace_report.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::tool {
namespace {

using emulated::TraceAction;
using emulated::TraceRecord;
using ::testing::HasSubstr;
using ::testing::Not;

const Address kDestination = Address::Loopback(Family::kV4, 80);
const Address kProxy = Address::Loopback(Family::kV4, 7001);

// A connect that `vendor` redirected, or, with vendor 0, one that went to the destination.
TraceRecord Connect(std::uint64_t application, std::uint64_t sequence, std::uint32_t hops,
                    emulated::VendorId vendor) {
  TraceRecord record;
  record.application = application;
  record.sequence = sequence;
  record.hops = hops;
  record.destination = kDestination;
  record.effective = vendor == 0 ? kDestination : kProxy;
  record.step_count = 1;
  record.steps[0].vendor = vendor;
  record.steps[0].action = vendor == 0 ? TraceAction::kPermit : TraceAction::kRedirect;
  return record;
}

TEST(TraceReportTest, AGoodChainReachesItsDestination) {
  const std::string report =
      TraceReport({Connect(1, 1, 0, 1), Connect(1, 2, 1, 2), Connect(1, 3, 2, 0)},
                  "line one\nline two\nline three\n", 1, kDestination);
  EXPECT_THAT(report,
              HasSubstr("trace: application connection 1\n  line one\n  line two\n  line three\n"));
  EXPECT_THAT(report,
              HasSubstr("reached the destination 127.0.0.1:80 after 2 redirections, no loop"));
}

TEST(TraceReportTest, RedirectedTwiceByOneVendorIsALoop) {
  const std::string report =
      TraceReport({Connect(1, 1, 0, 1), Connect(1, 2, 1, 1), Connect(1, 3, 2, 0)}, "a\nb\nc\n", 1,
                  kDestination);
  EXPECT_THAT(report, HasSubstr("LOOP"));
}

TEST(TraceReportTest, AWrongEndIsSaid) {
  EXPECT_THAT(TraceReport({Connect(1, 1, 0, 1)}, "a\n", 1, kDestination),
              HasSubstr("not the destination"));
  TraceRecord refused = Connect(1, 1, 0, 1);
  refused.refused = true;
  EXPECT_THAT(TraceReport({refused}, "a\n", 1, kDestination), HasSubstr("refused"));
}

TEST(TraceReportTest, OnlyTheFirstAreShownAndOnlyWholeOnes) {
  // Connection 1 has lost its first connect; 2 and 3 are whole and interleaved.
  const std::vector<TraceRecord> records = {Connect(1, 2, 1, 0), Connect(2, 3, 0, 1),
                                            Connect(3, 4, 0, 1), Connect(2, 5, 1, 0),
                                            Connect(3, 6, 1, 0)};
  const std::string report =
      TraceReport(records, "one\ntwo-a\ntwo-b\nthree-a\nthree-b\n", 1, kDestination);
  EXPECT_THAT(report, HasSubstr("two-a\n  two-b\n"));
  EXPECT_THAT(report, Not(HasSubstr("one\n")));
  EXPECT_THAT(report, Not(HasSubstr("three")));
}

TEST(TraceReportTest, FewerThanAskedForIsSaid) {
  EXPECT_THAT(TraceReport({}, "", 2, kDestination),
              HasSubstr("0 connections came, 2 were asked for"));
}

TEST(TraceReportTest, NoTracingCostsNoMemory) {
  EXPECT_EQ(TraceCapacity(0, 8), 0u);
  EXPECT_GT(TraceCapacity(1, 3), 4u);
}

}  // namespace
}  // namespace sluice::tool
