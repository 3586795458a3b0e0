// SPDX-License-Identifier: Apache-2.0
//
// Listener: a listening socket with many accepts outstanding. Worker-only: everything happens on
// the thread of the port it was started with.
//
// A failed accept pauses its slot and is tried again (law 6); it never ends the listener. Under a
// rate, no more accepts are armed than there are tokens; connections past it wait in the kernel's
// backlog until there are more. A bucket may be shared with other listeners of the thread: then
// each may arm for the same token, and what is taken beyond them is paid back by a longer pause.
// Ending: Stop closes the socket; `stopped` runs once when every slot has been joined.
#ifndef SLUICE_NET_LISTENER_H_
#define SLUICE_NET_LISTENER_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/base/clock.h"
#include "engine/base/outcome.h"
#include "engine/io/operation.h"
#include "engine/io/port.h"
#include "engine/io/socket.h"
#include "engine/io/timer_wheel.h"
#include "engine/net/token_bucket.h"

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
  // A slot has to wait because there is no token; not again before there was one.
  using OnPaused = void (*)(void* owner, const TokenBucket& empty);

  Listener(io::Port& port, io::TimerWheel& timers, const ListenerOptions& options);
  // REQUIRES: not listening, or stopped.
  ~Listener();

  void Bind(void* owner, OnAccepted accepted, OnFailed failed, OnStopped stopped);
  // Each accept takes a token of `bucket` (borrowed), at most kRatesMax buckets. REQUIRES: before
  // BeginAccepting; bound.
  void LimitRate(TokenBucket* bucket, OnPaused paused);
  // Binds and listens; connections queue up in the kernel. On error there is nothing to stop.
  OsError Listen(const Address& local);
  // Posts the accepts. REQUIRES: listening.
  void BeginAccepting();
  // No connection is reported afterwards. REQUIRES: listening.
  void Stop();

  // The real address, port resolved. Valid from Listen to Stop.
  const Address& local() const { return socket_.local(); }
  bool idle() const { return outstanding_ == 0; }
  // What a listener allocates, once.
  static std::size_t BytesFor(int accepts);

 private:
  struct Slot;

  void OnSlotOutcome(Slot& slot, Outcome outcome);
  void Rest(Slot& slot);
  void Fill();
  int Allowed(TokenBucket** scarcest);
  void AwaitTokens(int allowed, TokenBucket* scarcest);
  void Leave();

  static constexpr int kRatesMax = 2;

  io::Port& port_;
  io::TimerWheel& timers_;
  const ListenerOptions options_;
  void* owner_ = nullptr;
  OnAccepted accepted_ = nullptr;
  OnFailed failed_ = nullptr;
  OnStopped stopped_ = nullptr;
  OnPaused paused_ = nullptr;
  io::Socket socket_;
  std::unique_ptr<Slot[]> slots_;
  Slot* resting_ = nullptr;  // slots that could be armed now but for the rate
  TokenBucket* rates_[kRatesMax] = {};
  io::Timer rate_timer_;
  int outstanding_ = 0;  // slots with an accept armed or a retry timer running, or resting
  int armed_ = 0;
  bool rate_paused_ = false;
  bool stopping_ = false;
};

}  // namespace sluice::net

#endif  // SLUICE_NET_LISTENER_H_
