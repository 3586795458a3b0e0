// SPDX-License-Identifier: Apache-2.0
//
// The world's clock, handles and ports. The network is in network.cc.
#include "engine/io/sim/world.h"

#include <algorithm>
#include <cstring>

#include "engine/base/check.h"

namespace sluice::io::sim {
namespace {

thread_local World* current = nullptr;

// As descriptors: the first three are taken.
constexpr std::size_t kFirstHandle = 3;

}  // namespace

std::size_t Inbox::Take(void* to, std::size_t count) {
  count = std::min(count, size());
  std::memcpy(to, bytes_.data() + begin_, count);
  begin_ += count;
  if (begin_ == bytes_.size()) Clear();
  return count;
}

World::World(const WorldOptions& options)
    : options_(options), prng_(options.seed), handles_(kFirstHandle, kNoEndpoint) {
  SLUICE_CHECK(current == nullptr);
  current = this;
}

World::~World() {
  for (Stepped* port : ports_) SLUICE_CHECK(port == nullptr);
  current = nullptr;
}

World* World::Current() { return current; }

bool World::Fault(unsigned per_mille) {
  if (!Chance(per_mille)) return false;
  ++faults_;
  return true;
}

void World::Unregister(Stepped* port) {
  std::replace(ports_.begin(), ports_.end(), port, static_cast<Stepped*>(nullptr));
}

void World::MoveClock(Instant to) {
  SLUICE_CHECK(to >= now_);
  now_ = to;
}

void World::LetPass(Stepped& port, Instant until) {
  while (!port.Runnable()) {
    const Instant next = std::min({NextDelivery(), port.WakesAt(), until});
    if (next == Instant::Never()) return;
    MoveClock(std::max(next, now_));
    while (DeliverOne()) {
    }
  }
}

void World::PassTurn() {
  constexpr Nanos kTurn = 50 * kMicrosecond;
  MoveClock(now_ + kTurn);
  while (DeliverOne()) {
  }
}

Endpoint& World::Make(Family family) {
  endpoints_.push_back(std::make_unique<Endpoint>());
  Endpoint& endpoint = *endpoints_.back();
  endpoint.id = static_cast<EndpointId>(endpoints_.size() - 1);
  endpoint.family = family;
  return endpoint;
}

bool World::GiveHandle(Endpoint& endpoint) {
  if (handles_open_ >= options_.handles_max) {
    ++faults_;
    return false;
  }
  std::size_t handle = handles_.size();
  if (options_.reuse_handles) {
    const auto free = std::find(handles_.begin() + kFirstHandle, handles_.end(), kNoEndpoint);
    handle = static_cast<std::size_t>(free - handles_.begin());
  }
  if (handle == handles_.size()) handles_.push_back(kNoEndpoint);
  handles_[handle] = endpoint.id;
  endpoint.handle = handle;
  ++handles_open_;
  return true;
}

void World::TakeHandle(Endpoint& endpoint) {
  handles_[endpoint.handle] = kNoEndpoint;
  endpoint.handle = kNoHandle;
  --handles_open_;
}

// A handle that is not open is a use after close.
Endpoint& World::Of(NativeHandle handle) {
  SLUICE_CHECK(handle < handles_.size());
  SLUICE_CHECK(handles_[handle] != kNoEndpoint);
  return Get(handles_[handle]);
}

OsError World::Open(Family family, NativeHandle* handle) {
  Endpoint& endpoint = Make(family);
  if (!GiveHandle(endpoint)) return OsError{ErrorCode::kTooManyHandles, 10024};
  *handle = endpoint.handle;
  return OsError{};
}

OsError World::Bind(NativeHandle handle, const Address& local) {
  Endpoint& endpoint = Of(handle);
  if (!local.IsLoopback() && !local.IsWildcard()) {
    return OsError{ErrorCode::kAddressNotAvailable, 10049};
  }
  if (local.tcp_port() != 0 && ListenerAt(local) != nullptr) {
    return OsError{ErrorCode::kAddressInUse, 10048};
  }
  endpoint.local = local.tcp_port() != 0 ? local : local.WithPort(next_tcp_port_++);
  return OsError{};
}

OsError World::Listen(NativeHandle handle, int backlog, bool dual_stack) {
  Endpoint& endpoint = Of(handle);
  endpoint.dual_stack = dual_stack;
  endpoint.state = Endpoint::State::kListening;
  endpoint.backlog = static_cast<std::size_t>(std::max(backlog, 1));
  listeners_.push_back(endpoint.id);
  return OsError{};
}

Endpoint* World::ListenerAt(const Address& address) {
  for (const EndpointId id : listeners_) {
    Endpoint& listener = Get(id);
    if (listener.local.tcp_port() != address.tcp_port()) continue;
    if (listener.local == address) return &listener;
    if (!listener.local.IsWildcard()) continue;
    if (listener.family == address.family() || listener.dual_stack) return &listener;
  }
  return nullptr;
}

}  // namespace sluice::io::sim
