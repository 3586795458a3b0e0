// SPDX-License-Identifier: Apache-2.0
#include "engine/redirect/emulated/syn_table.h"

#include <chrono>
#include <utility>

#include "engine/redirect/emulated/config.h"

namespace sluice::emulated {
namespace {

// One spelling for "any address": a wildcard of either family.
Address SourceKey(const Address& source) {
  if (source.IsWildcard()) return Address::Wildcard(Family::kV4, source.tcp_port());
  return KeyOf(source);
}

// Connecting to the wildcard reaches loopback.
Address ListenerKey(const Address& listener) {
  const Address key = KeyOf(listener);
  return key.IsWildcard() ? Address::Loopback(key.family(), key.tcp_port()) : key;
}

}  // namespace

void SynTable::Begin(io::NativeHandle socket, const Address& listener, HopList tag) {
  MutexLock lock(mutex_);
  open_[socket] = Open{ListenerKey(listener), std::move(tag), next_key_++};
}

SynTable::Ticket SynTable::End(io::NativeHandle socket, const Address& source) {
  MutexLock lock(mutex_);
  const auto found = open_.find(socket);
  if (found == open_.end()) return Ticket{};
  Open open = std::move(found->second);
  open_.erase(found);
  ended_.notify_all();
  if (source.empty()) return Ticket{};
  Ticket ticket{Route{open.listener, SourceKey(source)}, open.key};
  // Replaces an older one of the same addresses, which was never accepted.
  sent_[ticket.route] = Sent{std::move(open.tag), open.key};
  return ticket;
}

void SynTable::Forget(const Ticket& ticket) {
  if (ticket.key == 0) return;
  MutexLock lock(mutex_);
  const auto found = sent_.find(ticket.route);
  if (found != sent_.end() && found->second.key == ticket.key) sent_.erase(found);
}

bool SynTable::TakeNow(const Address& listener, const Address& source, Found* found) {
  auto sent = sent_.find(Route{listener, source});
  if (sent == sent_.end()) {
    sent = sent_.find(Route{listener, Address::Wildcard(Family::kV4, source.tcp_port())});
  }
  if (sent == sent_.end()) return false;
  found->known = true;
  found->tag = std::move(sent->second.tag);
  sent_.erase(sent);
  return true;
}

bool SynTable::AnyOpen(const Address& listener, std::uint64_t before) const {
  for (const auto& entry : open_) {
    if (entry.second.key < before && entry.second.listener == listener) return true;
  }
  return false;
}

SynTable::Found SynTable::Take(const Address& listener, const Address& source) {
  const Address listener_key = ListenerKey(listener);
  const Address source_key = KeyOf(source);
  Found found;
  MutexLock lock(mutex_);
  if (TakeNow(listener_key, source_key, &found)) return found;
  if (open_.empty()) return found;
  const std::uint64_t before = next_key_;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
  while (AnyOpen(listener_key, before)) {
    if (ended_.wait_until(mutex_, deadline) == std::cv_status::timeout) break;
    if (TakeNow(listener_key, source_key, &found)) return found;
  }
  TakeNow(listener_key, source_key, &found);
  return found;
}

void SynTable::DropListener(const Address& listener) {
  const Address key = ListenerKey(listener);
  MutexLock lock(mutex_);
  absl::erase_if(sent_, [&](const auto& entry) { return entry.first.listener == key; });
}

std::size_t SynTable::size() const {
  MutexLock lock(mutex_);
  return sent_.size() + open_.size();
}

}  // namespace sluice::emulated
