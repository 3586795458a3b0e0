// SPDX-License-Identifier: Apache-2.0
//
// Inspector: what looks at the connections of an engine, between receive and send.
//
//   OnOpen   once for each connection, when it is known where it was going, before it is connected
//   OnData   for each direction, with what came since
//   OnEnd    once for each OnOpen, when nobody looks any more: detached, or ended
//
// An inspector is shared by all workers of its engine: its methods run on many threads at once, for
// one flow always on the same one, never two at once. They must not block; what takes its time
// takes a token and answers later (Pending), or runs as a BlockingInspector. A call that took
// longer than InspectionPolicy::slow_after is counted and said in the log with the inspector's
// name.
//
// OnData is given bytes where the network put them, and passing them on copies none. A direction
// that waits (kMore, kPend) never holds up the other one: a server that speaks first is heard
// although its client has said nothing yet.
#ifndef SLUICE_INSPECTOR_H_
#define SLUICE_INSPECTOR_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "sluice/address.h"
#include "sluice/bytes.h"
#include "sluice/pending.h"
#include "sluice/verdict.h"

namespace sluice {

// One connection, from its OnOpen to its OnEnd. The engine's; on the flow's thread only.
struct InspectedFlow {
  std::uint64_t id = 0;        // unique in its runtime
  std::uint32_t listener = 0;  // which one of its engine took it
  Address client;
  Address destination;
  void* user = nullptr;  // the inspector's own
  // Bytes a second in each direction from now on, whatever the engine's policy says; 0: no limit.
  std::uint64_t bytes_per_second_up = 0;
  std::uint64_t bytes_per_second_down = 0;
};

// What is known of a connection before it is connected. Views are valid during the call.
struct OpenInfo {
  Address source;                  // the application's end, if the context says; else empty
  std::uint32_t pid = 0;           // the application's process; 0: unknown
  absl::string_view process_path;  // empty: unknown
  absl::string_view context;       // the callout's bytes, as the kernel gave them; may be empty
  bool redirected = false;         // with records: a kernel callout brought it here
};

class OpenCall {
 public:
  virtual const OpenInfo& info() const = 0;
  // Which directions OnData is asked about; both unless said otherwise.
  virtual void Look(bool up, bool down) = 0;
  // Connect there instead. Own listeners and loops are guarded against as ever.
  virtual void SetDestination(const Address& destination) = 0;
  // The token, once; empty the second time, and when too many wait already. Then return kPend.
  virtual Pending TakeLater() = 0;

 protected:
  ~OpenCall() = default;
};

class DataCall {
 public:
  // The stream ends behind these bytes. Said only of bytes that were kept: what was sent on is not
  // asked about again.
  virtual bool ended() const = 0;
  // Nothing more will be waited for: the stream ended, or the bounds of the policy (more_bytes_max,
  // more_timeout) are reached. kMore now means that there is nothing to be decided here: all is
  // sent, and the direction is opaque, never asked about again (counter `opaque`).
  virtual bool must_decide() const = 0;
  // How much Keep may keep: less than more_bytes_max, however much came at once; nothing when the
  // stream ended, or what was kept has waited for more_timeout. Who asks for more keeps nothing: it
  // is sent with the rest.
  virtual std::size_t keep_max() const = 0;
  // With kPass, kDrop and kReplace: the last `count` bytes of the data stay and come again with
  // what follows, as a pattern that may have begun there. REQUIRES: count <= size of the data.
  virtual void Keep(std::size_t count) = 0;
  // What kReplace sends; empty at first. Append parts of the data, or copies.
  virtual Bytes& replacement() = 0;
  // Sends bytes of the inspector's own, copied, in front of what this verdict sends in that
  // direction, behind what is queued there. False when that direction has ended, holds as much as
  // it may, or the worker's buffers are used up: nothing was injected.
  virtual bool Inject(Direction direction, absl::string_view bytes) = 0;
  // As OpenCall::TakeLater. The bytes are held, and nothing more is received in this direction,
  // until it is answered.
  virtual Pending TakeLater() = 0;

 protected:
  ~DataCall() = default;
};

// Why nobody looks at a flow any more.
enum class InspectionEnd : std::uint8_t {
  kDetached = 0,  // by verdict, or opaque in each direction that was looked at
  kEnded = 1,     // the flow ended
};

class Inspector {
 public:
  virtual ~Inspector() = default;
  // For the log: static text.
  virtual const char* name() const { return "inspector"; }

  virtual Verdict OnOpen(InspectedFlow& flow, OpenCall& call) {
    (void)flow;
    (void)call;
    return Verdict::kPass;
  }
  // `data` is what came since, behind what was kept; never empty. It may be changed in place.
  virtual Verdict OnData(InspectedFlow& flow, Direction direction, Bytes& data, DataCall& call) = 0;
  virtual void OnEnd(InspectedFlow& flow, InspectionEnd end) {
    (void)flow;
    (void)end;
  }
};

}  // namespace sluice

#endif  // SLUICE_INSPECTOR_H_
