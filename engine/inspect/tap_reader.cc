// SPDX-License-Identifier: Apache-2.0
#include "engine/inspect/tap_reader.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/inspect/guarded_calls.h"
#include "engine/inspect/tap_writer.h"

namespace sluice::inspect {
namespace {

// Of each ring in turn, so that one busy worker does not hide the others.
constexpr int kRecordsATurn = 64;

}  // namespace

TapReader::~TapReader() { Stop(); }

TapRing& TapReader::AddRing(std::size_t bytes) {
  SLUICE_CHECK(!thread_.joinable());
  rings_.push_back(std::make_unique<TapRing>(bytes));
  return *rings_.back();
}

void TapReader::Start() {
  SLUICE_CHECK(!thread_.joinable());
  thread_ = std::thread([this] { Run(); });
}

void TapReader::Wake() {
  if (state_.load(std::memory_order_seq_cst) != kAsleep) return;
  std::uint32_t asleep = kAsleep;
  // Of several that see it asleep one wakes it.
  if (state_.compare_exchange_strong(asleep, kBusy)) WakeUp();
}

void TapReader::Stop() {
  if (thread_.joinable()) {
    state_.store(kStopping);
    WakeUp();
    thread_.join();
  }
  while (DrainAll()) {
  }
}

void TapReader::Run() {
  for (;;) {
    if (DrainAll()) continue;
    std::uint32_t busy = kBusy;
    // Stopping, and nobody writes any more: whatever is left, Stop tells.
    if (!state_.compare_exchange_strong(busy, kAsleep, std::memory_order_seq_cst)) return;
    if (AllEmpty()) Sleep();
    std::uint32_t asleep = kAsleep;
    state_.compare_exchange_strong(asleep, kBusy);
  }
}

void TapReader::Sleep() {
  const MutexLock lock(mutex_);
  while (state_.load() == kAsleep) woken_.wait(mutex_);
}

// REQUIRES: state_ is no longer kAsleep.
void TapReader::WakeUp() {
  // Who holds the lock may have looked before that, and is not waiting yet.
  { const MutexLock lock(mutex_); }
  woken_.notify_one();
}

bool TapReader::AllEmpty() const {
  for (const auto& ring : rings_) {
    if (!ring->empty()) return false;
  }
  return true;
}

// False when there was nothing.
bool TapReader::DrainAll() {
  bool any = false;
  for (const auto& ring : rings_) {
    if (ring->empty()) continue;
    any = true;
    Drain(*ring, kRecordsATurn);
  }
  return any;
}

bool TapReader::Drain(TapRing& ring, int limit) {
  std::size_t size = 0;
  for (; limit > 0; --limit) {
    const std::byte* frame = ring.Front(&size);
    if (frame == nullptr) return false;
    Tell(frame, size);
    ring.Pop();
  }
  return !ring.empty();
}

void TapReader::Tell(const std::byte* frame, std::size_t size) {
  TapWriter::Head head;
  SLUICE_CHECK(size >= sizeof head);
  std::memcpy(&head, frame, sizeof head);
  TapRecord record;
  record.kind = static_cast<TapRecord::Kind>(head.kind);
  record.flow = head.flow;
  record.time_ns = head.time_ns;
  record.listener = head.listener;
  if (record.kind == TapRecord::Kind::kOpen) {
    TapWriter::Ends ends;
    SLUICE_CHECK(size == sizeof head + sizeof ends);
    std::memcpy(&ends, frame + sizeof head, sizeof ends);
    record.client = ends.client;
    record.destination = ends.destination;
  } else if (record.kind == TapRecord::Kind::kData) {
    record.direction = static_cast<Direction>(head.direction);
    record.offset = head.first;
    record.missed = head.second;
    record.bytes =
        absl::string_view(reinterpret_cast<const char*>(frame) + sizeof head, size - sizeof head);
  } else {
    record.bytes_up = head.first;
    record.bytes_down = head.second;
  }
  if (CallOnRecord(tap_, record)) return;
  threw_.fetch_add(1, std::memory_order_relaxed);
  const Instant now = Instant::Now();
  if (said_.ns != 0 && now - said_ < kSecond) return;
  said_ = now;
  Log(LogLevel::kWarning, absl::StrCat("tap ", tap_.name(), " threw; ", threw(), " times so far"));
}

}  // namespace sluice::inspect
