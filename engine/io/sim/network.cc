// SPDX-License-Identifier: Apache-2.0
//
// The world's network: how connections are made, what travels on them, and how they end.
#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/io/sim/world.h"

namespace sluice::io::sim {
namespace {

constexpr int kSynsMax = 4;
constexpr Nanos kSynPause = kSecond;

constexpr OsError kResetError{ErrorCode::kReset, 10054};

}  // namespace

void World::Schedule(Instant at, EventKind kind, EndpointId id) {
  events_.push(Event{at, order_++, kind, id});
}

bool World::DeliverOne() {
  if (events_.empty() || events_.top().at > now_) return false;
  const Event event = events_.top();
  events_.pop();
  Note(static_cast<std::uint64_t>(event.at.ns) ^ event.id);
  switch (event.kind) {
    case EventKind::kSyn:
      OnSyn(Get(event.id));
      break;
    case EventKind::kSynAnswer:
      OnSynAnswer(Get(event.id));
      break;
    case EventKind::kSegment:
      OnSegment(Get(event.id));
      break;
  }
  return true;
}

// ---- Connecting ----

OsError World::StartConnect(NativeHandle handle, const Address& remote) {
  Endpoint& client = Of(handle);
  if (client.state != Endpoint::State::kFresh) return OsError{ErrorCode::kAlreadyConnected, 10056};
  if (tcp_ports_ >= options_.tcp_ports_max) {
    ++faults_;
    return OsError{ErrorCode::kAddressNotAvailable, 10049};
  }
  ++tcp_ports_;
  client.counted_port = true;
  if (client.local.empty() || client.local.IsWildcard()) {
    client.local = Address::Loopback(remote.family(), PortToward(remote));
  }
  client.remote = remote;
  client.state = Endpoint::State::kConnecting;
  client.syns_left = kSynsMax;
  Schedule(now_ + Latency(), EventKind::kSyn, client.id);
  return OsError{};
}

// As kernels do for who binds nothing: connections to different addresses share ports, and here
// each one that can.
std::uint16_t World::PortToward(const Address& remote) {
  constexpr std::uint16_t kFirst = 40000;
  std::uint16_t& made = connects_[remote];
  return static_cast<std::uint16_t>(kFirst + made++ % (0x10000 - kFirst));
}

void World::OnSyn(Endpoint& client) {
  if (client.closed || client.state != Endpoint::State::kConnecting) return;
  if (client.syns_left-- == 0) {
    client.connect_error = OsError{ErrorCode::kTimedOut, 10060};
    return Schedule(now_, EventKind::kSynAnswer, client.id);
  }
  Endpoint* listener = ListenerAt(client.remote);
  if (listener == nullptr) {
    client.connect_error = OsError{ErrorCode::kRefused, 10061};
    return Schedule(now_ + Latency(), EventKind::kSynAnswer, client.id);
  }
  // A full backlog loses the SYN, and it is sent again.
  if (listener->accept_queue.size() >= listener->backlog || Fault(options_.odds.lost_syn)) {
    return Schedule(now_ + kSynPause, EventKind::kSyn, client.id);
  }
  Endpoint& server = Make(client.family);
  server.state = Endpoint::State::kConnected;
  server.local = client.remote;
  server.remote = client.local;
  server.other = client.id;
  client.other = server.id;
  listener->accept_queue.push_back(server.id);
  Schedule(now_ + Latency(), EventKind::kSynAnswer, client.id);
}

void World::OnSynAnswer(Endpoint& client) {
  if (client.closed) {
    // Closed while connecting: nobody takes this connection, and the server's end hears of it.
    if (client.other != kNoEndpoint) SendReset(client);
    return;
  }
  client.state = client.connect_error.ok() ? Endpoint::State::kConnected : Endpoint::State::kFailed;
  client.last_arrival = now_;
}

bool World::ConnectDone(NativeHandle handle, OsError* error) {
  Endpoint& client = Of(handle);
  if (client.state == Endpoint::State::kConnecting) return false;
  *error = client.connect_error;
  return true;
}

bool World::CanAccept(NativeHandle listener) { return !Of(listener).accept_queue.empty(); }

OsError World::Accept(NativeHandle handle, AcceptedSocket* accepted) {
  Endpoint& listener = Of(handle);
  Endpoint& server = Get(listener.accept_queue.front());
  if (server.reset_arrived && Chance(500)) {
    listener.accept_queue.pop_front();
    server.closed = true;
    return kResetError;
  }
  if (!GiveHandle(server)) return OsError{ErrorCode::kTooManyHandles, 10024};
  listener.accept_queue.pop_front();
  *accepted = AcceptedSocket{server.handle, server.local, server.remote};
  return OsError{};
}

// ---- Transfer ----

World::ReadResult World::Peek(NativeHandle handle) {
  Endpoint& endpoint = Of(handle);
  if (!endpoint.inbox.empty()) return ReadResult::kData;
  if (endpoint.reset_arrived) {
    const bool looks_ended = endpoint.reset_told && options_.odds.reset_told_once;
    return looks_ended ? ReadResult::kEnd : ReadResult::kReset;
  }
  if (endpoint.fin_arrived) return ReadResult::kEnd;
  return ReadResult::kNothing;
}

World::ReadResult World::Read(NativeHandle handle, void* to, std::size_t size, std::size_t* count) {
  *count = 0;
  const ReadResult result = Peek(handle);
  if (result == ReadResult::kData) *count = Of(handle).inbox.Take(to, size);
  return result;
}

bool World::CanWrite(NativeHandle handle) {
  Endpoint& endpoint = Of(handle);
  if (endpoint.reset_arrived || endpoint.fin_sent) return true;
  const std::size_t unread = endpoint.other == kNoEndpoint ? 0 : Get(endpoint.other).inbox.size();
  return endpoint.flight_bytes + unread + options_.write_room <= options_.window;
}

OsError World::Write(NativeHandle handle, const void* from, std::size_t size, std::size_t* count) {
  Endpoint& endpoint = Of(handle);
  *count = 0;
  if (endpoint.state != Endpoint::State::kConnected) {
    return OsError{ErrorCode::kNotConnected, 10057};
  }
  if (endpoint.fin_sent) return OsError{ErrorCode::kShutDown, 10058};
  if (endpoint.reset_arrived) return kResetError;
  if (!CanWrite(handle)) return OsError{};
  const std::size_t used = endpoint.flight_bytes + Get(endpoint.other).inbox.size();
  *count = std::min(size, options_.window - used);
  Send(endpoint, Segment::Kind::kData, std::string(static_cast<const char*>(from), *count));
  return OsError{};
}

void World::Send(Endpoint& from, Segment::Kind kind, std::string bytes) {
  from.last_arrival = std::max(from.last_arrival, now_ + Latency());
  from.flight_bytes += bytes.size();
  from.flight.push_back(Segment{kind, from.last_arrival, std::move(bytes)});
  Schedule(from.last_arrival, EventKind::kSegment, from.id);
}

// One event for each segment ever sent; a reset may have emptied the flight before.
void World::OnSegment(Endpoint& from) {
  if (from.flight.empty() || from.flight.front().arrives > now_) return;
  Segment segment = std::move(from.flight.front());
  from.flight.pop_front();
  from.flight_bytes -= segment.bytes.size();
  Endpoint& to = Get(from.other);
  if (segment.kind == Segment::Kind::kReset) return OnReset(to);
  if (to.closed) {
    // Data for somebody who is gone is answered with RST; a FIN is not.
    if (segment.kind == Segment::Kind::kData) OnReset(from);
    return;
  }
  if (to.reset_arrived) return;
  if (Fault(options_.odds.network_reset)) {
    OnReset(from);
    return OnReset(to);
  }
  if (segment.kind == Segment::Kind::kFin) {
    to.fin_arrived = true;
  } else {
    to.inbox.Append(segment.bytes);
  }
}

// ---- Ending ----

OsError World::ShutdownSend(NativeHandle handle) {
  Endpoint& endpoint = Of(handle);
  if (endpoint.state != Endpoint::State::kConnected || endpoint.reset_arrived) {
    return OsError{ErrorCode::kNotConnected, 10057};
  }
  if (endpoint.fin_sent) return OsError{};
  endpoint.fin_sent = true;
  Send(endpoint, Segment::Kind::kFin, std::string());
  return OsError{};
}

void World::OnReset(Endpoint& to) {
  if (to.reset_arrived) return;
  to.reset_arrived = true;
  to.flight.clear();
  to.flight_bytes = 0;
  if (Chance(options_.odds.reset_discards)) to.inbox.Clear();
}

// What has not arrived may be lost: an abort does not wait for it to be sent.
void World::SendReset(Endpoint& from) {
  if (from.reset_sent) return;
  from.reset_sent = true;
  const std::size_t kept = static_cast<std::size_t>(prng_.Below(from.flight.size() + 1));
  while (from.flight.size() > kept) {
    from.flight_bytes -= from.flight.back().bytes.size();
    from.flight.pop_back();
  }
  Send(from, Segment::Kind::kReset, std::string());
}

void World::ReleasePort(Endpoint& endpoint) {
  if (!endpoint.counted_port) return;
  endpoint.counted_port = false;
  --tcp_ports_;
}

void World::Close(NativeHandle handle) {
  Endpoint& endpoint = Of(handle);
  if (endpoint.state == Endpoint::State::kConnected && endpoint.inbox.empty() &&
      !endpoint.reset_arrived) {
    if (!endpoint.fin_sent) ShutdownSend(handle);
    endpoint.closed = true;
    ReleasePort(endpoint);
    return TakeHandle(endpoint);
  }
  Abort(handle);
}

void World::Abort(NativeHandle handle) {
  Endpoint& endpoint = Of(handle);
  if (endpoint.state == Endpoint::State::kListening) {
    listeners_.erase(std::find(listeners_.begin(), listeners_.end(), endpoint.id));
    for (const EndpointId id : endpoint.accept_queue) {
      Endpoint& queued = Get(id);
      queued.closed = true;
      if (!queued.reset_arrived) SendReset(queued);
    }
    endpoint.accept_queue.clear();
  } else if (endpoint.state == Endpoint::State::kConnected && !endpoint.reset_arrived) {
    SendReset(endpoint);
  }
  endpoint.closed = true;
  ReleasePort(endpoint);
  TakeHandle(endpoint);
}

void World::KillConnection(NativeHandle handle) {
  Endpoint& endpoint = Of(handle);
  if (endpoint.state != Endpoint::State::kConnected) return;
  ++faults_;
  OnReset(endpoint);
  if (!Get(endpoint.other).closed) OnReset(Get(endpoint.other));
}

}  // namespace sluice::io::sim
