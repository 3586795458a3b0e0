// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/admission.h"

#include <atomic>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace sluice::runtime {
namespace {

using Answer = Admission::Answer;

Address Parsed(const char* text) { return *Address::Parse(text); }

TEST(AdmissionTest, FlowsAreCountedAndBounded) {
  Admission admission(AdmissionLimits{.flows_max = 2});
  const Address client = Parsed("192.0.2.1:1000");
  EXPECT_EQ(admission.Enter(client), Answer::kAdmitted);
  EXPECT_EQ(admission.Enter(client), Answer::kAdmitted);
  EXPECT_EQ(admission.Enter(client), Answer::kTooManyFlows);
  EXPECT_EQ(admission.flows(), 2u);
  admission.Leave(client);
  EXPECT_EQ(admission.Enter(client), Answer::kAdmitted);
}

TEST(AdmissionTest, NoLimitIsNone) {
  Admission admission(AdmissionLimits{});
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(admission.Enter(Parsed("192.0.2.1:1000")), Answer::kAdmitted);
  }
  EXPECT_EQ(admission.flows(), 1000u);
}

// A source is an address, whatever its TCP port and however it is spelled.
TEST(AdmissionTest, ASourceIsAnAddress) {
  Admission admission(AdmissionLimits{.flows_per_source_max = 2});
  EXPECT_EQ(admission.Enter(Parsed("192.0.2.1:1000")), Answer::kAdmitted);
  EXPECT_EQ(admission.Enter(Parsed("[::ffff:192.0.2.1]:1001")), Answer::kAdmitted);
  EXPECT_EQ(admission.Enter(Parsed("192.0.2.1:1002")), Answer::kTooManyOfSource);
  EXPECT_EQ(admission.Enter(Parsed("192.0.2.2:1000")), Answer::kAdmitted);
  EXPECT_EQ(admission.Enter(Parsed("[2001:db8::1]:1000")), Answer::kAdmitted);
  // Who is refused for its source is no flow either.
  EXPECT_EQ(admission.flows(), 4u);
  admission.Leave(Parsed("192.0.2.1:1000"));
  EXPECT_EQ(admission.Enter(Parsed("192.0.2.1:1002")), Answer::kAdmitted);
}

// A table that kept addresses without flows would grow with every client there ever was.
TEST(AdmissionTest, OnlySourcesWithFlowsAreKept) {
  SourceCounts counts(1);
  for (std::uint8_t i = 0; i < 200; ++i) {
    const Address client = Address::V4({10, 0, 0, i}, 1);
    EXPECT_TRUE(counts.Enter(client));
    EXPECT_FALSE(counts.Enter(client));
  }
  EXPECT_EQ(counts.sources(), 200u);
  for (std::uint8_t i = 0; i < 200; ++i) counts.Leave(Address::V4({10, 0, 0, i}, 2));
  EXPECT_EQ(counts.sources(), 0u);
}

// Accepted on one thread, ended on others.
TEST(AdmissionTest, CountsAreExactOverThreads) {
  Admission admission(AdmissionLimits{.flows_max = 64, .flows_per_source_max = 8});
  std::atomic<int> most{0};
  std::vector<std::thread> threads;
  for (std::uint8_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const Address own = Address::V4({10, 0, 1, t}, 1);
      for (int i = 0; i < 5000; ++i) {
        int entered = 0;
        while (admission.Enter(own) == Answer::kAdmitted) ++entered;
        if (entered > most.load()) most.store(entered);
        while (entered-- > 0) admission.Leave(own);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(most.load(), 8);
  EXPECT_EQ(admission.flows(), 0u);
}

}  // namespace
}  // namespace sluice::runtime
