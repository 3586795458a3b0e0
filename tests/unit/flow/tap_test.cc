// SPDX-License-Identifier: Apache-2.0
//
// A tap through a whole engine: it hears what was received, whatever becomes of it, and nobody
// waits for it.
#include "sluice/tap.h"

#include <array>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/base/mutex.h"
#include "tests/contract/stream.h"
#include "tests/unit/runtime/proxy_fixture.h"

namespace sluice::runtime {
namespace {

using contract::ReceiveOnce;
using contract::SendAll;
using metrics::Counter;

struct Heard {
  Address client;
  Address destination;
  int opens = 0;
  int ends = 0;
  std::array<std::uint64_t, 2> offset{};
  std::array<std::uint64_t, 2> missed{};
  std::array<std::uint64_t, 2> told{};
  std::array<std::uint64_t, 2> all{};
  std::array<std::string, 2> text;  // its beginning
};

// Remembers; can be held up and be made to throw.
class Recorder final : public Tap {
 public:
  void OnRecord(const TapRecord& record) override {
    MutexLock lock(mutex_);
    ++records_;
    while (held_) released_.wait(mutex_);
    Heard& flow = flows_[record.flow];
    if (record.kind == TapRecord::Kind::kOpen) {
      ++flow.opens;
      flow.client = record.client;
      flow.destination = record.destination;
    } else if (record.kind == TapRecord::Kind::kEnd) {
      ++flow.ends;
      flow.all = {record.bytes_up, record.bytes_down};
    } else {
      const auto side = static_cast<std::size_t>(record.direction);
      EXPECT_EQ(record.offset, flow.offset[side] + record.missed);
      flow.offset[side] = record.offset + record.bytes.size();
      flow.missed[side] += record.missed;
      flow.told[side] += record.bytes.size();
      if (flow.text[side].size() < 64)
        flow.text[side].append(record.bytes.data(), record.bytes.size());
      const auto* bytes = reinterpret_cast<const std::byte*>(record.bytes.data());
      if (seeds_[side] != 0 &&
          !contract::PatternMatches(bytes, record.bytes.size(), seeds_[side], record.offset)) {
        intact_ = false;
      }
    }
    if (throws_) throw std::runtime_error("of the test");
  }

  void Hold(bool held) {
    const MutexLock lock(mutex_);
    held_ = held;
    released_.notify_all();
  }
  void Throw() {
    const MutexLock lock(mutex_);
    throws_ = true;
  }
  // The streams that are sent up and down.
  void Expect(std::uint64_t up, std::uint64_t down) {
    const MutexLock lock(mutex_);
    seeds_ = {up, down};
  }
  bool intact() {
    const MutexLock lock(mutex_);
    return intact_;
  }
  std::uint64_t records() {
    const MutexLock lock(mutex_);
    return records_;
  }
  std::map<std::uint64_t, Heard> flows() {
    const MutexLock lock(mutex_);
    return flows_;
  }
  Heard only() {
    const MutexLock lock(mutex_);
    EXPECT_LE(flows_.size(), 1u);
    return flows_.empty() ? Heard{} : flows_.begin()->second;
  }

 private:
  Mutex mutex_;
  Condition released_;
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
  bool throws_ ABSL_GUARDED_BY(mutex_) = false;
  bool intact_ ABSL_GUARDED_BY(mutex_) = true;
  std::uint64_t records_ ABSL_GUARDED_BY(mutex_) = 0;
  std::array<std::uint64_t, 2> seeds_ ABSL_GUARDED_BY(mutex_) = {};
  std::map<std::uint64_t, Heard> flows_ ABSL_GUARDED_BY(mutex_);
};

// Says the same of all bytes, or of all connections.
class Sayer final : public Inspector {
 public:
  Verdict open = Verdict::kPass;
  Verdict data = Verdict::kPass;
  Address destination;

  Verdict OnOpen(InspectedFlow&, OpenCall& call) override {
    if (!destination.empty()) call.SetDestination(destination);
    return open;
  }
  Verdict OnData(InspectedFlow&, Direction, Bytes&, DataCall& call) override {
    if (data == Verdict::kReplace) {
      EXPECT_TRUE(call.replacement().AppendCopy("else"));
    }
    return data;
  }
};

class TapTest : public ProxyTest {
 protected:
  void SetUp() override {
    ProxyTest::SetUp();
    options_.tap = &tap_;
  }

  // A failed test must not hold the engine up.
  void TearDown() override {
    tap_.Hold(false);
    ProxyTest::TearDown();
  }

  void Send(io::Socket& socket, const std::string& text) {
    ASSERT_TRUE(SendAll(loop_, loop_.port(), socket, text.data(), text.size()).ok());
  }
  std::string Receive(io::Socket& socket) {
    char buffer[64] = {};
    const Outcome outcome = ReceiveOnce(loop_, loop_.port(), socket, buffer, sizeof buffer);
    return outcome.ok() ? std::string(buffer, outcome.bytes) : outcome.error.ToString();
  }
  // Both ends end theirs.
  void Finish(Ends& ends) {
    ASSERT_TRUE(loop_.port().ShutdownSend(ends.client).ok());
    EXPECT_EQ(Receive(ends.origin), "");
    ASSERT_TRUE(loop_.port().ShutdownSend(ends.origin).ok());
    EXPECT_EQ(Receive(ends.client), "");
  }

  Recorder tap_;
  Sayer sayer_;
};

TEST_F(TapTest, HearsAConnectionFromOpenToEnd) {
  StartProxy();
  Ends& ends = Connect();
  Send(ends.client, "question");
  EXPECT_EQ(Receive(ends.origin), "question");
  Send(ends.origin, "answer");
  EXPECT_EQ(Receive(ends.client), "answer");
  Finish(ends);
  ASSERT_TRUE(Await(Counter::k_joined, 1));
  const Address client = ends.client.local();
  engine_->Stop(0);
  const Heard heard = tap_.only();
  EXPECT_EQ(heard.opens, 1);
  EXPECT_EQ(heard.ends, 1);
  EXPECT_EQ(heard.destination, origin_listener_.local());
  if (!client.empty()) {
    EXPECT_EQ(heard.client, client);
  }
  EXPECT_EQ(heard.text[0], "question");
  EXPECT_EQ(heard.text[1], "answer");
  EXPECT_EQ(heard.all[0], 8u);
  EXPECT_EQ(heard.all[1], 6u);
  const metrics::Snapshot counts = engine_->Metrics();
  EXPECT_EQ(counts[Counter::k_bytes_tapped], 14u);
  EXPECT_EQ(counts[Counter::k_bytes_untapped], 0u);
  EXPECT_EQ(counts[Counter::k_records_untapped], 0u);
  EXPECT_EQ(counts[Counter::k_bytes_copied], 0u) << "counted apart";
  EXPECT_EQ(counts[Counter::k_inspected], 0u) << "nobody inspects";
}

// Much of it, and whole: what goes by pipe nobody hears.
TEST_F(TapTest, HearsAllOfABulkTransferAndNothingIsSpliced) {
  constexpr std::uint64_t kBytes = std::uint64_t{8} << 20;
  options_.tap_bytes_max = std::size_t{64} << 20;
  tap_.Expect(1, 2);
  RelayBothWays(kBytes, 1 << 20);
  engine_->Stop(0);
  const Heard heard = tap_.only();
  EXPECT_TRUE(tap_.intact());
  EXPECT_EQ(heard.told[0], kBytes);
  EXPECT_EQ(heard.told[1], kBytes);
  EXPECT_EQ(engine_->Metrics()[Counter::k_bytes_spliced], 0u);
  EXPECT_EQ(engine_->Metrics()[Counter::k_bytes_tapped], 2 * kBytes);
}

// It does not return at all until everything was relayed and the engine is about to stop.
TEST_F(TapTest, ABlockedTapDelaysNobodyAndIsToldWhatItMissed) {
  constexpr std::uint64_t kBytes = std::uint64_t{8} << 20;
  options_.tap_bytes_max = 1 << 18;
  tap_.Hold(true);
  tap_.Expect(1, 2);
  RelayBothWays(kBytes, 1 << 20);
  ASSERT_TRUE(Eventually([&] { return tap_.records() == 1; }));
  const metrics::Snapshot counts = engine_->Metrics();
  EXPECT_EQ(counts[Counter::k_bytes_up] + counts[Counter::k_bytes_down],
            counts[Counter::k_bytes_tapped] + counts[Counter::k_bytes_untapped]);
  EXPECT_LE(counts[Counter::k_bytes_tapped], options_.tap_bytes_max);
  EXPECT_GT(counts[Counter::k_bytes_tapped], options_.tap_bytes_max / 2);
  tap_.Hold(false);
  engine_->Stop(0);
  const Heard heard = tap_.only();
  EXPECT_TRUE(tap_.intact());
  EXPECT_EQ(heard.ends, 1);
  EXPECT_EQ(heard.told[0] + heard.told[1], counts[Counter::k_bytes_tapped]);
  EXPECT_EQ(heard.all[0], kBytes);
  EXPECT_EQ(heard.all[1], kBytes);
}

// Once there is room it hears on, and how much there was between.
TEST_F(TapTest, HearsOnBehindWhatItMissed) {
  constexpr std::uint64_t kBytes = std::uint64_t{1} << 20;
  options_.tap_bytes_max = 1 << 16;
  tap_.Hold(true);
  StartProxy();
  Ends& ends = Connect();
  contract::StreamSender sender(1, kBytes, 1 << 20);
  contract::StreamReader reader(1, 1 << 16);
  sender.Start(loop_.port(), ends.client);
  reader.Start(loop_.port(), ends.origin);
  ASSERT_TRUE(loop_.RunUntil([&] { return reader.received() == kBytes; }));
  const std::uint64_t missed = engine_->Metrics()[Counter::k_bytes_untapped];
  EXPECT_GT(missed, 0u);
  const std::uint64_t written = engine_->Metrics()[Counter::k_bytes_tapped];
  tap_.Hold(false);
  ASSERT_TRUE(Eventually([&] { return tap_.only().told[0] == written; }));
  Send(ends.client, "more");
  ASSERT_TRUE(Eventually([&] { return tap_.only().told[0] == written + 4; }));
  EXPECT_EQ(tap_.only().missed[0], missed);
  EXPECT_EQ(tap_.only().offset[0], kBytes + 4);
  EXPECT_EQ(engine_->Metrics()[Counter::k_bytes_untapped], missed);
  ASSERT_TRUE(loop_.port().ShutdownSend(ends.client).ok());
  ASSERT_TRUE(loop_.RunUntil([&] { return reader.ended(); }));
}

TEST_F(TapTest, HearsWhatCameAndNotWhatAnInspectorMadeOfIt) {
  options_.inspector = &sayer_;
  sayer_.data = Verdict::kReplace;
  StartProxy();
  Ends& ends = Connect();
  Send(ends.client, "original");
  EXPECT_EQ(Receive(ends.origin), "else");
  Finish(ends);
  ASSERT_TRUE(Await(Counter::k_joined, 1));
  engine_->Stop(0);
  EXPECT_EQ(tap_.only().text[0], "original");
}

TEST_F(TapTest, ADetachedFlowStaysTapped) {
  options_.inspector = &sayer_;
  sayer_.data = Verdict::kDetach;
  StartProxy();
  Ends& ends = Connect();
  Send(ends.client, "first");
  EXPECT_EQ(Receive(ends.origin), "first");
  ASSERT_TRUE(Await(Counter::k_detached, 1));
  Send(ends.client, "second");
  EXPECT_EQ(Receive(ends.origin), "second");
  Send(ends.origin, "back");
  EXPECT_EQ(Receive(ends.client), "back");
  Finish(ends);
  ASSERT_TRUE(Await(Counter::k_joined, 1));
  engine_->Stop(0);
  const Heard heard = tap_.only();
  EXPECT_EQ(heard.text[0], "firstsecond");
  EXPECT_EQ(heard.text[1], "back");
  EXPECT_EQ(heard.ends, 1);
}

TEST_F(TapTest, AFlowThatIsDetachedWhenOpenedStaysTapped) {
  options_.inspector = &sayer_;
  sayer_.open = Verdict::kDetach;
  StartProxy();
  Ends& ends = Connect();
  Send(ends.client, "first");
  EXPECT_EQ(Receive(ends.origin), "first");
  Finish(ends);
  ASSERT_TRUE(Await(Counter::k_joined, 1));
  engine_->Stop(0);
  EXPECT_EQ(tap_.only().text[0], "first");
}

TEST_F(TapTest, HearsWhereAConnectionGoes) {
  options_.inspector = &sayer_;
  sayer_.destination = origin_listener_.local();
  MakeRuntime();
  // Its upstream is nowhere; the inspector knows better.
  engine_ = MakeEngine(Address::Loopback(Family::kV4, 1));
  ASSERT_TRUE(engine_->Start().ok());
  Connect();
  engine_->Stop(0);
  EXPECT_EQ(tap_.only().destination, origin_listener_.local());
  EXPECT_EQ(tap_.only().ends, 1);
}

TEST_F(TapTest, ARefusedConnectionIsNotHeardOf) {
  options_.inspector = &sayer_;
  sayer_.open = Verdict::kReset;
  StartProxy();
  Ends& ends = ConnectClient(engine_->addresses()[0]);
  EXPECT_TRUE(ClientSeesReset(ends));
  ASSERT_TRUE(Await(Counter::k_joined, 1));
  engine_->Stop(0);
  EXPECT_TRUE(tap_.flows().empty());
  EXPECT_EQ(engine_->Metrics()[Counter::k_records_untapped], 0u);
}

TEST_F(TapTest, WhatItThrowsEndsThere) {
  tap_.Throw();
  StartProxy();
  Ends& ends = Connect();
  Send(ends.client, "question");
  EXPECT_EQ(Receive(ends.origin), "question");
  Finish(ends);
  ASSERT_TRUE(Await(Counter::k_joined, 1));
  engine_->Stop(0);
  EXPECT_EQ(engine_->Metrics()[Counter::k_tap_threw], 3u);
  EXPECT_EQ(tap_.only().ends, 1);
}

TEST_F(TapTest, ManyFlowsOnTwoWorkers) {
  StartProxy(2);
  constexpr std::size_t kFlows = 24;
  constexpr int kPieces = 20;
  for (std::size_t i = 0; i < kFlows; ++i) Connect();
  for (int piece = 0; piece < kPieces; ++piece) {
    for (const auto& ends : ends_) Send(ends->client, "0123456789");
    for (const auto& ends : ends_) EXPECT_EQ(Receive(ends->origin), "0123456789");
  }
  engine_->Stop(0);
  EXPECT_EQ(engine_->Metrics()[Counter::k_bytes_tapped], kFlows * kPieces * 10);
  const auto flows = tap_.flows();
  EXPECT_EQ(flows.size(), kFlows);
  for (const auto& [id, heard] : flows) {
    EXPECT_EQ(heard.opens, 1);
    EXPECT_EQ(heard.ends, 1);
    EXPECT_EQ(heard.told[0], kPieces * 10u);
  }
}

// No thread: what was said is told in the turns, and the rest when the engine stops.
TEST_F(TapTest, ACallerDrivenRuntimeTellsInItsTurns) {
  caller_driven_ = true;
  StartProxy();
  Ends& ends = ConnectClient(engine_->addresses()[0]);
  contract::Accept accept;
  loop_.port().Accept(accept, origin_listener_);
  ASSERT_TRUE(Driven([&] { return accept.arrived(); }));
  ASSERT_TRUE(loop_.port().Adopt(ends.origin, accept.Take()).ok());
  Send(ends.client, "question");
  ASSERT_TRUE(Driven([&] { return tap_.flows().size() == 1 && tap_.only().told[0] == 8; }));
  engine_->Stop(0);
  EXPECT_EQ(tap_.only().ends, 1);
  EXPECT_EQ(tap_.only().text[0], "question");
}

TEST_F(TapTest, ARingTooSmallIsRefused) {
  options_.tap_bytes_max = 4095;
  MakeRuntime();
  EngineOptions options;
  options.listen = options_.listen;
  options.tap = options_.tap;
  options.tap_bytes_max = 4095;
  options.redirector = std::make_unique<redirect::NoneRedirector>(origin_listener_.local());
  const auto engine = Engine::Create(*runtime_, std::move(options));
  EXPECT_EQ(engine.status().message(), "tap_bytes_max: must be at least 4096 bytes");
}

}  // namespace
}  // namespace sluice::runtime
