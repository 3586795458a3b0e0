// SPDX-License-Identifier: Apache-2.0
//
// Both sides of a tap without an engine: what is told, what is missed, and that the two add up.
#include <atomic>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "engine/base/prng.h"
#include "engine/inspect/tap_reader.h"
#include "engine/inspect/tap_writer.h"
#include "gtest/gtest.h"

namespace sluice::inspect {
namespace {

constexpr int kAll = 1 << 20;

// What it was told of one flow, and whether it was told right.
struct Heard {
  int opens = 0;
  int ends = 0;
  InspectedFlow flow;
  std::uint64_t offset[2] = {};
  std::uint64_t missed[2] = {};
  std::string bytes[2];
  std::uint64_t all[2] = {};
};

class Recorder final : public Tap {
 public:
  void OnRecord(const TapRecord& record) override {
    ++records;
    Heard& flow = flows[record.flow];
    EXPECT_EQ(flow.ends, 0);
    EXPECT_GT(record.time_ns, std::int64_t{1600000000} * kSecond);
    switch (record.kind) {
      case TapRecord::Kind::kOpen:
        ++flow.opens;
        flow.flow.listener = record.listener;
        flow.flow.client = record.client;
        flow.flow.destination = record.destination;
        return;
      case TapRecord::Kind::kData: {
        EXPECT_EQ(flow.opens, 1);
        const auto side = static_cast<std::size_t>(record.direction);
        EXPECT_FALSE(record.bytes.empty());
        EXPECT_EQ(record.offset, flow.offset[side] + record.missed);
        flow.missed[side] += record.missed;
        flow.offset[side] = record.offset + record.bytes.size();
        flow.bytes[side].append(record.bytes.data(), record.bytes.size());
        return;
      }
      case TapRecord::Kind::kEnd:
        EXPECT_EQ(flow.opens, 1);
        ++flow.ends;
        flow.all[0] = record.bytes_up;
        flow.all[1] = record.bytes_down;
        return;
    }
  }

  int records = 0;
  std::map<std::uint64_t, Heard> flows;
};

struct TestFlow {
  InspectedFlow flow;
  Tapped tapped;
};

class TapTest : public ::testing::Test {
 protected:
  explicit TapTest(std::size_t bytes = TapRing::kBytesMin)
      : ring_(reader_.AddRing(bytes)),
        writer_(ring_, this, [](void* self) { ++static_cast<TapTest*>(self)->wakes_; }) {}

  std::unique_ptr<TestFlow> MakeFlow() {
    auto flow = std::make_unique<TestFlow>();
    flow->flow.id = ++last_id_;
    flow->flow.listener = 3;
    flow->flow.client = Address::Loopback(Family::kV4, 1000);
    flow->flow.destination = Address::Loopback(Family::kV6, 2000);
    return flow;
  }
  void Add(const TapCount& count) {
    total_.bytes += count.bytes;
    total_.bytes_missed += count.bytes_missed;
    total_.records_missed += count.records_missed;
  }
  void Open(TestFlow& flow) { Add(writer_.Open(flow.tapped, flow.flow)); }
  void Data(TestFlow& flow, Direction direction, const std::string& bytes) {
    memory::Chain chain(slab_);
    ASSERT_TRUE(chain.AppendCopy(bytes.data(), bytes.size()));
    Add(writer_.Data(flow.tapped, flow.flow, direction, chain));
  }
  void End(TestFlow& flow) { Add(writer_.End(flow.tapped, flow.flow)); }
  void Drain() { EXPECT_FALSE(reader_.Drain(ring_, kAll)); }

  memory::Slab slab_{memory::SlabOptions{4096, 64}};
  Recorder recorder_;
  TapReader reader_{recorder_};
  TapRing& ring_;
  int wakes_ = 0;
  TapWriter writer_;
  std::uint64_t last_id_ = 0;
  TapCount total_;
};

TEST_F(TapTest, TellsWhatAFlowDid) {
  const auto flow = MakeFlow();
  Open(*flow);
  Data(*flow, Direction::kUp, "ping");
  Data(*flow, Direction::kDown, "pong");
  Data(*flow, Direction::kUp, "!");
  End(*flow);
  EXPECT_EQ(wakes_, 5);
  Drain();
  const Heard& heard = recorder_.flows[1];
  EXPECT_EQ(heard.opens, 1);
  EXPECT_EQ(heard.flow.listener, 3u);
  EXPECT_EQ(heard.flow.client, flow->flow.client);
  EXPECT_EQ(heard.flow.destination, flow->flow.destination);
  EXPECT_EQ(heard.bytes[0], "ping!");
  EXPECT_EQ(heard.bytes[1], "pong");
  EXPECT_EQ(heard.ends, 1);
  EXPECT_EQ(heard.all[0], 5u);
  EXPECT_EQ(heard.all[1], 4u);
  EXPECT_EQ(total_.bytes, 9u);
  EXPECT_EQ(total_.records_missed, 0u);
}

// Larger than a part of the ring may be: in several records.
TEST_F(TapTest, LargeDataComesInParts) {
  const auto flow = MakeFlow();
  Open(*flow);
  Data(*flow, Direction::kUp, std::string(3000, 'x'));
  Drain();
  EXPECT_EQ(recorder_.flows[1].bytes[0], std::string(3000, 'x'));
  EXPECT_EQ(recorder_.records, 1 + 3);
  End(*flow);
}

TEST_F(TapTest, AFullRingMissesExactly) {
  const auto flow = MakeFlow();
  Open(*flow);
  for (int i = 0; i < 100; ++i) Data(*flow, Direction::kUp, std::string(100, 'a'));
  EXPECT_EQ(total_.bytes + total_.bytes_missed, 10000u);
  EXPECT_EQ(total_.bytes, 100 * (100 - total_.records_missed));
  EXPECT_GT(total_.bytes_missed, 5000u);
  EXPECT_GT(total_.bytes, 2000u);
  Data(*flow, Direction::kDown, "b");
  Drain();
  const std::uint64_t missed = total_.bytes_missed;
  Data(*flow, Direction::kUp, "after");
  Data(*flow, Direction::kDown, "after");
  EXPECT_EQ(total_.bytes_missed, missed);
  End(*flow);
  Drain();
  const Heard& heard = recorder_.flows[1];
  EXPECT_EQ(heard.missed[0] + heard.missed[1], missed);
  EXPECT_EQ(heard.bytes[0].size() + heard.bytes[1].size(), total_.bytes);
  EXPECT_EQ(heard.all[0], 10005u);
}

TEST_F(TapTest, AnEndAlwaysFits) {
  std::vector<std::unique_ptr<TestFlow>> flows;
  for (int i = 0; i < 20; ++i) {
    flows.push_back(MakeFlow());
    Open(*flows.back());
    Drain();
  }
  // At each offset of the ring: nothing else fits any more, but all ends do.
  for (int i = 0; i < 100; ++i) Data(*flows[0], Direction::kUp, std::string(16, 'a'));
  EXPECT_GT(total_.records_missed, 0u);
  for (const auto& flow : flows) End(*flow);
  Drain();
  for (const auto& [id, heard] : recorder_.flows) EXPECT_EQ(heard.ends, 1) << id;
}

TEST_F(TapTest, AnOpenThatDidNotFitIsTriedAgain) {
  const auto first = MakeFlow();
  Open(*first);
  while (total_.records_missed == 0) Data(*first, Direction::kUp, "x");
  const auto late = MakeFlow();
  const auto never = MakeFlow();
  Open(*late);
  Open(*never);
  Data(*late, Direction::kUp, "missed");
  Data(*never, Direction::kUp, "missed");
  EXPECT_EQ(total_.records_missed, 3u);
  End(*never);
  EXPECT_EQ(total_.records_missed, 5u) << "its open and its end";
  Drain();
  Data(*late, Direction::kUp, "heard");
  End(*late);
  End(*first);
  Drain();
  EXPECT_EQ(recorder_.flows.count(never->flow.id), 0u);
  const Heard& heard = recorder_.flows[late->flow.id];
  EXPECT_EQ(heard.bytes[0], "heard");
  EXPECT_EQ(heard.missed[0], 6u);
  EXPECT_EQ(heard.ends, 1);
}

TEST_F(TapTest, FlowsTakeUpHalfOfTheRingForTheirEnds) {
  std::vector<std::unique_ptr<TestFlow>> flows;
  int told = 0;
  for (int i = 0; i < 100; ++i) {
    flows.push_back(MakeFlow());
    Open(*flows.back());
    Drain();
    if (flows.back()->tapped.told) ++told;
  }
  EXPECT_GT(told, 30);
  EXPECT_LT(told, 50);
  // The other half is for what they say.
  Data(*flows[0], Direction::kUp, std::string(512, 'a'));
  EXPECT_EQ(total_.records_missed, 0u);
  // Newest first: who was not told of is still not when it ends.
  for (; !flows.empty(); flows.pop_back()) End(*flows.back());
  Drain();
  EXPECT_EQ(total_.records_missed, 2u * static_cast<unsigned>(100 - told));
}

TEST_F(TapTest, OneThatWasRefusedIsNotHeardOf) {
  const auto flow = MakeFlow();
  End(*flow);
  Drain();
  EXPECT_EQ(recorder_.records, 0);
  EXPECT_EQ(total_.records_missed, 0u);
}

// Everything at random on a small ring: what is told and what is counted add up, always.
TEST_F(TapTest, ToldAndMissedAddUp) {
  Prng prng(7);
  std::map<std::uint64_t, std::unique_ptr<TestFlow>> flows;
  std::uint64_t made_bytes = 0;
  std::uint64_t made_records = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::uint64_t what = prng.Below(16);
    if (what == 0 || flows.empty()) {
      auto flow = MakeFlow();
      Open(*flow);
      ++made_records;
      flows.emplace(flow->flow.id, std::move(flow));
    } else if (what == 1) {
      End(*flows.begin()->second);
      ++made_records;
      flows.erase(flows.begin());
    } else if (what == 2) {
      reader_.Drain(ring_, static_cast<int>(prng.Below(100)));
    } else {
      auto flow = flows.begin();
      std::advance(flow, prng.Below(flows.size()));
      const std::size_t size = 1 + static_cast<std::size_t>(prng.Below(600));
      Data(*flow->second, prng.Below(2) == 0 ? Direction::kUp : Direction::kDown,
           std::string(size, 'r'));
      made_bytes += size;
      ++made_records;
    }
  }
  for (const auto& [id, flow] : flows) {
    End(*flow);
    ++made_records;
  }
  Drain();
  EXPECT_GT(total_.records_missed, 1000u);
  EXPECT_EQ(total_.bytes + total_.bytes_missed, made_bytes);
  EXPECT_EQ(static_cast<std::uint64_t>(recorder_.records) + total_.records_missed, made_records);
  std::uint64_t heard = 0;
  for (const auto& [id, flow] : recorder_.flows) {
    EXPECT_EQ(flow.ends, 1);
    heard += flow.bytes[0].size() + flow.bytes[1].size();
    for (const int side : {0, 1}) {
      EXPECT_LE(flow.bytes[side].size() + flow.missed[side], flow.all[side]);
    }
  }
  EXPECT_EQ(heard, total_.bytes);
}

// Counts, and throws at every third record.
class Thrower final : public Tap {
 public:
  void OnRecord(const TapRecord&) override {
    if (records.fetch_add(1) % 3 == 0) throw std::runtime_error("of the test");
  }
  std::atomic<int> records{0};
};

// Writers of several threads, a reader that falls asleep between: none is left behind.
TEST(TapReaderTest, EveryRecordWakesTheReader) {
  Thrower tap;
  TapReader reader(tap);
  constexpr int kWriters = 2;
  constexpr int kRecords = 5000;
  TapRing* rings[kWriters];
  for (TapRing*& ring : rings) ring = &reader.AddRing(1 << 16);
  reader.Start();
  std::vector<std::thread> writers;
  for (TapRing* ring : rings) {
    writers.emplace_back([&reader, ring] {
      TapWriter writer(*ring, &reader, [](void* self) { static_cast<TapReader*>(self)->Wake(); });
      TestFlow flow;
      writer.Open(flow.tapped, flow.flow);
      memory::Slab slab(memory::SlabOptions{4096, 4});
      memory::Chain chain(slab);
      EXPECT_TRUE(chain.AppendCopy("bytes", 5));
      for (int i = 0; i < kRecords;) {
        const TapCount count = writer.Data(flow.tapped, flow.flow, Direction::kUp, chain);
        if (count.bytes > 0) ++i;
        if (i % 100 == 0 || count.bytes == 0) std::this_thread::yield();
      }
      writer.End(flow.tapped, flow.flow);
    });
  }
  for (std::thread& writer : writers) writer.join();
  // By itself: Stop would tell the rest without having been woken.
  const Instant end = Instant::Now() + 30 * kSecond;
  constexpr int kAllRecords = kWriters * (kRecords + 2);
  while (tap.records.load() < kAllRecords && Instant::Now() < end) std::this_thread::yield();
  EXPECT_EQ(tap.records.load(), kAllRecords);
  reader.Stop();
  EXPECT_EQ(reader.threw(), (kAllRecords + 2u) / 3u);
  reader.Stop();
}

class Counting final : public Tap {
 public:
  void OnRecord(const TapRecord&) override { records.fetch_add(1); }
  std::atomic<int> records{0};
};

// Each record comes when the reader has just told the one before, and is about to fall asleep.
TEST(TapReaderTest, NoRecordIsLeftBehindByAReaderFallingAsleep) {
  Counting tap;
  TapReader reader(tap);
  TapRing& ring = reader.AddRing(TapRing::kBytesMin);
  // To look at all of them takes it a while.
  for (int i = 0; i < 512; ++i) reader.AddRing(TapRing::kBytesMin);
  TapWriter writer(ring, &reader, [](void* self) { static_cast<TapReader*>(self)->Wake(); });
  reader.Start();
  TestFlow flow;
  writer.Open(flow.tapped, flow.flow);
  memory::Slab slab(memory::SlabOptions{4096, 4});
  memory::Chain chain(slab);
  ASSERT_TRUE(chain.AppendCopy("bytes", 5));
  for (int i = 1; i < 5000; ++i) {
    const Instant end = Instant::Now() + 30 * kSecond;
    while (tap.records.load() < i) {
      ASSERT_LT(Instant::Now().ns, end.ns) << "after " << tap.records.load() << " records";
      std::this_thread::yield();
    }
    // Now here, now there in what it does next.
    for (std::atomic<int> pause{i % 200}; pause.load() > 0; pause.fetch_sub(1)) {
    }
    writer.Data(flow.tapped, flow.flow, Direction::kUp, chain);
  }
  writer.End(flow.tapped, flow.flow);
}

// Holds up its thread in the first record.
class Holder final : public Tap {
 public:
  void OnRecord(const TapRecord&) override {
    if (records == 0) entered.Notify();
    go.WaitForNotification();
    ++records;
  }
  absl::Notification entered;
  absl::Notification go;
  int records = 0;
};

TEST(TapReaderTest, StopTellsWhatIsThere) {
  Holder tap;
  TapReader reader(tap);
  TapRing& ring = reader.AddRing(1 << 16);
  TapWriter writer(ring, &reader, [](void* self) { static_cast<TapReader*>(self)->Wake(); });
  reader.Start();
  std::vector<std::unique_ptr<TestFlow>> flows;
  for (int i = 0; i < 100; ++i) {
    flows.push_back(std::make_unique<TestFlow>());
    writer.Open(flows.back()->tapped, flows.back()->flow);
    writer.End(flows.back()->tapped, flows.back()->flow);
  }
  tap.entered.WaitForNotification();
  std::thread release([&] { tap.go.Notify(); });
  reader.Stop();
  release.join();
  EXPECT_EQ(tap.records, 200);
}

TEST(TapReaderTest, StopsWithoutHavingHeardAnything) {
  Holder tap;
  for (int i = 0; i < 100; ++i) {
    TapReader reader(tap);
    reader.AddRing(TapRing::kBytesMin);
    reader.Start();
    reader.Stop();
  }
  TapReader never_started(tap);
}

}  // namespace
}  // namespace sluice::inspect
