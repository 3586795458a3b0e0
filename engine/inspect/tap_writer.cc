// SPDX-License-Identifier: Apache-2.0
#include "engine/inspect/tap_writer.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <type_traits>

#include "engine/base/check.h"

namespace sluice::inspect {
namespace {

static_assert(std::is_trivially_copyable_v<TapWriter::Head>);
static_assert(std::is_trivially_copyable_v<TapWriter::Ends>);

constexpr std::size_t kEndBytes = TapRing::FrameBytes(sizeof(TapWriter::Head));

std::int64_t WallClock() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(since).count();
}

TapWriter::Head HeadOf(TapRecord::Kind kind, const InspectedFlow& flow, std::int64_t time_ns) {
  TapWriter::Head head;
  head.kind = static_cast<std::uint8_t>(kind);
  head.listener = flow.listener;
  head.flow = flow.id;
  head.time_ns = time_ns;
  return head;
}

}  // namespace

// One more, because at the end of the memory less than one may be skipped: once, since all ends
// together are at most half of the ring.
std::size_t TapWriter::Spare(std::size_t ends) const { return (ends + 1) * kEndBytes; }

bool TapWriter::Write(const Head& head, const void* bytes, std::size_t count, std::size_t spare) {
  std::byte* at = ring_.Reserve(sizeof head + count, spare);
  if (at == nullptr) return false;
  std::memcpy(at, &head, sizeof head);
  if (count > 0) std::memcpy(at + sizeof head, bytes, count);
  ring_.Publish();
  return true;
}

bool TapWriter::WriteOpen(Tapped& tapped, const InspectedFlow& flow) {
  if (tapped.told) return true;
  if ((ends_ + 1) * kEndBytes > ring_.capacity() / 2) return false;
  const Ends ends{flow.client, flow.destination};
  const Head head = HeadOf(TapRecord::Kind::kOpen, flow, tapped.opened_ns);
  if (!Write(head, &ends, sizeof ends, Spare(ends_ + 1))) return false;
  ++ends_;
  tapped.told = true;
  return true;
}

// A missed open is no missed record yet: that is known at the end.
TapCount TapWriter::Open(Tapped& tapped, const InspectedFlow& flow) {
  SLUICE_CHECK(tapped.opened_ns == 0);
  tapped.opened_ns = WallClock();
  if (WriteOpen(tapped, flow)) wake_(wake_owner_);
  return TapCount{};
}

TapCount TapWriter::Data(Tapped& tapped, const InspectedFlow& flow, Direction direction,
                         const memory::Chain& bytes) {
  const std::size_t part_max = ring_.capacity() / 4;
  const auto side = static_cast<std::size_t>(direction);
  std::uint64_t& received = tapped.received[side];
  std::uint64_t& missed = tapped.missed[side];
  Head head = HeadOf(TapRecord::Kind::kData, flow, WallClock());
  head.direction = static_cast<std::uint8_t>(direction);
  TapCount count;
  bytes.ForEach([&](const std::byte* data, std::size_t size) {
    while (size > 0) {
      const std::size_t part = std::min(size, part_max);
      head.first = received;
      head.second = missed;
      if (WriteOpen(tapped, flow) && Write(head, data, part, Spare(ends_))) {
        missed = 0;
        count.bytes += part;
      } else {
        missed += part;
        count.bytes_missed += part;
        ++count.records_missed;
      }
      received += part;
      data += part;
      size -= part;
    }
    return true;
  });
  if (count.bytes > 0) wake_(wake_owner_);
  return count;
}

TapCount TapWriter::End(Tapped& tapped, const InspectedFlow& flow) {
  TapCount count;
  // Refused before it was opened.
  if (tapped.opened_ns == 0) return count;
  if (!WriteOpen(tapped, flow)) {
    count.records_missed = 2;
    return count;
  }
  Head head = HeadOf(TapRecord::Kind::kEnd, flow, WallClock());
  head.first = tapped.received[static_cast<std::size_t>(Direction::kUp)];
  head.second = tapped.received[static_cast<std::size_t>(Direction::kDown)];
  SLUICE_CHECK(Write(head, nullptr, 0, 0));
  --ends_;
  wake_(wake_owner_);
  return count;
}

}  // namespace sluice::inspect
