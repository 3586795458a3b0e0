// SPDX-License-Identifier: Apache-2.0
//
// BlockingInspector: an Inspector around code that may block: it asks a service, scans a file,
// waits for a lock. A fixed number of threads run its calls, a bounded queue holds those that wait
// for one, and the verdicts come later (Pending), so no worker ever waits.
//
//   for one flow   calls are never run at the same time, and in the order of its inspector's calls,
//                  both directions together; OnEnd is the last one
//   queue full     BlockingOptions::overload, at once
//   a call threw, or said what is not allowed there
//                  the engine's default verdict (`pending_default`)
//   a call takes longer than the engine waits
//                  the engine's default verdict; what the call says is counted as `late`
//
// Bytes are copied for the calls. kReplace sends Answer::replacement; kMore works, DataCall::Keep
// has no equivalent: say kMore, or replace all but what may have begun and say it again with what
// follows.
//
// One may serve several engines, and outlives them. Destroying it, or Stop, gives up what waits
// (the engine's default verdict, at once) and waits for the calls under way.
#ifndef SLUICE_BLOCKING_INSPECTOR_H_
#define SLUICE_BLOCKING_INSPECTOR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "sluice/address.h"
#include "sluice/inspector.h"
#include "sluice/pending.h"
#include "sluice/verdict.h"

namespace sluice {

namespace inspect {
class BlockingPool;
}

// One connection as a handler knows it: a copy, and the handler's own.
struct BlockingFlow {
  std::uint64_t id = 0;
  std::uint32_t listener = 0;
  Address client;
  Address destination;
  void* user = nullptr;
};

// A copy of OpenInfo.
struct BlockingOpen {
  Address source;
  std::uint32_t pid = 0;
  std::string process_path;
  std::string context;
  bool redirected = false;
};

struct BlockingData {
  Direction direction = Direction::kUp;
  absl::string_view bytes;   // valid during the call
  bool ended = false;        // as DataCall::ended
  bool must_decide = false;  // as DataCall::must_decide
};

// Its methods run on several threads at once, for one flow one after the other. They may block and
// throw. `answer` is theirs to fill with what belongs to the verdict they return; its own verdict
// is ignored.
class BlockingHandler {
 public:
  virtual ~BlockingHandler() = default;
  // For the log: static text.
  virtual const char* name() const { return "blocking inspector"; }

  virtual Verdict OnOpen(BlockingFlow& flow, const BlockingOpen& open, Answer* answer) {
    (void)flow;
    (void)open;
    (void)answer;
    return Verdict::kPass;
  }
  virtual Verdict OnData(BlockingFlow& flow, const BlockingData& data, Answer* answer) = 0;
  // Once for each flow that one of the others was called for. Stop calls it too, on its thread.
  virtual void OnEnd(BlockingFlow& flow) { (void)flow; }
};

struct BlockingOptions {
  int threads = 4;
  // Calls that wait for a thread, and the bytes that were copied for them.
  std::size_t queue_max = 1024;
  std::size_t queue_bytes_max = std::size_t{64} << 20;
  // What is said when they are reached: kPass, kDetach, kClose or kReset.
  Verdict overload = Verdict::kReset;
  // Whether OnOpen is called at all, and which directions OnData is called for: what nobody needs
  // to see is not copied.
  bool ask_open = true;
  bool look_up = true;
  bool look_down = true;
  // Calls that take this long are counted and said in the log.
  std::int64_t slow_after_ns = 1000000000;
};

struct BlockingStats {
  std::uint64_t calls = 0;         // begun, OnEnd apart
  std::uint64_t overloaded = 0;    // refused because the queue was full, or after Stop
  std::uint64_t abandoned = 0;     // queued, and not run: the flow ended, or Stop
  std::uint64_t late = 0;          // whose verdict nobody waited for any more
  std::uint64_t threw = 0;         // OnEnd as well
  std::uint64_t bad_verdict = 0;   // said what is not allowed there
  std::uint64_t slow = 0;          // took slow_after_ns or longer
  std::uint64_t bytes_copied = 0;  // for calls, run or not
  std::int64_t longest_ns = 0;     // of all calls
  // Now.
  std::size_t waiting = 0;
  std::size_t running = 0;
  std::size_t flows = 0;
};

class BlockingInspector final : public Inspector {
 public:
  // Starts the threads. `handler` is borrowed. REQUIRES: threads and queue_max are at least 1;
  // overload is one of those it may be.
  BlockingInspector(BlockingHandler& handler, const BlockingOptions& options);
  // Stops. REQUIRES: no engine that it inspects for runs.
  ~BlockingInspector() override;

  // Not from a handler's call. Engines may run on: each call gets `overload` from here on.
  // Idempotent.
  void Stop();
  // Any thread.
  BlockingStats stats() const;

  const char* name() const override;
  Verdict OnOpen(InspectedFlow& flow, OpenCall& call) override;
  Verdict OnData(InspectedFlow& flow, Direction direction, Bytes& data, DataCall& call) override;
  void OnEnd(InspectedFlow& flow, InspectionEnd end) override;

 private:
  const std::unique_ptr<inspect::BlockingPool> pool_;
};

}  // namespace sluice

#endif  // SLUICE_BLOCKING_INSPECTOR_H_
