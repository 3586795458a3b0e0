// SPDX-License-Identifier: Apache-2.0
//
// T01 to T22 and T27 to T29: the two queries, each row in every way a control can be asked for and
// under every value of the knobs it depends on. T23 to T26 are the engine's: growth_test.cc.
#include <string>

#include "engine/redirect/normalise.h"
#include "tests/redirect/rig.h"

namespace sluice::emulated {
namespace {

using redirect::kQueryRedirectContext;
using redirect::kQueryRedirectRecords;
using redirect::Meaning;

class QueryTest : public WayTest {};
SLUICE_ALL_WAYS(QueryTest);

constexpr AbsentCode kAbsentCodes[] = {AbsentCode::kNotFound, AbsentCode::kFwpNotFound,
                                       AbsentCode::kSuccessEmpty};
constexpr TooSmall kTooSmall[] = {TooSmall::kBufferTooSmall, TooSmall::kLiteral122,
                                  TooSmall::kInvalid, TooSmall::kBufferOverflow};

::testing::AssertionResult IsAbsent(const Answer& answer, AbsentCode code) {
  if (answer.bytes != 0) return ::testing::AssertionFailure() << answer.bytes << " bytes";
  switch (code) {
    case AbsentCode::kNotFound:
      return FailsWith(answer, 10022, 1168);
    case AbsentCode::kFwpNotFound:
      return FailsWith(answer, 0x80320008, 0x80320008);
    case AbsentCode::kSuccessEmpty:
      return FailsWith(answer, 0, 0);
  }
  return ::testing::AssertionFailure();
}

::testing::AssertionResult IsTooSmall(const Answer& answer, TooSmall code, std::uint32_t need) {
  if (answer.bytes != need)
    return ::testing::AssertionFailure() << answer.bytes << " bytes, not " << need;
  switch (code) {
    case TooSmall::kBufferTooSmall:
      return FailsWith(answer, 10014, 122);
    case TooSmall::kLiteral122:
      return FailsWith(answer, 122, 122);
    case TooSmall::kInvalid:
      return FailsWith(answer, 10022, 87);
    case TooSmall::kBufferOverflow:
      return FailsWith(answer, 10040, 234);
  }
  return ::testing::AssertionFailure();
}

Outcome OutcomeOf(const Answer& answer) {
  return Outcome{answer.bytes, OsError{io::CodeOfWindowsNumber(answer.number),
                                       static_cast<std::int32_t>(answer.number)}};
}

TEST(CodesTest, T01_Values) {
  EXPECT_EQ(redirect::kQueryRedirectRecords, 0x980000DCu);
  EXPECT_EQ(redirect::kQueryRedirectContext, 0x980000DDu);
  EXPECT_EQ(redirect::kSetRedirectRecords, 0x980000DEu);
  EXPECT_EQ(redirect::kOptionRedirectRecords, 60);
  EXPECT_EQ(redirect::kOptionRedirectContext, 70);
  EXPECT_EQ(redirect::kOptionOriginalDestination, 0x300F);
}

TEST_P(QueryTest, T02_RecordsOfOneHop) {
  for (const std::uint32_t pad : {64U, 552U}) {
    Knobs knobs;
    knobs.record_pad = pad;
    Rig rig(GetParam(), knobs);
    const Link link = rig.ConnectApplication();
    std::string blob(4096, '\0');
    const Answer answer = rig.QueryRecords(*link.accepted, &blob);
    EXPECT_TRUE(answer.ok()) << answer.number;
    EXPECT_GT(answer.bytes, 0u);
    EXPECT_LE(answer.bytes, 4096u);
  }
}

TEST_P(QueryTest, T03_ContextBytes) {
  RigOptions options;
  options.way = GetParam();
  options.context = "0123456789abcdef0123456789ABCDEF";
  Rig rig(options);
  const Link link = rig.ConnectApplication();
  std::string context(512, '\0');
  const Answer answer = rig.QueryContext(*link.accepted, &context);
  EXPECT_TRUE(answer.ok()) << answer.number;
  EXPECT_EQ(answer.bytes, 32u);
  EXPECT_EQ(context.substr(0, 32), options.context);
  std::string blob(1024, '\0');
  EXPECT_EQ(rig.QueryRecords(*link.accepted, &blob).bytes, 592u);
}

TEST_P(QueryTest, T04_RepeatableInAnyOrder) {
  Rig rig(GetParam());
  const Link link = rig.ConnectApplication();
  std::string first(512, '\1');
  std::string again(512, '\2');
  const Answer before = rig.QueryContext(*link.accepted, &first);
  const std::string blob = rig.BlobOf(*link.accepted);
  EXPECT_EQ(rig.BlobOf(*link.accepted), blob);
  const Answer after = rig.QueryContext(*link.accepted, &again);
  ASSERT_TRUE(before.ok());
  ASSERT_TRUE(after.ok());
  EXPECT_EQ(first.substr(0, before.bytes), again.substr(0, after.bytes));
}

TEST_P(QueryTest, T05_ContextOfTheNewestHop) {
  RigOptions options;
  options.way = GetParam();
  options.context = "context of A";
  Rig rig(options);
  const Link link = rig.ConnectThroughTwo();
  std::string context(512, '\0');
  const Answer answer = rig.QueryContext(*link.accepted, &context);
  ASSERT_TRUE(answer.ok());
  // B attaches the engine's own layout.
  EXPECT_EQ(answer.bytes, 64u);
  EXPECT_EQ(context.substr(0, 4), "SLCX");
}

TEST_P(QueryTest, T06_T07_DirectClient) {
  for (const AbsentCode code : kAbsentCodes) {
    Knobs knobs;
    knobs.absent_code = code;
    Rig rig(GetParam(), knobs);
    const Link link = rig.ConnectDirectly();
    std::string buffer(4096, '\x5A');
    EXPECT_TRUE(IsAbsent(rig.QueryRecords(*link.accepted, &buffer), code));
    EXPECT_TRUE(IsAbsent(rig.QueryContext(*link.accepted, &buffer), code));
    EXPECT_EQ(buffer, std::string(4096, '\x5A'));
  }
}

TEST_P(QueryTest, T08_NoContext) {
  for (const AbsentCode code : kAbsentCodes) {
    RigOptions options;
    options.way = GetParam();
    options.knobs.absent_code = code;
    options.personality = Personality::kNoContext;
    Rig rig(options);
    const Link link = rig.ConnectApplication();
    EXPECT_FALSE(rig.BlobOf(*link.accepted).empty());
    std::string buffer(512, '\0');
    EXPECT_TRUE(IsAbsent(rig.QueryContext(*link.accepted, &buffer), code));
  }
}

TEST_P(QueryTest, T09_WaitingNeverHelps) {
  Knobs knobs;
  knobs.strip_tag = 1.0;
  Rig rig(GetParam(), knobs);
  const Link link = rig.ConnectApplication();
  std::string buffer(1024, '\0');
  EXPECT_TRUE(IsAbsent(rig.QueryContext(*link.accepted, &buffer), AbsentCode::kNotFound));
  for (const int wait_ms : {5, 25, 100}) {
    rig.RunFor(wait_ms * kMillisecond);
    EXPECT_TRUE(IsAbsent(rig.QueryContext(*link.accepted, &buffer), AbsentCode::kNotFound));
  }
}

TEST_P(QueryTest, T10_CreatedAndBound) {
  for (const bool invalid : {false, true}) {
    Knobs knobs;
    knobs.unconnected_is_invalid = invalid;
    Rig rig(GetParam(), knobs);
    io::Socket& socket = rig.Open(rig.proxy_port(), Family::kV4);
    std::string buffer(512, '\0');
    for (int bound = 0; bound < 2; ++bound) {
      for (const std::uint32_t code : {kQueryRedirectRecords, kQueryRedirectContext}) {
        const Answer answer = rig.Ask(socket, code, nullptr, 0, buffer.data(), buffer.size());
        EXPECT_TRUE(FailsWith(answer, invalid ? 10022 : 10057, invalid ? 87 : 59));
      }
      if (bound == 0) {
        ASSERT_TRUE(rig.proxy_port().Bind(socket, Address::Loopback(Family::kV4, 0)).ok());
      }
    }
  }
}

TEST_P(QueryTest, T11_ConnectedNotRedirected) {
  RigOptions options;
  options.way = GetParam();
  options.with_vendor = false;
  Rig rig(options);
  const Link link = rig.ConnectApplication();
  std::string buffer(512, '\0');
  for (io::Socket* socket : {link.client, link.accepted}) {
    EXPECT_TRUE(FailsWith(rig.QueryRecords(*socket, &buffer), 10022, 1168));
    EXPECT_TRUE(FailsWith(rig.QueryContext(*socket, &buffer), 10022, 1168));
  }
}

TEST_P(QueryTest, T12_Listener) {
  for (const bool invalid : {false, true}) {
    Knobs knobs;
    knobs.unconnected_is_invalid = invalid;
    Rig rig(GetParam(), knobs);
    std::string buffer(512, '\0');
    EXPECT_TRUE(FailsWith(rig.QueryRecords(rig.listener(), &buffer), invalid ? 10022 : 10057,
                          invalid ? 87 : 59));
  }
}

// A port refuses to start an operation on a closed socket, so this row asks the platform itself.
TEST(QueryOnceTest, T13_ClosedHandle) {
  Rig rig;
  io::ControlRequest request;
  request.socket = 0x7FFFFFF0;
  request.code = kQueryRedirectRecords;
  std::string buffer(512, '\0');
  request.out = buffer.data();
  request.out_size = 512;
  io::ControlReply reply;
  EXPECT_EQ(rig.platform->process()->Control(request, &reply), io::ControlAnswer::kDone);
  EXPECT_EQ(io::WinsockNumber(reply.status), 10038u);
  EXPECT_EQ(reply.information, 0u);
}

TEST_P(QueryTest, T14_CapacityThree) {
  for (const bool as_too_small : {false, true}) {
    for (const TooSmall code : kTooSmall) {
      Knobs knobs;
      knobs.tiny_is_too_small = as_too_small;
      knobs.too_small = code;
      Rig rig(GetParam(), knobs);
      const Link link = rig.ConnectApplication();
      std::string buffer(3, '\x5A');
      const Answer answer = rig.QueryRecords(*link.accepted, &buffer);
      if (as_too_small) {
        EXPECT_TRUE(IsTooSmall(answer, code, 592));
      } else {
        EXPECT_TRUE(FailsWith(answer, 10022, 87));
        EXPECT_EQ(answer.bytes, 0u);
      }
      EXPECT_EQ(buffer, std::string(3, '\x5A'));
    }
  }
}

TEST_P(QueryTest, T15_T16_TooSmall) {
  for (const bool report : {false, true}) {
    for (const TooSmall code : kTooSmall) {
      Knobs knobs;
      knobs.report_need = report;
      knobs.too_small = code;
      Rig rig(GetParam(), knobs);
      const Link link = rig.ConnectApplication();
      const auto need = static_cast<std::uint32_t>(rig.BlobOf(*link.accepted).size());
      for (const std::size_t capacity : {std::size_t{4}, std::size_t{need - 1}}) {
        std::string buffer(capacity, '\x5A');
        const Answer answer = rig.QueryRecords(*link.accepted, &buffer);
        EXPECT_TRUE(IsTooSmall(answer, code, report ? need : 0));
        EXPECT_EQ(buffer, std::string(capacity, '\x5A'));
        // 10022 without a size cannot be told from "absent"; everything else can.
        const redirect::QueryMeaning meaning =
            redirect::NormaliseQuery(OutcomeOf(answer), static_cast<std::uint32_t>(capacity));
        if (code == TooSmall::kInvalid && !report) {
          EXPECT_EQ(meaning.meaning, Meaning::kAbsent);
          EXPECT_TRUE(meaning.ambiguous);
        } else {
          EXPECT_EQ(meaning.meaning, Meaning::kGrow);
        }
      }
    }
  }
}

TEST_P(QueryTest, T17_T18_ExactAndLarger) {
  for (const bool scramble : {false, true}) {
    Knobs knobs;
    knobs.scramble = scramble;
    Rig rig(GetParam(), knobs);
    const Link link = rig.ConnectApplication();
    const std::string blob = rig.BlobOf(*link.accepted);
    std::string exact(blob.size(), '\0');
    EXPECT_EQ(rig.QueryRecords(*link.accepted, &exact).bytes, blob.size());
    EXPECT_EQ(exact, blob);
    std::string larger(blob.size() + 100, '\x5A');
    EXPECT_EQ(rig.QueryRecords(*link.accepted, &larger).bytes, blob.size());
    EXPECT_EQ(larger, blob + std::string(100, '\x5A'));
  }
}

TEST_P(QueryTest, T19_ZeroProbe) {
  for (const ZeroProbe probe :
       {ZeroProbe::kAsTooSmall, ZeroProbe::kSuccessWithNeed, ZeroProbe::kNotFound}) {
    for (const TooSmall code : kTooSmall) {
      Knobs knobs;
      knobs.zero_probe = probe;
      knobs.too_small = code;
      Rig rig(GetParam(), knobs);
      const Link link = rig.ConnectApplication();
      const auto need = static_cast<std::uint32_t>(rig.BlobOf(*link.accepted).size());
      const Answer answer = rig.Ask(*link.accepted, kQueryRedirectRecords, nullptr, 0, nullptr, 0);
      switch (probe) {
        case ZeroProbe::kAsTooSmall:
          EXPECT_TRUE(IsTooSmall(answer, code, need));
          break;
        case ZeroProbe::kSuccessWithNeed:
          EXPECT_TRUE(answer.ok());
          EXPECT_EQ(answer.bytes, need);
          EXPECT_EQ(redirect::NormaliseQuery(OutcomeOf(answer), 0).capacity, need);
          break;
        case ZeroProbe::kNotFound:
          EXPECT_TRUE(FailsWith(answer, 10022, 1168));
          break;
      }
    }
  }
}

TEST_P(QueryTest, T20_ZeroProbeWithoutRecord) {
  for (const ZeroProbe probe :
       {ZeroProbe::kAsTooSmall, ZeroProbe::kSuccessWithNeed, ZeroProbe::kNotFound}) {
    Knobs knobs;
    knobs.zero_probe = probe;
    Rig rig(GetParam(), knobs);
    const Link link = rig.ConnectDirectly();
    const Answer answer = rig.Ask(*link.accepted, kQueryRedirectRecords, nullptr, 0, nullptr, 0);
    EXPECT_TRUE(IsAbsent(answer, AbsentCode::kNotFound));
  }
}

TEST_P(QueryTest, T21_NullPointer) {
  Rig rig(GetParam());
  const Link link = rig.ConnectApplication();
  for (const std::uint32_t code : {kQueryRedirectRecords, kQueryRedirectContext}) {
    EXPECT_TRUE(FailsWith(rig.Ask(*link.accepted, code, nullptr, 0, nullptr, 512), 10014, 998));
  }
}

TEST_P(QueryTest, T22_InputIsIgnored) {
  Rig rig(GetParam());
  const Link link = rig.ConnectApplication();
  const std::string blob = rig.BlobOf(*link.accepted);
  std::string buffer(4096, '\0');
  const char input[] = "nobody reads this";
  const Answer answer =
      rig.Ask(*link.accepted, kQueryRedirectRecords, input, sizeof(input), buffer.data(), 4096);
  EXPECT_TRUE(answer.ok());
  EXPECT_EQ(buffer.substr(0, answer.bytes), blob);
}

// The same answer for a layered provider (T27) and for AF_UNIX (T29), which no port here can open:
// the endpoint is marked instead.
TEST_P(QueryTest, T27_T29_ProviderWithoutTheCodes) {
  Rig rig(GetParam());
  const Link link = rig.ConnectApplication();
  rig.machine().Visit(link.accepted->native(),
                      [](Endpoint& endpoint) { endpoint.provider_has_codes = false; });
  std::string buffer(512, '\0');
  const Answer answer = rig.QueryRecords(*link.accepted, &buffer);
  EXPECT_TRUE(FailsWith(answer, 10045, 50));
  EXPECT_EQ(redirect::NormaliseQuery(OutcomeOf(answer), 512).meaning, Meaning::kUnsupported);
  EXPECT_TRUE(FailsWith(rig.SetRecords(*link.accepted, "x"), 10045, 50));
}

TEST_P(QueryTest, T28_SuccessWithNothing) {
  Knobs knobs;
  knobs.absent_code = AbsentCode::kSuccessEmpty;
  Rig rig(GetParam(), knobs);
  const Link link = rig.ConnectDirectly();
  std::string buffer(512, '\0');
  const Answer answer = rig.QueryRecords(*link.accepted, &buffer);
  EXPECT_TRUE(answer.ok());
  EXPECT_EQ(redirect::NormaliseQuery(OutcomeOf(answer), 512).meaning, Meaning::kEmpty);
}

TEST_P(QueryTest, QueriesNeedElevationUnderTheKnob) {
  RigOptions options;
  options.way = GetParam();
  options.knobs.query_requires_admin = true;
  options.proxy.elevated = false;
  Rig rig(options);
  const Link link = rig.ConnectApplication();
  std::string buffer(512, '\0');
  EXPECT_TRUE(FailsWith(rig.QueryRecords(*link.accepted, &buffer), 10013, 5));
  EXPECT_TRUE(FailsWith(rig.QueryContext(*link.accepted, &buffer), 10013, 5));
}

}  // namespace
}  // namespace sluice::emulated
