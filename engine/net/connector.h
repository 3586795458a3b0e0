// SPDX-License-Identifier: Apache-2.0
//
// Connector: one connect attempt with a deadline. Worker-only. The socket is the caller's; each
// attempt needs a fresh one (a socket whose ConnectEx failed cannot be used again).
//
// The handler runs exactly once for each Start, with kTimedOut when the deadline came first. A
// deadline is a cancellation: the handler waits for the operation's own outcome, and a connect that
// succeeded in the meantime is reported as the success it is.
#ifndef SLUICE_NET_CONNECTOR_H_
#define SLUICE_NET_CONNECTOR_H_

#include "engine/base/clock.h"
#include "engine/base/outcome.h"
#include "engine/io/operation.h"
#include "engine/io/port.h"
#include "engine/io/timer_wheel.h"

namespace sluice::net {

class Connector {
 public:
  using Handler = void (*)(void* owner, OsError error);

  Connector();
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  void Bind(void* owner, Handler handler) {
    owner_ = owner;
    handler_ = handler;
  }
  // REQUIRES: idle; socket open and unconnected.
  void Start(io::Port& port, io::TimerWheel& timers, io::Socket& socket, const Address& remote,
             Instant deadline);
  // Asks for an early end; the handler still runs.
  void Cancel();
  // Of a connect that succeeded: where it really went (ConnectOp::reached).
  const Address& reached() const { return operation_.reached(); }
  bool idle() const { return operation_.idle() && !timer_.running(); }

 private:
  void OnOutcome(Outcome outcome);
  void OnDeadline();

  io::Port* port_ = nullptr;
  io::TimerWheel* timers_ = nullptr;
  void* owner_ = nullptr;
  Handler handler_ = nullptr;
  io::ConnectOp operation_;
  io::Timer timer_;
  bool timed_out_ = false;
};

// Hands out source addresses in turn, so that onward connections do not share one space of
// ephemeral ports (shared by all destinations for whoever binds before connecting). One thread.
class SourceList {
 public:
  explicit SourceList(absl::Span<const Address> sources) : sources_(sources) {}
  // The next source of that family; empty when there is none.
  Address Next(Family family);

 private:
  absl::Span<const Address> sources_;
  std::size_t next_ = 0;
};

}  // namespace sluice::net

#endif  // SLUICE_NET_CONNECTOR_H_
