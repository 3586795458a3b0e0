// SPDX-License-Identifier: Apache-2.0
//
// Endpoint: one end of a simulated TCP connection, or a listener, as the simulated network knows
// it. Owned by its World; ids are never reused, handles are.
#ifndef SLUICE_IO_SIM_ENDPOINT_H_
#define SLUICE_IO_SIM_ENDPOINT_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "engine/base/clock.h"
#include "engine/base/outcome.h"
#include "engine/io/socket.h"
#include "sluice/address.h"

namespace sluice::io::sim {

using EndpointId = std::uint32_t;
inline constexpr EndpointId kNoEndpoint = ~EndpointId{0};

// What travels one way of a connection. Arrival times of one way never go back.
struct Segment {
  enum class Kind : std::uint8_t { kData, kFin, kReset };
  Kind kind = Kind::kData;
  Instant arrives;
  std::string bytes;
};

// Bytes in arrival order. Reading from the front costs what it copies.
class Inbox {
 public:
  bool empty() const { return begin_ == bytes_.size(); }
  std::size_t size() const { return bytes_.size() - begin_; }
  void Append(const std::string& bytes) { bytes_ += bytes; }
  // Copies up to `count` bytes out and drops them; returns how many.
  std::size_t Take(void* to, std::size_t count);
  void Clear() {
    bytes_.clear();
    begin_ = 0;
  }

 private:
  std::string bytes_;
  std::size_t begin_ = 0;
};

struct Endpoint {
  enum class State : std::uint8_t { kFresh, kListening, kConnecting, kConnected, kFailed };

  EndpointId id = kNoEndpoint;
  State state = State::kFresh;
  Family family = Family::kNone;
  NativeHandle handle = kNoHandle;  // kNoHandle: queued in a listener, or closed
  bool closed = false;              // its owner is gone
  bool counted_port = false;        // holds one of the world's ephemeral TCP ports
  Address local;
  Address remote;
  EndpointId other = kNoEndpoint;
  OsError connect_error;
  int syns_left = 0;

  // Listener.
  std::deque<EndpointId> accept_queue;
  std::size_t backlog = 0;
  bool dual_stack = false;

  // Connection.
  Inbox inbox;
  bool fin_arrived = false;
  bool reset_arrived = false;
  bool reset_told = false;  // somebody heard of it: what is read later may look like a FIN
  bool fin_sent = false;
  bool reset_sent = false;
  std::deque<Segment> flight;  // on the way to `other`
  std::size_t flight_bytes = 0;
  Instant last_arrival;
};

}  // namespace sluice::io::sim

#endif  // SLUICE_IO_SIM_ENDPOINT_H_
