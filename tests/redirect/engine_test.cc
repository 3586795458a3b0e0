// SPDX-License-Identifier: Apache-2.0
//
// T94 to T103 and T111: whole engines behind the emulated platform, on threads of their own, with
// real connections. The rig is the outside: applications, the origin, the vendors' driver.
#include <cstdlib>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/redirect/context_layouts.h"
#include "engine/redirect/wfp/wfp_redirector.h"
#include "engine/runtime/engine.h"
#include "gmock/gmock.h"
#include "tests/redirect/chain_rig.h"
#include "tests/redirect/runs.h"

namespace sluice::emulated {
namespace {

using metrics::Counter;
using redirect::Verdict;
using redirect::WfpRedirector;

class EngineTest : public WayTest {};
INSTANTIATE_TEST_SUITE_P(Ways, EngineTest,
                         ::testing::Values(Way::kInline, Way::kPend, Way::kRandom), WayParamName);

TEST_P(EngineTest, ChainsOfOneToSixVendors) {
  for (const std::size_t vendors : {1U, 2U, 3U, 6U}) {
    Chain chain(GetParam(), Knobs(), 2);
    for (std::size_t i = 0; i < vendors; ++i) chain.Add();
    constexpr int kConnections = 3;
    for (int i = 0; i < kConnections; ++i) {
      io::Socket& client = chain.Client(chain.rig.destination());
      ASSERT_TRUE(chain.rig.Send(client, "there and"));
      io::Socket* origin = chain.rig.Accept(chain.rig.origin());
      ASSERT_NE(origin, nullptr);
      EXPECT_EQ(chain.rig.Receive(*origin), "there and");
      ASSERT_TRUE(chain.rig.Send(*origin, "back again"));
      EXPECT_EQ(chain.rig.Receive(client), "back again");
      chain.rig.Close(client);
      chain.rig.Close(*origin);
    }
    const Statistics statistics = chain.rig.platform->statistics();
    EXPECT_EQ(statistics.redirected, vendors * kConnections);
    EXPECT_EQ(statistics.connects, (vendors + 1) * kConnections);
    EXPECT_EQ(statistics.sets, vendors * kConnections);
    EXPECT_EQ(statistics.delivered, vendors * kConnections);
    for (std::size_t i = 0; i < vendors; ++i) {
      EXPECT_EQ(chain.Counted(i, Counter::k_connected), static_cast<std::uint64_t>(kConnections));
      EXPECT_GE(chain.redirector(i).counters().largest_records, 40 + 552 * (i + 1));
    }
    chain.Stop();
  }
}

// Every knob that a good chain must not depend on, one value at a time.
std::vector<Knobs> OneKnobAtATime() {
  std::vector<Knobs> all;
  const auto with = [&all](const std::function<void(Knobs&)>& change) {
    change(all.emplace_back());
  };
  for (const TooSmall code :
       {TooSmall::kLiteral122, TooSmall::kInvalid, TooSmall::kBufferOverflow}) {
    for (const bool report : {true, false}) {
      with([&](Knobs& knobs) {
        knobs.too_small = code;
        knobs.report_need = report;
        knobs.record_pad = 4096;  // so that buffers must grow
      });
    }
  }
  with([](Knobs& knobs) { knobs.absent_code = AbsentCode::kFwpNotFound; });
  with([](Knobs& knobs) { knobs.absent_code = AbsentCode::kSuccessEmpty; });
  with([](Knobs& knobs) { knobs.zero_probe = ZeroProbe::kSuccessWithNeed; });
  with([](Knobs& knobs) { knobs.unconnected_is_invalid = true; });
  with([](Knobs& knobs) { knobs.set_after_bind = SetAfterBind::kIgnored; });
  with([](Knobs& knobs) { knobs.set_after_bind = SetAfterBind::kInvalid; });
  with([](Knobs& knobs) { knobs.set_late_is_ignored = true; });
  with([](Knobs& knobs) { knobs.set_empty_clears = true; });
  with([](Knobs& knobs) { knobs.query_requires_admin = true; });
  with([](Knobs& knobs) { knobs.client_side_query = true; });
  with([](Knobs& knobs) { knobs.deliver_inherited = true; });
  with([](Knobs& knobs) { knobs.record_pad = 64; });
  with([](Knobs& knobs) { knobs.record_pad = 20000; });
  with([](Knobs& knobs) { knobs.scramble = true; });
  return all;
}

// T67, T68, T115 and T116 with engines in the proxies' places.
TEST_P(EngineTest, AChainUnderEveryKnob) {
  for (const Knobs& knobs : OneKnobAtATime()) {
    Chain chain(GetParam(), knobs);
    chain.Add();
    chain.Add();
    io::Socket& client = chain.Client(chain.rig.destination());
    ASSERT_TRUE(chain.rig.Send(client, "payload"));
    io::Socket* origin = chain.rig.Accept(chain.rig.origin());
    ASSERT_NE(origin, nullptr);
    EXPECT_EQ(chain.rig.Receive(*origin), "payload");
    EXPECT_EQ(chain.rig.platform->statistics().redirected, 2u);
    EXPECT_EQ(chain.rig.platform->statistics().connects, 3u);
  }
}

TEST_P(EngineTest, T94_EveryTagStripped) {
  LogCapture log;
  Knobs knobs;
  knobs.strip_tag = 1.0;
  Chain chain(GetParam(), knobs);
  chain.Add();
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(chain.IsCut(chain.rig.destination()));
  EXPECT_EQ(chain.Counted(0, Counter::k_closed_not_redirected), 20u);
  EXPECT_EQ(chain.redirector(0).counters().not_redirected, 20u);
  EXPECT_EQ(chain.rig.platform->statistics().stripped, 20u);
  chain.Stop();
  EXPECT_THAT(log.text(), ::testing::HasSubstr("packet capture"));
}

TEST_P(EngineTest, T95_ForeignContextAtOurListener) {
  Chain chain(GetParam());
  VendorOptions vendor;
  vendor.make_context = [](const ClassifyValues&) { return std::string("somebody else's bytes"); };
  chain.Add(vendor);
  EXPECT_TRUE(chain.IsCut(chain.rig.destination()));
  EXPECT_TRUE(chain.Await(0, Counter::k_joined, 1));
  EXPECT_EQ(chain.Counted(0, Counter::k_closed_bad_context), 1u);
  EXPECT_EQ(chain.rig.platform->statistics().connects, 1u) << "nothing was connected";
}

TEST_P(EngineTest, T96_ContextNamesOurListener) {
  Chain chain(GetParam());
  // Known only after the engine listens, so the context is made from a place that is filled then.
  auto own = std::make_shared<Address>();
  for (const bool mapped : {false, true}) {
    VendorOptions vendor;
    vendor.destinations = {Address::V4({203, 0, 113, 1}, mapped ? 2 : 1)};
    vendor.make_context = [own](const ClassifyValues&) {
      return redirect::SluiceContext().Encode(redirect::Origin{*own, Address(), 1});
    };
    runtime::Engine& engine = chain.Add(vendor);
    *own = engine.addresses()[0];
    if (mapped) *own = *Address::Parse(absl::StrCat("[::ffff:127.0.0.1]:", own->tcp_port()));
    EXPECT_TRUE(chain.IsCut(vendor.destinations[0]));
    const std::size_t index = chain.engines.size() - 1;
    EXPECT_TRUE(chain.Await(index, Counter::k_joined, 1));
    EXPECT_EQ(chain.Counted(index, Counter::k_closed_loop_guard), 1u);
  }
  EXPECT_EQ(chain.rig.platform->statistics().connects, 2u);
}

// The half of the row that can be seen everywhere: a handle that no port has adopted yet answers.
TEST_P(EngineTest, T97_QueryBeforeTheSocketIsAdopted) {
  RigOptions options;
  options.way = Way::kSync;
  Rig rig(options);
  io::Socket& client = rig.Open(rig.app_port(), Family::kV4);
  ASSERT_TRUE(rig.Connect(client, rig.destination()).ok());
  io::AcceptOp accept;
  bool done = false;
  accept.Bind(&done, [](void* flag, Outcome) { *static_cast<bool*>(flag) = true; });
  rig.proxy_port().Accept(accept, rig.listener());
  ASSERT_TRUE(rig.RunUntil([&] { return done; }));
  const io::AcceptedSocket accepted = accept.Take();
  std::string blob(4096, '\0');
  io::ControlRequest request;
  request.socket = accepted.handle;
  request.code = redirect::kQueryRedirectRecords;
  request.out = blob.data();
  request.out_size = 4096;
  io::ControlReply reply;
  EXPECT_EQ(rig.platform->process()->Control(request, &reply), io::ControlAnswer::kDone);
  EXPECT_EQ(reply.status, io::kStatusSuccess);
  EXPECT_EQ(reply.information, 592u);
  io::Port::Discard(accepted, rig.platform->process());
}

TEST_P(EngineTest, T98_LocalAddressIsTheListeners) {
  Rig rig(GetParam());
  const Link link = rig.ConnectApplication();
  EXPECT_EQ(link.accepted->local(), rig.listener().local());
  EXPECT_EQ(link.client->local().tcp_port(), link.accepted->peer().tcp_port());
}

TEST_P(EngineTest, T99_QueryAfterAReset) {
  Rig rig(GetParam());
  const Link link = rig.ConnectApplication();
  rig.app_port().Abort(*link.client);
  ASSERT_TRUE(rig.RunUntil([&] { return link.client->is_joined(); }));
  rig.RunFor(10 * kMillisecond);
  WfpRedirector redirector;
  QueryRun query;
  const Verdict verdict = Query(rig, redirector, query, *link.accepted);
  EXPECT_TRUE(verdict == Verdict::kOk || verdict == Verdict::kGone)
      << redirect::VerdictText(verdict);
  query.op.Reset();
}

TEST_P(EngineTest, T100_OnwardRefused) {
  Chain chain(GetParam());
  chain.Add();
  io::Socket& gone = chain.rig.Listen(chain.rig.app_port(), Family::kV4);
  const Address nobody = gone.local();
  chain.rig.Close(gone);
  EXPECT_TRUE(chain.IsCut(nobody));
  EXPECT_TRUE(chain.Await(0, Counter::k_joined, 1));
  EXPECT_EQ(chain.rig.platform->statistics().sets, 1u);
  EXPECT_EQ(chain.Counted(0, Counter::k_closed_connect_failed), 1u);
}

// The engine does not race candidates yet; the redirector is ready for who does: each candidate
// gets a SET of its own before any connects, and the blob is shared.
TEST_P(EngineTest, T101_TwoCandidates) {
  if (GetParam() == Way::kSync) return;
  Rig rig(GetParam());
  const Link link = rig.ConnectApplication();
  WfpRedirector redirector;
  QueryRun query;
  ASSERT_EQ(Query(rig, redirector, query, *link.accepted), Verdict::kOk);
  io::Socket& v6 = rig.Open(rig.proxy_port(), Family::kV6);
  io::Socket& v4 = rig.Open(rig.proxy_port(), Family::kV4);
  CarryRun first;
  CarryRun second;
  redirector.Carry(first.op, rig.worker(), v6, query.op);
  redirector.Carry(second.op, rig.worker(), v4, query.op);
  query.op.Reset();
  EXPECT_EQ(rig.buffers.live(), 1u);
  ASSERT_TRUE(rig.RunUntil([&] { return first.done() && second.done(); }));
  EXPECT_EQ(first.op.verdict(), Verdict::kOk);
  EXPECT_EQ(second.op.verdict(), Verdict::kOk);
  EXPECT_EQ(rig.buffers.live(), 0u);
  EXPECT_EQ(rig.Installed(v6), 1u);
  ASSERT_TRUE(rig.Connect(v4, rig.destination()).ok());
  rig.Close(v6);
  ASSERT_NE(rig.Accept(rig.origin()), nullptr);
  EXPECT_EQ(rig.platform->statistics().redirected, 1u);
}

TEST_P(EngineTest, T102_SetDeniedMidRun) {
  Knobs knobs;
  knobs.set_requires_admin = false;
  ProcessOptions process;
  process.elevated = false;
  Chain chain(GetParam(), knobs, process);
  chain.Add();
  io::Socket& client = chain.Client(chain.rig.destination());
  ASSERT_NE(chain.rig.Accept(chain.rig.origin()), nullptr);
  chain.rig.Close(client);
  Knobs denied = chain.rig.platform->knobs();
  denied.set_requires_admin = true;
  chain.rig.platform->SetKnobs(denied);
  const std::uint64_t connects = chain.rig.platform->statistics().connects;
  EXPECT_TRUE(chain.IsCut(chain.rig.destination()));
  EXPECT_TRUE(
      chain.rig.RunUntil([&] { return chain.Counted(0, Counter::k_closed_carry_failed) == 1; }));
  EXPECT_EQ(chain.rig.platform->statistics().connects, connects + 1) << "no onward connect";
}

// SLUICE_SOAK=100000 for the row's own number; fewer by default, so that a test run stays short.
// Round by round: nothing wrong, each control failing with one status after another (a change meets
// connections between their query and their SET, so that one fails too), records lost, blobs too
// big.
Knobs InjectedFailures(long round) {
  constexpr std::uint32_t kStatuses[] = {0xC0000001,
                                         io::kStatusAccessDenied,
                                         io::kStatusNotSupported,
                                         io::kStatusInvalidParameter,
                                         io::kStatusInsufficientResources,
                                         io::kStatusInvalidConnection};
  Knobs knobs;
  knobs.seed = static_cast<std::uint64_t>(round) + 1;
  knobs.completion = Completion::kRandom;
  switch (round % 4) {
    case 1:
      knobs.completion = Completion::kFailAfterPend;
      knobs.fail_status = kStatuses[static_cast<std::size_t>(round / 4) % std::size(kStatuses)];
      break;
    case 2:
      knobs.strip_tag = 0.5;
      break;
    case 3:
      knobs.record_pad = 40000;
      break;
    default:
      break;
  }
  return knobs;
}

TEST(EngineSoakTest, T103_AcceptAndCloseUntilItLeaks) {
  const char* soak = std::getenv("SLUICE_SOAK");
  const long connections = soak != nullptr ? std::atol(soak) : 2000;
  Chain chain(Way::kRandom, Knobs(), 2);
  chain.Add();
  chain.Add();
  struct One {
    io::Socket socket;
    io::ConnectOp connect;
    Rig* rig = nullptr;
    int* ended = nullptr;
    bool busy = false;
  };
  int ended = 0;
  long started = 0;
  std::vector<std::unique_ptr<One>> slots;
  for (int i = 0; i < 32; ++i) slots.push_back(std::make_unique<One>());
  const auto turn = [&] {
    for (const auto& slot : slots) {
      if (slot->busy || !slot->socket.is_joined() || started == connections) continue;
      ++started;
      if (started % 50 == 0) chain.rig.platform->SetKnobs(InjectedFailures(started / 50));
      slot->busy = true;
      slot->rig = &chain.rig;
      slot->ended = &ended;
      EXPECT_TRUE(chain.rig.app_port().Open(slot->socket, Family::kV4).ok());
      slot->connect.Bind(slot.get(), [](void* self, Outcome) {
        One& one = *static_cast<One*>(self);
        one.rig->app_port().Abort(one.socket);  // as early as it gets: queries are under way
        ++*one.ended;
        one.busy = false;
      });
      chain.rig.app_port().Connect(slot->connect, slot->socket, chain.rig.destination());
    }
    return ended == connections;
  };
  Instant last = Instant::Now();
  int last_ended = 0;
  while (!turn()) {
    chain.rig.app_port().RunOnce(Instant::Now() + kMillisecond);
    if (ended != last_ended) last = Instant::Now();
    last_ended = ended;
    ASSERT_LT(Instant::Now() - last, 20 * kSecond) << ended << " of " << connections;
  }
  for (const auto& slot : slots) {
    ASSERT_TRUE(chain.rig.RunUntil([&] { return slot->socket.is_joined(); }));
  }
  chain.rig.Close(chain.rig.origin());
  // Clients leave early, so which failure a flow still hears of is a matter of luck; in a long run
  // all of them are heard of.
  if (connections >= 20000) {
    EXPECT_GT(chain.Counted(0, Counter::k_closed_query_failed), 0u) << "no failure was injected";
    EXPECT_GT(chain.Counted(0, Counter::k_closed_not_redirected), 0u) << "no record was lost";
  }
  chain.Stop();
  // What was never accepted anywhere goes with the listeners; the rig's end checks that nothing is
  // left.
}

// Nothing pools onward connections, so two blobs can never share one.
TEST_P(EngineTest, T111_EachConnectionItsOwnOnward) {
  Chain chain(GetParam());
  chain.Add();
  io::Socket& one = chain.Client(chain.rig.destination());
  io::Socket& two = chain.Client(chain.rig.destination());
  io::Socket* first = chain.rig.Accept(chain.rig.origin());
  io::Socket* second = chain.rig.Accept(chain.rig.origin());
  ASSERT_NE(first, nullptr);
  ASSERT_NE(second, nullptr);
  EXPECT_NE(first->peer(), second->peer());
  EXPECT_NE(&one, &two);
}

}  // namespace
}  // namespace sluice::emulated
