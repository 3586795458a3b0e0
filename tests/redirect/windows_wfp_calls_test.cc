// SPDX-License-Identifier: Apache-2.0
//
// sluice/wfp.h as an embedder uses it: the blocking form and the completion routine, with the
// emulated platform behind the sockets.
#ifdef _WIN32

#include <string>
#include <thread>

#include "engine/io/windows/emulated_ioctl.h"
#include "sluice/wfp.h"
#include "tests/redirect/rig.h"

namespace sluice::wfp {
namespace {

using emulated::AbsentCode;
using emulated::Knobs;
using emulated::Link;
using emulated::Rig;
using emulated::RigOptions;
using emulated::TooSmall;
using emulated::Way;

constexpr std::uint32_t kRecordBytes = 592;
constexpr std::uint32_t kContextBytes = 64;

NativeSocket NumberOf(const io::Socket& socket) {
  return static_cast<NativeSocket>(socket.native());
}

// A socket of the rig as one that no completion port knows: what the routine form asks for.
NativeSocket Alone(Rig& rig, const io::Socket& socket) {
  io::RegisterEmulated(static_cast<SOCKET>(socket.native()),
                       io::EmulatedSocket{rig.platform->process(), nullptr, 0, false});
  return NumberOf(socket);
}

struct Heard {
  RoutineCall call{[](void* self, const Answer& given) {
                     auto* heard = static_cast<Heard*>(self);
                     EXPECT_TRUE(heard->call.idle());
                     ++heard->times;
                     heard->answer = given;
                   },
                   this};
  Answer answer;
  int times = 0;
};

// ---- Blocking ----

TEST(WindowsWfpCallsTest, BlockingWhateverThePlatformPrefers) {
  for (const Way way : {Way::kInline, Way::kPend, Way::kRandom}) {
    Rig rig(way);
    const Link link = rig.ConnectApplication();
    const NativeSocket accepted = NumberOf(*link.accepted);
    std::string out(4096, '\0');
    const Answer context = QueryContext(accepted, out.data(), 4096);
    EXPECT_TRUE(context.ok()) << context.error;
    EXPECT_EQ(context.bytes, kContextBytes);
    const Answer records = QueryRecords(accepted, out.data(), 4096);
    EXPECT_TRUE(records.ok()) << records.error;
    EXPECT_EQ(records.bytes, kRecordBytes);
    io::Socket& onward = rig.Open(rig.proxy_port(), Family::kV4);
    EXPECT_TRUE(SetRecords(NumberOf(onward), out.data(), records.bytes).ok());
    EXPECT_EQ(rig.Installed(onward), 1u);
    EXPECT_TRUE(rig.Connect(onward, rig.destination()).ok());
    EXPECT_NE(rig.Accept(rig.origin()), nullptr);
    EXPECT_EQ(rig.platform->statistics().redirected, 1u);
    EXPECT_EQ(rig.platform->statistics().pended, 0u);
  }
}

TEST(WindowsWfpCallsTest, BlockingFailures) {
  Rig rig;
  const Link link = rig.ConnectApplication();
  const Link direct = rig.ConnectDirectly();
  char out[8] = {};
  const Answer small = QueryRecords(NumberOf(*link.accepted), out, sizeof(out));
  EXPECT_EQ(small.error, 10014u);
  EXPECT_EQ(small.bytes, kRecordBytes);
  EXPECT_EQ(QueryRecords(NumberOf(*direct.accepted), out, sizeof(out)).error, 10022u);
  EXPECT_EQ(QueryContext(NumberOf(*direct.accepted), out, sizeof(out)).error, 10022u);
  io::Socket& onward = rig.Open(rig.proxy_port(), Family::kV4);
  EXPECT_EQ(SetRecords(NumberOf(onward), "junk", 4).error, 10022u);
  EXPECT_EQ(CarryRecords(NumberOf(onward), "junk"), Verdict::kRejected);
  // Nobody answers for it: the real WSAIoctl does.
  const SOCKET unknown = socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_EQ(QueryRecords(unknown, out, sizeof(out)).error, kNotSupported);
  EXPECT_EQ(ReadRecords(unknown).verdict, Verdict::kUnsupported);
  closesocket(unknown);
  EXPECT_EQ(QueryRecords(unknown, out, sizeof(out)).error, 10038u);
  EXPECT_EQ(ReadRecords(unknown).verdict, Verdict::kGone);
}

TEST(WindowsWfpCallsTest, ReadingGrowsToTheCap) {
  for (const TooSmall code : {TooSmall::kBufferTooSmall, TooSmall::kLiteral122, TooSmall::kInvalid,
                              TooSmall::kBufferOverflow}) {
    for (const bool report : {true, false}) {
      Knobs knobs;
      knobs.too_small = code;
      knobs.report_need = report;
      knobs.record_pad = 40000;
      Rig rig(Way::kInline, knobs);
      const Link link = rig.ConnectApplication();
      const Reply records = ReadRecords(NumberOf(*link.accepted));
      EXPECT_EQ(records.verdict, Verdict::kOk) << records.error;
      EXPECT_EQ(records.bytes, rig.BlobOf(*link.accepted));
      EXPECT_GT(records.bytes.size(), 40000u);
      EXPECT_EQ(ReadContext(NumberOf(*link.accepted)).bytes.size(), kContextBytes);
      io::Socket& onward = rig.Open(rig.proxy_port(), Family::kV4);
      EXPECT_EQ(CarryRecords(NumberOf(onward), records.bytes), Verdict::kOk);
      EXPECT_EQ(rig.Installed(onward), 1u);
    }
  }
}

TEST(WindowsWfpCallsTest, ReadingEnds) {
  Knobs knobs;
  knobs.record_pad = 70000;
  Rig beyond(Way::kInline, knobs);
  const Link huge = beyond.ConnectApplication();
  const Reply failed = ReadRecords(NumberOf(*huge.accepted));
  EXPECT_EQ(failed.verdict, Verdict::kFailed);
  EXPECT_TRUE(failed.bytes.empty());
  for (const AbsentCode code :
       {AbsentCode::kNotFound, AbsentCode::kFwpNotFound, AbsentCode::kSuccessEmpty}) {
    Knobs absent;
    absent.absent_code = code;
    Rig rig(Way::kInline, absent);
    const Link direct = rig.ConnectDirectly();
    EXPECT_EQ(ReadRecords(NumberOf(*direct.accepted)).verdict, Verdict::kAbsent);
    EXPECT_EQ(rig.platform->statistics().queries_records, code == AbsentCode::kNotFound ? 2u : 1u)
        << "10022 is confirmed once";
  }
}

TEST(WindowsWfpCallsTest, NotElevated) {
  RigOptions options;
  options.proxy.elevated = false;
  Rig rig(options);
  const Link link = rig.ConnectApplication();
  const Reply records = ReadRecords(NumberOf(*link.accepted));
  ASSERT_EQ(records.verdict, Verdict::kOk);
  io::Socket& onward = rig.Open(rig.proxy_port(), Family::kV4);
  EXPECT_EQ(CarryRecords(NumberOf(onward), records.bytes), Verdict::kDenied);
  EXPECT_EQ(SetRecords(NumberOf(onward), records.bytes.data(), kRecordBytes).error, 10013u);
}

TEST(WindowsWfpCallsTest, BaseSocket) {
  Rig rig;
  io::Socket& socket = rig.Open(rig.proxy_port(), Family::kV4);
  NativeSocket base = 0;
  const Answer answer = BaseSocket(NumberOf(socket), &base);
  EXPECT_TRUE(answer.ok()) << answer.error;
  EXPECT_EQ(base, NumberOf(socket)) << "no layer here";
  EXPECT_FALSE(BaseSocket(INVALID_SOCKET, &base).ok());
  EXPECT_EQ(base, static_cast<NativeSocket>(INVALID_SOCKET));
}

// ---- Completion routine ----

TEST(WindowsWfpCallsTest, RoutineRunsInAnAlertableWaitOnly) {
  for (const bool pend : {false, true}) {
    RigOptions options;
    options.way = pend ? Way::kPend : Way::kInline;
    options.manual_completion = true;
    Rig rig(options);
    const Link link = rig.ConnectApplication();
    const NativeSocket accepted = Alone(rig, *link.accepted);
    Heard records;
    Heard context;
    std::string blob(4096, '\0');
    char bytes[512];
    ASSERT_EQ(records.call.QueryRecords(accepted, blob.data(), 4096), 0u);
    ASSERT_EQ(context.call.QueryContext(accepted, bytes, sizeof(bytes)), 0u);
    EXPECT_FALSE(records.call.idle());
    EXPECT_EQ(rig.platform->CompletePended(), pend ? 2u : 0u);
    Sleep(10);
    EXPECT_EQ(records.times + context.times, 0) << "not before an alertable wait";
    std::thread([] { EXPECT_FALSE(RoutineCall::Wait(10)); }).join();
    EXPECT_EQ(records.times + context.times, 0) << "not on another thread";
    for (int i = 0; i < 10 && records.times + context.times < 2; ++i) RoutineCall::Wait(1000);
    EXPECT_EQ(records.times, 1);
    EXPECT_EQ(context.times, 1);
    EXPECT_TRUE(records.answer.ok()) << records.answer.error;
    EXPECT_EQ(records.answer.bytes, kRecordBytes);
    EXPECT_EQ(context.answer.bytes, kContextBytes);

    io::Socket& onward = rig.Open(rig.proxy_port(), Family::kV4);
    ASSERT_EQ(records.call.SetRecords(Alone(rig, onward), blob.data(), kRecordBytes), 0u);
    rig.platform->CompletePended();
    EXPECT_TRUE(RoutineCall::Wait(1000));
    EXPECT_EQ(records.times, 2);
    EXPECT_TRUE(records.answer.ok());
    EXPECT_EQ(rig.Installed(onward), 1u);
    EXPECT_FALSE(RoutineCall::Wait(10));
    EXPECT_EQ(records.times + context.times, 3);
  }
}

// Failed at once: the number, and no routine. Failed later: the routine.
TEST(WindowsWfpCallsTest, RoutineAndFailures) {
  for (const bool pend : {false, true}) {
    RigOptions options;
    options.way = pend ? Way::kPend : Way::kInline;
    options.manual_completion = true;
    Rig rig(options);
    const Link direct = rig.ConnectDirectly();
    Heard heard;
    char out[64];
    const std::uint32_t number =
        heard.call.QueryRecords(Alone(rig, *direct.accepted), out, sizeof(out));
    EXPECT_EQ(number, pend ? 0u : 10022u);
    EXPECT_EQ(heard.call.idle(), !pend);
    rig.platform->CompletePended();
    EXPECT_EQ(RoutineCall::Wait(pend ? 1000 : 10), pend);
    EXPECT_EQ(heard.times, pend ? 1 : 0);
    if (pend) {
      EXPECT_EQ(heard.answer.error, 10022u);
    }
    EXPECT_TRUE(heard.call.idle());
  }
}

TEST(WindowsWfpCallsTest, RoutineIsCancelled) {
  RigOptions options;
  options.way = Way::kPend;
  options.manual_completion = true;
  Rig rig(options);
  const Link link = rig.ConnectApplication();
  Heard heard;
  heard.call.Cancel();  // idle: nothing happens
  char out[1024];
  ASSERT_EQ(heard.call.QueryRecords(Alone(rig, *link.accepted), out, sizeof(out)), 0u);
  heard.call.Cancel();
  rig.platform->CompletePended();
  EXPECT_TRUE(RoutineCall::Wait(1000));
  EXPECT_EQ(heard.times, 1);
  EXPECT_EQ(heard.answer.error, 995u);
  EXPECT_EQ(rig.platform->pended(), 0u);
}

}  // namespace
}  // namespace sluice::wfp

#endif  // _WIN32
