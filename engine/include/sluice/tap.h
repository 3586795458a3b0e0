// SPDX-License-Identifier: Apache-2.0
//
// Tap: hears what an engine's connections carry, and cannot change or delay it. A worker copies
// what it received into a ring of its own with a fixed size and goes on at once; the engine's tap
// thread takes it out there and calls OnRecord, which may take its time, and block. A ring that is
// full drops the record, and counts: in `bytes_untapped` and `records_untapped`, in the next record
// of that stream (`missed`), and in the offsets.
//
//   open   with where the connection goes, before it is connected
//   data   what came from one side, as it came: before any verdict and without what inspectors
//          inject
//   end    the connection is over
//
// What holds whatever is missed: the records of a connection are in order; none comes before its
// open, which is tried again until it fits, and each open is followed by its end, for which room is
// kept. What connections of different workers say is in no order but that of `time_ns`.
//
// A tapped connection goes through the engine's memory (no splice), whether somebody inspects it or
// not, and stays tapped after its inspector detached it. One whose OnOpen refused it is not heard
// of.
//
// Threads: OnRecord is called by one thread of each engine, from Engine::Start to the end of
// Engine::Stop, which waits for it: what is in the rings then is still told. On a caller-driven
// runtime there is no thread, and it is called in the workers' turns: there it must not block.
#ifndef SLUICE_TAP_H_
#define SLUICE_TAP_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "sluice/address.h"
#include "sluice/verdict.h"

namespace sluice {

struct TapRecord {
  enum class Kind : std::uint8_t { kOpen, kData, kEnd };

  Kind kind = Kind::kData;
  std::uint64_t flow = 0;    // unique in its runtime
  std::int64_t time_ns = 0;  // since 1970, UTC, when it happened

  // kOpen.
  std::uint32_t listener = 0;  // which one of its engine took it
  Address client;
  Address destination;

  // kData. Valid during the call.
  Direction direction = Direction::kUp;
  std::uint64_t offset = 0;  // of bytes[0] in the stream of its direction
  std::uint64_t missed = 0;  // bytes of that stream right in front of them that were dropped
  absl::string_view bytes;

  // kEnd: what was received in all, missed or not.
  std::uint64_t bytes_up = 0;
  std::uint64_t bytes_down = 0;
};

class Tap {
 public:
  virtual ~Tap() = default;
  // For the log: static text.
  virtual const char* name() const { return "tap"; }
  // What it throws is caught, counted (`tap_threw`) and forgotten.
  virtual void OnRecord(const TapRecord& record) = 0;
};

}  // namespace sluice

#endif  // SLUICE_TAP_H_
