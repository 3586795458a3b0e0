// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/pump.h"

#include <algorithm>

#include "engine/base/check.h"
#include "engine/flow/flow.h"

namespace sluice::flow {
namespace {

// A part-filled chunk with less room than this part of it is left alone and a fresh one taken.
// Unmeasured.
constexpr std::size_t kRoomPart = 8;

}  // namespace

Pump::Pump(Flow& flow, const FlowHost& host, inspect::Direction direction, Leg& from, Leg& to)
    : flow_(flow),
      host_(host),
      from_(from),
      to_(to),
      queue_(*host.slab),
      held_(*host.slab),
      direction_(direction) {}

void Pump::Start() { Receive(false); }

// Puts chunks to receive into at the front of landing_; returns how many.
std::size_t Pump::FillLanding() {
  // The room left in a chunk that nobody else names any more is the whole chunk.
  if (landing_[0].size() < host_.slab->chunk_bytes() / kRoomPart) landing_[0].Reset();
  std::size_t count = landing_[0] ? 1 : 0;
  while (count < landing_wanted_) {
    memory::Slice chunk = host_.slab->Take();
    if (!chunk) break;
    landing_[count++] = std::move(chunk);
  }
  return count;
}

void Pump::ReleaseLanding() {
  for (memory::Slice& slice : landing_) slice.Reset();
}

// With few chunks left, memory is taken only for bytes that are known to be there.
bool Pump::ChunksAreScarce() const {
  return host_.slab->available() <= host_.slab->chunks_max() / 8;
}

// A queue may grow to what is left for all others, so that those who fill memory leave some of it
// to those who drain it: the next hop may live on this slab.
std::size_t Pump::QueueMax() const {
  const std::size_t left = std::size_t{host_.slab->available()} * host_.slab->chunk_bytes();
  return std::min(host_.policy->queue_high, std::max<std::size_t>(left, 1));
}

void Pump::Receive(bool readable) {
  if (end_seen_ || pended() || !flow_.relaying()) return;
  if (!from_.recv.idle() || !from_.readable.idle()) return;
  if (queue_.size() >= QueueMax()) return;
  if (host_.budget->spent() && StoppedByBudget()) return;
  over_budget_ = false;
  if (!readable && ChunksAreScarce()) {
    ReleaseLanding();
    host_.port->AwaitReadable(from_.readable, from_.socket);
    return;
  }
  const std::size_t count = FillLanding();
  if (count == 0) {
    host_.counters->Add(metrics::Counter::k_starved);
    if (!ListNode<StarvedTag>::linked()) host_.starved->PushBack(*this);
    return host_.limited(host_.owner, metrics::Counter::k_starved);
  }
  io::IoBuffer buffers[kLandingMax];
  for (std::size_t i = 0; i < count; ++i) {
    buffers[i] = io::IoBuffer{landing_[i].data(), landing_[i].size()};
  }
  host_.port->Recv(from_.recv, from_.socket, absl::MakeConstSpan(buffers, count));
}

void Pump::ResumeStarved() { Receive(true); }

void Pump::BecomeQuiet() {
  if (from_.recv.idle() || quieting_) return;
  quieting_ = true;
  host_.port->Cancel(from_.recv);
}

void Pump::OnReceived(Outcome outcome) {
  const bool was_quieting = std::exchange(quieting_, false);
  if (!flow_.relaying() || end_seen_) {
    ReleaseLanding();
    flow_.OnOperationEnded();
    return;
  }
  if (!outcome.ok()) {
    ReleaseLanding();
    if (was_quieting && outcome.error.code == ErrorCode::kAborted) {
      host_.port->AwaitReadable(from_.readable, from_.socket);
      return;
    }
    flow_.OnLegError(from_, outcome.error);
    return;
  }
  if (outcome.bytes == 0) {
    end_seen_ = true;
    ReleaseLanding();
    Send();
    return;
  }
  flow_.OnActivity();
  AcceptBytes(outcome.bytes);
  Send();
  Receive(false);
}

// Moves `count` received bytes from the landing chunks to the queue, past the inspector.
void Pump::AcceptBytes(std::size_t count) {
  const std::size_t received = count;
  std::size_t offered = 0;
  memory::Chain fresh(*host_.slab);
  bool linked = true;
  for (memory::Slice& slice : landing_) {
    offered += slice.size();
    const std::size_t part = std::min(count, slice.size());
    if (part > 0) linked = fresh.Append(slice.Part(0, part)) && linked;
    slice.RemovePrefix(part);
    count -= part;
    // Only the room right behind the last byte is worth keeping, and it must stand first.
    if (part > 0 && slice.size() > 0 && &slice != &landing_[0]) landing_[0] = std::move(slice);
    if (&slice != &landing_[0] || slice.size() == 0) slice.Reset();
  }
  SLUICE_CHECK(count == 0);
  // Links are four times the chunks, and a receive needs at most one for each chunk it filled.
  SLUICE_CHECK(linked);
  if (received == offered) {
    landing_wanted_ =
        static_cast<std::uint8_t>(std::min<std::size_t>(landing_wanted_ * 2u, kLandingMax));
  } else if (received * 2 < host_.slab->chunk_bytes()) {
    landing_wanted_ = 1;
  }
  bytes_ += received;
  if (host_.inspector == nullptr || Inspect(fresh)) queue_.Append(fresh);
  Account();
}

void Pump::Account() {
  const std::size_t bytes = queue_.size() + held_.size();
  host_.budget->bytes += bytes;
  host_.budget->bytes -= std::exchange(accounted_, bytes);
}

// What is held is being sent, or its verdict is waited for: either comes back to Receive.
bool Pump::StoppedByBudget() {
  landing_wanted_ = 1;
  if (accounted_ == 0) return false;
  if (!std::exchange(over_budget_, true)) {
    host_.counters->Add(metrics::Counter::k_paused_buffered);
    host_.limited(host_.owner, metrics::Counter::k_paused_buffered);
  }
  ReleaseLanding();
  return true;
}

// False: `fresh` goes no further, at least not now.
bool Pump::Inspect(memory::Chain& fresh) {
  SLUICE_CHECK(!pended());
  inspect::Later later(host_.desk, this, host_.port->now() + host_.policy->pending_timeout);
  inspect::Verdict verdict = host_.inspector->OnData(flow_.info(), direction_, fresh, later);
  if (verdict == inspect::Verdict::kPend && later.ticket().valid()) {
    host_.counters->Add(metrics::Counter::k_pended);
    ticket_ = later.ticket();
    held_.Append(fresh);
    host_.pended(host_.owner);
    return false;
  }
  // Taken, but not waited for.
  if (later.ticket().valid()) host_.desk->Withdraw(later.ticket());
  if (verdict == inspect::Verdict::kPend) {
    host_.counters->Add(metrics::Counter::k_refused_pending);
    host_.limited(host_.owner, metrics::Counter::k_refused_pending);
    verdict = host_.policy->pending_default;
  }
  if (verdict == inspect::Verdict::kReset) flow_.OnInspectorReset();
  return verdict == inspect::Verdict::kPass;
}

void Pump::OnVerdict(inspect::Verdict verdict) {
  SLUICE_CHECK(pended());
  ticket_ = inspect::Ticket{};
  // Withdrawn when the flow began to close, so it is not closing.
  SLUICE_CHECK(flow_.may_send());
  if (verdict == inspect::Verdict::kReset) {
    held_.Clear();
    Account();
    return flow_.OnInspectorReset();
  }
  if (verdict == inspect::Verdict::kPass) queue_.Append(held_);
  held_.Clear();
  Account();
  Send();
  Receive(false);
}

void Pump::Withdraw() {
  if (!pended()) return;
  host_.desk->Withdraw(std::exchange(ticket_, inspect::Ticket{}));
}

void Pump::OnReadable(Outcome outcome) {
  if (!flow_.relaying() || end_seen_) {
    flow_.OnOperationEnded();
    return;
  }
  if (!outcome.ok()) {
    flow_.OnLegError(from_, outcome.error);
    return;
  }
  flow_.OnActivity();
  Receive(true);
}

void Pump::Send() {
  if (!to_.send.idle() || !flow_.may_send()) return;
  if (!to_.socket.is_open()) return DropQueue();
  if (queue_.empty()) {
    if (end_seen_ && !pended()) PassFin();
    return;
  }
  io::IoBuffer buffers[io::SendOp::kBuffersMax];
  std::size_t count = 0;
  queue_.ForEach([&](std::byte* data, std::size_t size) {
    buffers[count++] = io::IoBuffer{data, size};
    return count < io::SendOp::kBuffersMax;
  });
  host_.port->Send(to_.send, to_.socket, absl::MakeConstSpan(buffers, count));
}

void Pump::OnSent(Outcome outcome) {
  if (!flow_.may_send()) {
    DropQueue();
    flow_.OnOperationEnded();
    return;
  }
  if (!outcome.ok()) {
    flow_.OnLegError(to_, outcome.error);
    return;
  }
  flow_.OnActivity();
  host_.counters->Add(direction_ == inspect::Direction::kUp ? metrics::Counter::k_bytes_up
                                                            : metrics::Counter::k_bytes_down,
                      outcome.bytes);
  queue_.RemovePrefix(outcome.bytes);
  Account();
  Send();
  if (queue_.size() <= host_.policy->queue_high / 2) Receive(false);
}

void Pump::PassFin() {
  if (finished_) return;
  finished_ = true;
  flow_.OnPumpFinished(*this);
}

void Pump::StopReceiving() {
  end_seen_ = true;
  if (ListNode<StarvedTag>::linked()) host_.starved->Remove(*this);
  if (from_.recv.idle()) ReleaseLanding();
}

void Pump::DropQueue() {
  Withdraw();
  held_.Clear();
  if (to_.send.idle()) queue_.Clear();
  Account();
}

}  // namespace sluice::flow
