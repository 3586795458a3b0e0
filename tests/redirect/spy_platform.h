// SPDX-License-Identifier: Apache-2.0
//
// SpyPlatform: a process of the emulated machine that writes down, in order, what a port tells and
// asks it. Any thread.
#ifndef SLUICE_TESTS_REDIRECT_SPY_PLATFORM_H_
#define SLUICE_TESTS_REDIRECT_SPY_PLATFORM_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "engine/io/platform.h"

namespace sluice::emulated {

class SpyPlatform final : public io::Platform {
 public:
  enum class What { kOpened, kBound, kListening, kClosing, kConnecting, kAccepted, kControl };
  struct Event {
    What what = What::kOpened;
    io::NativeHandle socket = io::kNoHandle;
    Address address;         // bound, listening: local. connecting: remote. accepted: peer
    std::uint32_t code = 0;  // control
    int backlog = 0;         // listening
  };

  explicit SpyPlatform(io::Platform* front) : front_(*front) {}

  std::vector<Event> events() const {
    const absl::MutexLock lock(&mutex_);
    return events_;
  }
  std::vector<Event> EventsOf(What what) const {
    std::vector<Event> chosen;
    for (const Event& event : events()) {
      if (event.what == what) chosen.push_back(event);
    }
    return chosen;
  }
  std::vector<Event> Controls(std::uint32_t code) const {
    std::vector<Event> chosen;
    for (const Event& event : EventsOf(What::kControl)) {
      if (event.code == code) chosen.push_back(event);
    }
    return chosen;
  }
  // What happened to the socket that the first control with `code` was asked of, from its making on
  // (numbers of sockets are used again, so it ends where the next one begins).
  std::vector<What> LifeOf(std::uint32_t code) const {
    std::vector<What> life;
    const std::vector<Event> asked = Controls(code);
    if (asked.empty()) return life;
    bool found = false;
    for (const Event& event : events()) {
      if (event.socket != asked[0].socket) continue;
      if (event.what == What::kOpened || event.what == What::kAccepted) {
        if (found) break;
        life.clear();
      }
      life.push_back(event.what);
      found = found || (event.what == What::kControl && event.code == code);
    }
    return life;
  }

  void OnOpened(io::NativeHandle socket, Family family) override {
    Note({What::kOpened, socket, Address(), 0, 0});
    front_.OnOpened(socket, family);
  }
  void OnBound(io::NativeHandle socket, const Address& local) override {
    Note({What::kBound, socket, local, 0, 0});
    front_.OnBound(socket, local);
  }
  void OnListening(io::NativeHandle socket, const Address& local, int backlog) override {
    Note({What::kListening, socket, local, 0, backlog});
    front_.OnListening(socket, local, backlog);
  }
  void OnClosing(io::NativeHandle socket) override {
    Note({What::kClosing, socket, Address(), 0, 0});
    front_.OnClosing(socket);
  }
  io::ConnectDecision OnConnecting(io::NativeHandle socket, const Address& local,
                                   const Address& remote) override {
    Note({What::kConnecting, socket, remote, 0, 0});
    return front_.OnConnecting(socket, local, remote);
  }
  void BeginSyn(io::NativeHandle socket) override { front_.BeginSyn(socket); }
  void EndSyn(io::NativeHandle socket, const Address& local) override {
    front_.EndSyn(socket, local);
  }
  void OnConnected(io::NativeHandle socket, OsError error) override {
    front_.OnConnected(socket, error);
  }
  void OnAccepted(io::NativeHandle socket, io::NativeHandle listener, const Address& local,
                  const Address& peer) override {
    Note({What::kAccepted, socket, peer, 0, 0});
    front_.OnAccepted(socket, listener, local, peer);
  }
  io::ControlAnswer Control(const io::ControlRequest& request, io::ControlReply* reply) override {
    Note({What::kControl, request.socket, Address(), request.code, 0});
    return front_.Control(request, reply);
  }
  void CancelControl(void* ticket) override { front_.CancelControl(ticket); }

 private:
  void Note(Event event) {
    const absl::MutexLock lock(&mutex_);
    events_.push_back(std::move(event));
  }

  io::Platform& front_;
  mutable absl::Mutex mutex_;
  std::vector<Event> events_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sluice::emulated

#endif  // SLUICE_TESTS_REDIRECT_SPY_PLATFORM_H_
