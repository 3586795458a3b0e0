// SPDX-License-Identifier: Apache-2.0
//
// TapWriter: the worker's side of a tap: turns what flows do into frames of its ring. One for each
// pair of worker and engine; worker-only. tap_reader.h is the other side.
//
// The room for the end of each flow whose open was written stays free until that end is written, so
// an end always fits. Flows may take up half of the ring that way; the open of one more does not
// fit, and is tried again with each of its records.
#ifndef SLUICE_INSPECT_TAP_WRITER_H_
#define SLUICE_INSPECT_TAP_WRITER_H_

#include <cstddef>
#include <cstdint>

#include "engine/inspect/tap_ring.h"
#include "engine/memory/chain.h"
#include "sluice/inspector.h"
#include "sluice/tap.h"

namespace sluice::inspect {

// What a flow keeps for its tap.
struct Tapped {
  bool told = false;  // its open was written
  std::int64_t opened_ns = 0;
  std::uint64_t received[2] = {};  // by direction
  std::uint64_t missed[2] = {};    // of these, since what was written last
};

// What became of one or several records.
struct TapCount {
  std::uint64_t bytes = 0;
  std::uint64_t bytes_missed = 0;
  std::uint64_t records_missed = 0;
};

class TapWriter {
 public:
  // How a frame begins; the addresses of an open, or the bytes of data, are behind it.
  struct Head {
    std::uint8_t kind = 0;
    std::uint8_t direction = 0;
    std::uint32_t listener = 0;
    std::uint64_t flow = 0;
    std::int64_t time_ns = 0;
    std::uint64_t first = 0;   // data: offset; end: bytes_up
    std::uint64_t second = 0;  // data: missed; end: bytes_down
  };
  struct Ends {
    Address client;
    Address destination;
  };

  // `wake` is called on this thread after something was written, once for each call below.
  TapWriter(TapRing& ring, void* wake_owner, void (*wake)(void* owner))
      : ring_(ring), wake_owner_(wake_owner), wake_(wake) {}
  TapWriter(const TapWriter&) = delete;
  TapWriter& operator=(const TapWriter&) = delete;

  TapCount Open(Tapped& tapped, const InspectedFlow& flow);
  // A record for each slice, or several where it is large.
  TapCount Data(Tapped& tapped, const InspectedFlow& flow, Direction direction,
                const memory::Chain& bytes);
  TapCount End(Tapped& tapped, const InspectedFlow& flow);

 private:
  std::size_t Spare(std::size_t ends) const;
  bool WriteOpen(Tapped& tapped, const InspectedFlow& flow);
  bool Write(const Head& head, const void* bytes, std::size_t count, std::size_t spare);

  TapRing& ring_;
  void* const wake_owner_;
  void (*const wake_)(void* owner);
  std::size_t ends_ = 0;  // flows whose open was written and whose end was not
};

}  // namespace sluice::inspect

#endif  // SLUICE_INSPECT_TAP_WRITER_H_
