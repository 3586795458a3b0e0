// SPDX-License-Identifier: Apache-2.0
//
// T23 to T26, T28, T90: how the engine's query grows its buffers, and when it stops. Every way of
// answering, every number that "too small" may have.
#include <string>

#include "engine/redirect/wfp/wfp_redirector.h"
#include "tests/redirect/rig.h"
#include "tests/redirect/runs.h"

namespace sluice::emulated {
namespace {

using redirect::Meaning;
using redirect::Verdict;
using redirect::WfpCounters;
using redirect::WfpOptions;
using redirect::WfpRedirector;

constexpr TooSmall kTooSmall[] = {TooSmall::kBufferTooSmall, TooSmall::kLiteral122,
                                  TooSmall::kInvalid, TooSmall::kBufferOverflow};

std::uint64_t Count(const WfpCounters::PerMeaning& counts, Meaning meaning) {
  return counts[static_cast<std::size_t>(meaning)];
}

// A port knows no synchronous calls, so three ways are left.
class GrowthTest : public WayTest {};
INSTANTIATE_TEST_SUITE_P(Ways, GrowthTest,
                         ::testing::Values(Way::kInline, Way::kPend, Way::kRandom), WayParamName);

TEST_P(GrowthTest, T23_TwoHopsGrowOnce) {
  for (const TooSmall code : kTooSmall) {
    Knobs knobs;
    knobs.too_small = code;
    Rig rig(GetParam(), knobs);
    const Link link = rig.ConnectThroughTwo();
    WfpOptions options;
    options.records_first = 1024;
    WfpRedirector redirector(std::move(options));
    QueryRun run;
    EXPECT_EQ(Query(rig, redirector, run, *link.accepted), Verdict::kOk);
    EXPECT_EQ(run.op.records().size(), 1144u);
    EXPECT_EQ(run.op.origin().destination, rig.destination());
    const WfpCounters counters = redirector.counters();
    EXPECT_EQ(Count(counters.records, Meaning::kGrow), 1u);
    EXPECT_EQ(Count(counters.records, Meaning::kOk), 1u);
    EXPECT_EQ(counters.largest_records, 1144u);
    EXPECT_EQ(counters.confirmations, 0u);
  }
}

TEST_P(GrowthTest, T24_FortyThousandBytes) {
  for (const bool report : {true, false}) {
    for (const TooSmall code : kTooSmall) {
      Knobs knobs;
      knobs.record_pad = 40000;
      knobs.report_need = report;
      knobs.too_small = code;
      Rig rig(GetParam(), knobs);
      const Link link = rig.ConnectApplication();
      WfpRedirector redirector;
      QueryRun run;
      EXPECT_EQ(Query(rig, redirector, run, *link.accepted), Verdict::kOk);
      EXPECT_GT(run.op.records().size(), 40000u);
      EXPECT_EQ(run.op.records().capacity(), redirect::kReplyMax);
      const WfpCounters counters = redirector.counters();
      const std::uint64_t tries =
          Count(counters.records, Meaning::kGrow) + Count(counters.records, Meaning::kAbsent);
      // With the size reported one step is enough; doubling from 4 KiB takes four; 10022 without a
      // size is confirmed once at the cap.
      EXPECT_EQ(tries, report || code == TooSmall::kInvalid ? 1u : 4u);
    }
  }
}

TEST_P(GrowthTest, T25_BeyondTheCap) {
  for (const bool report : {true, false}) {
    for (const TooSmall code : kTooSmall) {
      Knobs knobs;
      knobs.record_pad = 70000;
      knobs.report_need = report;
      knobs.too_small = code;
      Rig rig(GetParam(), knobs);
      const Link link = rig.ConnectApplication();
      WfpRedirector redirector;
      QueryRun run;
      const Verdict verdict = Query(rig, redirector, run, *link.accepted);
      // A 10022 without a size at the cap says "absent", which fails closed as well.
      EXPECT_EQ(verdict,
                code == TooSmall::kInvalid && !report ? Verdict::kAbsent : Verdict::kFailed);
      EXPECT_FALSE(run.op.records());
      // The context was to be had, and is kept until Reset.
      EXPECT_EQ(rig.buffers.live(), 1u);
      run.op.Reset();
      EXPECT_EQ(rig.buffers.live(), 0u);
      const WfpCounters counters = redirector.counters();
      std::uint64_t calls = 0;
      for (const std::uint64_t count : counters.records) calls += count;
      EXPECT_LE(calls, 5u);
    }
  }
}

// The documented variant: 10022 and no size for "too small". One query at 64 KiB tells it from
// "absent", and there is no third.
TEST_P(GrowthTest, T26_AmbiguousNumberIsConfirmedOnce) {
  Knobs knobs;
  knobs.too_small = TooSmall::kInvalid;
  knobs.report_need = false;
  knobs.record_pad = 6000;
  Rig rig(GetParam(), knobs);
  const Link link = rig.ConnectApplication();
  WfpRedirector redirector;
  QueryRun run;
  EXPECT_EQ(Query(rig, redirector, run, *link.accepted), Verdict::kOk);
  EXPECT_EQ(redirector.counters().confirmations, 1u);
  EXPECT_EQ(Count(redirector.counters().records, Meaning::kAbsent), 1u);
  EXPECT_EQ(Count(redirector.counters().records, Meaning::kOk), 1u);
  run.op.Reset();

  const Link direct = rig.ConnectDirectly();
  WfpRedirector fresh;
  const std::uint64_t before = rig.platform->statistics().queries_records;
  EXPECT_EQ(Query(rig, fresh, run, *direct.accepted), Verdict::kAbsent);
  const std::uint64_t calls = rig.platform->statistics().queries_records - before;
  // By packet NOT_FOUND has a number of its own and needs no confirming.
  if (GetParam() == Way::kInline) {
    EXPECT_EQ(calls, 2u);
  } else {
    EXPECT_LE(calls, 2u);
  }
  EXPECT_LE(fresh.counters().confirmations, 1u);
  EXPECT_EQ(fresh.counters().not_redirected, 1u);
}

TEST_P(GrowthTest, T28_EmptyIsAbsent) {
  Knobs knobs;
  knobs.absent_code = AbsentCode::kSuccessEmpty;
  Rig rig(GetParam(), knobs);
  const Link link = rig.ConnectDirectly();
  WfpRedirector redirector;
  QueryRun run;
  EXPECT_EQ(Query(rig, redirector, run, *link.accepted), Verdict::kAbsent);
  EXPECT_EQ(Count(redirector.counters().records, Meaning::kEmpty), 1u);
  EXPECT_FALSE(run.op.records());
}

// A codec that takes whatever it is given, to see that every byte arrived.
class Taker final : public redirect::ContextCodec {
 public:
  explicit Taker(std::string* seen) : seen_(seen) {}
  const char* name() const override { return "taker"; }
  std::optional<redirect::Origin> Decode(absl::Span<const std::byte> bytes) const override {
    seen_->assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return redirect::Origin{Address::Loopback(Family::kV4, 9), Address(), 0};
  }
  std::string Encode(const redirect::Origin&) const override { return std::string(); }

 private:
  std::string* const seen_;
};

TEST_P(GrowthTest, T90_BigContext) {
  for (const TooSmall code : kTooSmall) {
    for (const bool report : {true, false}) {
      RigOptions rig_options;
      rig_options.way = GetParam();
      rig_options.knobs.too_small = code;
      rig_options.knobs.report_need = report;
      rig_options.personality = Personality::kBigContext;
      Rig rig(rig_options);
      const Link link = rig.ConnectApplication();
      std::string seen;
      WfpOptions options;
      options.codecs = redirect::ContextCodecs();
      options.codecs.Add(std::make_unique<Taker>(&seen));
      WfpRedirector redirector(std::move(options));
      QueryRun run;
      EXPECT_EQ(Query(rig, redirector, run, *link.accepted), Verdict::kOk);
      ASSERT_EQ(seen.size(), 4096u);
      for (std::size_t i = 0; i < seen.size(); ++i)
        ASSERT_EQ(seen[i], static_cast<char>(i * 7 & 0x7F)) << i;
      run.op.Reset();
    }
  }
}

// Pooled buffers: a second connection makes none.
TEST_P(GrowthTest, BuffersAreReused) {
  Knobs knobs;
  knobs.record_pad = 6000;
  Rig rig(GetParam(), knobs);
  WfpRedirector redirector;
  std::size_t made = 0;
  for (int i = 0; i < 5; ++i) {
    const Link link = rig.ConnectApplication();
    QueryRun run;
    EXPECT_EQ(Query(rig, redirector, run, *link.accepted), Verdict::kOk);
    EXPECT_EQ(rig.buffers.live(), 2u);  // the records and the context, until Reset
    if (i == 1) made = rig.buffers.made();
  }
  EXPECT_EQ(rig.buffers.made(), made);
}

}  // namespace
}  // namespace sluice::emulated
