// SPDX-License-Identifier: Apache-2.0
//
// Listener: a listening socket with many accepts outstanding. Worker-only: everything happens on
// the thread of the port it was started with.
//
// A failed accept pauses its slot and is tried again (law 6); it never ends the listener. Ending:
// Stop closes the socket; `stopped` runs once when every slot has been joined.
#ifndef SLUICE_NET_LISTENER_H_
#define SLUICE_NET_LISTENER_H_

#include <cstdint>
#include <memory>

#include "engine/base/clock.h"
#include "engine/base/outcome.h"
#include "engine/io/operation.h"
#include "engine/io/port.h"
#include "engine/io/socket.h"
#include "engine/io/timer_wheel.h"

namespace sluice::net {

struct ListenerOptions {
  io::ListenOptions listen;
  // Accepts kept outstanding. Unmeasured; HAProxy and libuv use 32 to 100 a wake-up.
  int accepts = 64;
  // A slot whose accept failed rests first this long, then twice as long each time it fails in a
  // row.
  Nanos retry_first = 10 * kMillisecond;
  Nanos retry_longest = kSecond;
};

class Listener {
 public:
  // The connection is the receiver's: adopt or discard it. Runs on the worker.
  using OnAccepted = void (*)(void* owner, io::AcceptedSocket accepted);
  using OnFailed = void (*)(void* owner, OsError error);
  using OnStopped = void (*)(void* owner);

  Listener(io::Port& port, io::TimerWheel& timers, const ListenerOptions& options);
  // REQUIRES: not listening, or stopped.
  ~Listener();

  void Bind(void* owner, OnAccepted accepted, OnFailed failed, OnStopped stopped);
  // Binds and listens; connections queue up in the kernel. On error there is nothing to stop.
  OsError Listen(const Address& local);
  // Posts the accepts. REQUIRES: listening.
  void BeginAccepting();
  // No connection is reported afterwards. REQUIRES: listening.
  void Stop();

  // The real address, port resolved. Valid from Listen to Stop.
  const Address& local() const { return socket_.local(); }
  bool idle() const { return outstanding_ == 0; }

 private:
  struct Slot;

  void OnSlotOutcome(Slot& slot, Outcome outcome);
  void Post(Slot& slot);
  void Leave();

  io::Port& port_;
  io::TimerWheel& timers_;
  const ListenerOptions options_;
  void* owner_ = nullptr;
  OnAccepted accepted_ = nullptr;
  OnFailed failed_ = nullptr;
  OnStopped stopped_ = nullptr;
  io::Socket socket_;
  std::unique_ptr<Slot[]> slots_;
  int outstanding_ = 0;  // slots with an accept armed or a retry timer running
  bool stopping_ = false;
};

}  // namespace sluice::net

#endif  // SLUICE_NET_LISTENER_H_
