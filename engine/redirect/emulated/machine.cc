// SPDX-License-Identifier: Apache-2.0
#include "engine/redirect/emulated/machine.h"

#include <utility>

#include "engine/redirect/control_codes.h"

namespace sluice::emulated {
namespace {

ProcessOptions ForeignProcess() {
  ProcessOptions process;
  process.pid = 9999;
  process.path = "foreign";
  process.elevated = false;
  process.proxy = false;
  return process;
}

bool IsRedirectCode(std::uint32_t code) {
  return code == redirect::kQueryRedirectRecords || code == redirect::kQueryRedirectContext ||
         code == redirect::kSetRedirectRecords;
}

// Where an accepted socket's foreign connection was going; empty if the listener adopts none.
Address ForeignDestination(const Config& config, const Address& local) {
  if (config.foreign.empty()) return Address();
  const Address key = KeyOf(local);
  auto found = config.foreign.find(key);
  if (found == config.foreign.end()) {
    found = config.foreign.find(Address::Wildcard(key.family(), key.tcp_port()));
  }
  return found == config.foreign.end() ? Address() : found->second;
}

// What a trace shows: a socket bound to the wildcard talks to loopback from loopback.
Address SourceOf(const Address& local, const Address& remote) {
  if (!local.IsWildcard() || !remote.IsLoopback()) return local.Canonical();
  return Address::Loopback(remote.Canonical().family(), local.tcp_port());
}

}  // namespace

Machine::Machine(const PlatformOptions& options)
    : kernel_(options.knobs, options.trace_capacity),
      foreign_process_(ForeignProcess()),
      pended_(this, &Machine::AnswerPended, options.manual_completion, options.knobs.seed) {
  kernel_.Mutate([&](Config& config) {
    for (const Address& address : options.local_addresses) {
      config.local_addresses.insert(KeyOf(address).WithPort(0));
    }
  });
}

Machine::Shard& Machine::ShardOf(io::NativeHandle socket) {
  // Windows hands out multiples of four.
  const std::uint64_t mixed = static_cast<std::uint64_t>(socket) * 0x9E3779B97F4A7C15ULL;
  return shards_[mixed >> 60];
}

Machine::Socket* Machine::Find(Shard& shard, io::NativeHandle socket) {
  const auto found = shard.sockets.find(socket);
  return found == shard.sockets.end() ? nullptr : found->second.get();
}

void Machine::Insert(io::NativeHandle handle, std::unique_ptr<Socket> socket) {
  Shard& shard = ShardOf(handle);
  MutexLock lock(shard.mutex);
  shard.sockets[handle] = std::move(socket);
}

void Machine::Opened(const ProcessOptions& process, io::NativeHandle socket, Family family) {
  auto entry = std::make_unique<Socket>();
  entry->endpoint.process = &process;
  entry->endpoint.family = family;
  Insert(socket, std::move(entry));
}

void Machine::Bound(io::NativeHandle socket, const Address& local) {
  Shard& shard = ShardOf(socket);
  MutexLock lock(shard.mutex);
  Socket* entry = Find(shard, socket);
  if (entry == nullptr) return;
  entry->endpoint.local = local;
  entry->endpoint.state = Endpoint::State::kBound;
}

void Machine::Listening(io::NativeHandle socket, const Address& local) {
  Shard& shard = ShardOf(socket);
  MutexLock lock(shard.mutex);
  Socket* entry = Find(shard, socket);
  if (entry == nullptr) return;
  entry->endpoint.local = local;
  entry->endpoint.state = Endpoint::State::kListening;
}

void Machine::Closing(io::NativeHandle socket) {
  pended_.CancelSocket(socket);
  std::unique_ptr<Socket> entry;
  {
    Shard& shard = ShardOf(socket);
    MutexLock lock(shard.mutex);
    const auto found = shard.sockets.find(socket);
    if (found == shard.sockets.end()) return;
    entry = std::move(found->second);
    shard.sockets.erase(found);
  }
  switch (entry->endpoint.state) {
    case Endpoint::State::kListening:
      syns_.DropListener(entry->endpoint.local);
      break;
    case Endpoint::State::kConnecting:
      // Nobody heard how it ended. A SYN that left may still be accepted, so what rides on it
      // stays.
      if (entry->announce) syns_.End(socket, Address());
      break;
    default:
      break;
  }
}

io::ConnectDecision Machine::Connecting(io::NativeHandle socket, const Address& local,
                                        const Address& remote) {
  Shard& shard = ShardOf(socket);
  MutexLock lock(shard.mutex);
  Socket* entry = Find(shard, socket);
  if (entry == nullptr) return io::ConnectDecision{OsError{}, remote};
  if (!local.empty()) entry->endpoint.local = local;
  ConnectResult result = kernel_.Connect(entry->endpoint, remote);
  switch (result.kind) {
    case ConnectResult::Kind::kProceed:
      break;
    case ConnectResult::Kind::kBlocked:
      return io::ConnectDecision{OsError{ErrorCode::kAccessDenied, 10013}, remote};
    case ConnectResult::Kind::kRefused:
      return io::ConnectDecision{OsError{ErrorCode::kRefused, 10061}, remote};
    case ConnectResult::Kind::kStuck:
      return io::ConnectDecision{OsError{ErrorCode::kTimedOut, 10060}, remote};
  }
  // A socket of ours that connects to an adopting listener must not be taken for a foreign one.
  entry->announce =
      result.tag != nullptr || !ForeignDestination(kernel_.config(), result.remote).empty();
  entry->tag = std::move(result.tag);
  entry->syn_to = result.remote;
  return io::ConnectDecision{OsError{}, result.remote};
}

void Machine::BeginSyn(io::NativeHandle socket) {
  HopList tag;
  Address to;
  {
    Shard& shard = ShardOf(socket);
    MutexLock lock(shard.mutex);
    Socket* entry = Find(shard, socket);
    if (entry == nullptr || !entry->announce) return;
    tag = std::move(entry->tag);
    to = entry->syn_to;
  }
  syns_.Begin(socket, to, std::move(tag));
}

void Machine::EndSyn(io::NativeHandle socket, const Address& local) {
  Shard& shard = ShardOf(socket);
  MutexLock lock(shard.mutex);
  Socket* entry = Find(shard, socket);
  if (entry == nullptr) return;
  if (!local.empty()) {
    // A wildcard says no more than what is known.
    if (!local.IsWildcard() || entry->endpoint.local.empty()) entry->endpoint.local = local;
    if (kernel_.trace().enabled()) {
      kernel_.trace().SetSource(entry->endpoint.sequence, SourceOf(local, entry->syn_to));
    }
  }
  // Lock order: shard, then table; nobody takes them the other way round.
  if (entry->announce) entry->ticket = syns_.End(socket, local);
}

void Machine::Connected(io::NativeHandle socket, OsError error) {
  SynTable::Ticket lost;
  {
    Shard& shard = ShardOf(socket);
    MutexLock lock(shard.mutex);
    Socket* entry = Find(shard, socket);
    if (entry == nullptr) return;
    if (error.ok()) {
      entry->endpoint.state = Endpoint::State::kConnected;
      return;
    }
    entry->endpoint.state =
        entry->endpoint.local.empty() ? Endpoint::State::kCreated : Endpoint::State::kBound;
    lost = entry->ticket;
  }
  syns_.Forget(lost);
}

void Machine::Accepted(const ProcessOptions& process, io::NativeHandle socket, const Address& local,
                       const Address& peer) {
  auto entry = std::make_unique<Socket>();
  Endpoint& endpoint = entry->endpoint;
  endpoint.process = &process;
  endpoint.family = local.family();
  endpoint.state = Endpoint::State::kConnected;
  endpoint.accepted = true;
  endpoint.local = local;
  endpoint.remote = peer;
  SynTable::Found found = syns_.Take(local, peer);
  endpoint.inbound =
      found.known ? std::move(found.tag) : AdoptForeign(kernel_.config(), local, peer);
  if (endpoint.inbound != nullptr) Counters::Add(kernel_.counters().delivered);
  Insert(socket, std::move(entry));
}

// As if an application at `peer` had connected to the listener's destination just now.
HopList Machine::AdoptForeign(const Config& config, const Address& local, const Address& peer) {
  const Address destination = ForeignDestination(config, local);
  if (destination.empty()) return nullptr;
  Endpoint application;
  application.process = &foreign_process_;
  application.family = destination.family();
  application.local = peer;
  ConnectResult result = kernel_.Connect(application, destination);
  if (result.kind != ConnectResult::Kind::kProceed || !result.redirected) return nullptr;
  // Only the winner's proxy gets the record; this is another one's listener.
  if (KeyOf(result.remote) != KeyOf(local)) return nullptr;
  Counters::Add(kernel_.counters().foreign);
  return std::move(result.tag);
}

io::ControlReply Machine::Answer(const io::ControlRequest& request) {
  Shard& shard = ShardOf(request.socket);
  MutexLock lock(shard.mutex);
  Socket* entry = Find(shard, request.socket);
  return kernel_.Control(entry == nullptr ? nullptr : &entry->endpoint, request);
}

io::ControlReply Machine::AnswerPended(void* self, const io::ControlRequest& request) {
  auto* machine = static_cast<Machine*>(self);
  const Knobs& knobs = machine->kernel_.config().knobs;
  if (knobs.completion == Completion::kFailAfterPend)
    return io::ControlReply{knobs.fail_status, 0, 0};
  return machine->Answer(request);
}

io::ControlAnswer Machine::Control(const io::ControlRequest& request, io::ControlReply* reply) {
  if (!IsRedirectCode(request.code)) return io::ControlAnswer::kUnknown;
  bool pend = false;
  bool any_order = false;
  if (request.complete != nullptr) {
    switch (kernel_.config().knobs.completion) {
      case Completion::kInline:
        break;
      case Completion::kRandom:
        any_order = true;
        pend = kernel_.Chance(0.5);
        break;
      case Completion::kPend:
      case Completion::kFailAfterPend:
        pend = true;
        break;
    }
  }
  if (!pend) {
    *reply = Answer(request);
    return io::ControlAnswer::kDone;
  }
  Counters::Add(kernel_.counters().pended);
  pended_.Add(request, any_order);
  return io::ControlAnswer::kPended;
}

bool Machine::Visit(io::NativeHandle socket, const std::function<void(Endpoint&)>& visit) {
  Shard& shard = ShardOf(socket);
  MutexLock lock(shard.mutex);
  Socket* entry = Find(shard, socket);
  if (entry == nullptr) return false;
  visit(entry->endpoint);
  return true;
}

std::size_t Machine::sockets() const {
  std::size_t sum = 0;
  for (const Shard& shard : shards_) {
    MutexLock lock(shard.mutex);
    sum += shard.sockets.size();
  }
  return sum;
}

}  // namespace sluice::emulated
