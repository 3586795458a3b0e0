// SPDX-License-Identifier: Apache-2.0
//
// FarEnd: an application or a server in the simulated world, outside the engine. It follows a
// script and writes down what it saw; checks.h compares the two ends of a connection.
#ifndef SLUICE_TESTS_SIM_FAR_END_H_
#define SLUICE_TESTS_SIM_FAR_END_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/base/clock.h"
#include "engine/io/platform.h"
#include "engine/io/sim/world.h"
#include "tests/sim/stream_model.h"

namespace sluice::sim {

struct Script {
  enum class Finish : std::uint8_t {
    kWhenSent,     // FIN after its own last byte
    kAfterPeer,    // FIN after the other's FIN and its own last byte
    kNever,        // waits for the other, or for the engine's deadlines
    kAbort,        // RST once it sent `abort_sent` and received `abort_received` bytes
    kFinThenAbort  // FIN when all is sent, RST once `abort_received` bytes came
  };
  std::uint64_t stream = 0;  // names its bytes
  std::size_t bytes = 0;     // to send
  std::size_t piece = 4096;  // the most it writes or reads at once
  Finish finish = Finish::kWhenSent;
  std::size_t abort_sent = 0;
  std::size_t abort_received = 0;
  Nanos think = 0;   // between two steps, at most
  Nanos begins = 0;  // after this it begins to speak
  Nanos stall = 0;   // for this long it reads nothing
};

// What one end saw and did.
struct Story {
  std::size_t sent = 0;
  std::size_t received = 0;
  bool connected = false;
  bool refused = false;  // its connect failed
  bool garbled = false;  // a byte was not the one that the other sent there
  bool fin_sent = false;
  bool saw_fin = false;
  bool saw_reset = false;
  bool aborted = false;
  bool done = false;  // its socket is closed
  Instant active_at;  // when it last sent or received something
  Instant aborted_at;
  Instant done_at;

  std::string ToString() const;
};

class FarEnd {
 public:
  // A client that connects to `remote` when first stepped. `platform` may be null.
  FarEnd(io::sim::World& world, const Script& script, std::uint64_t other_stream,
         const Address& remote, io::Platform* platform);
  // A server's end.
  FarEnd(io::sim::World& world, const Script& script, std::uint64_t other_stream,
         io::NativeHandle accepted, io::Platform* platform);

  // What it must receive is not what the other end sends, but what an inspector makes of it.
  void set_model(const StreamModel* model) { model_ = model; }
  const Script& script() const { return script_; }
  const Story& story() const { return story_; }
  // Of a client once it connects.
  const Address& local() const { return local_; }
  bool connecting() const { return !story_.connected && !story_.done; }
  // Something would come of a step now.
  bool Ready();
  // When it will be ready if nothing else happens.
  Instant WakesAt() const;
  void Step();
  // Ends it, whatever it wanted.
  void Abort();

 private:
  void StepConnect();
  bool StepRead();
  bool StepWrite();
  bool WantsAbort() const;
  bool WantsFin() const;
  void Finish(bool abort);
  bool Reads() const { return world_.now() >= opened_ + script_.stall; }

  io::sim::World& world_;
  const Script script_;
  const std::uint64_t other_stream_;
  const Address remote_;
  io::Platform* const platform_;
  const StreamModel* model_ = nullptr;
  io::NativeHandle handle_ = io::kNoHandle;
  Address local_;
  bool started_ = false;
  Instant opened_;
  Instant next_;
  Story story_;
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_FAR_END_H_
