// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/pump.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/flow/flow.h"
#include "engine/flow/inspection.h"

namespace sluice::flow {
namespace {

// A part-filled chunk with less room than this part of it is left alone and a fresh one taken.
// Unmeasured.
constexpr std::size_t kRoomPart = 8;

}  // namespace

Pump::Pump(Flow& flow, memory::Slab& slab, Direction direction)
    : flow_(flow), queue_(slab), direction_(direction) {}

const FlowHost& Pump::host() const { return flow_.host(); }
Leg& Pump::from() const { return flow_.LegFrom(direction_); }
Leg& Pump::to() const { return flow_.LegTo(direction_); }

void Pump::Start() { Receive(false); }

// False: there is nothing to receive into.
bool Pump::FindRoom() {
  // The room left in a chunk that nobody else names any more is the whole chunk.
  if (room_.size() < host().slab->chunk_bytes() / kRoomPart) room_.Reset();
  if (!host().slab->CanSpareNodes(0)) return false;
  return room_ || host().slab->available() > 0;
}

// REQUIRES: FindRoom. Returns how many chunks.
std::size_t Pump::FillLanding(Landing& landing) {
  std::size_t count = 0;
  if (room_) landing.chunks[count++] = std::move(room_);
  while (count < landing_wanted_) {
    memory::Slice chunk = host().slab->Take();
    if (!chunk) break;
    landing.chunks[count++] = std::move(chunk);
  }
  return count;
}

// With few chunks left, memory is taken only for bytes that are known to be there.
bool Pump::WaitsFirst() const {
  return host().policy->quiet_after == 0 ||
         host().slab->available() <= host().slab->chunks_max() / 8;
}

// A queue may grow to what is left for all others, so that those who fill memory leave some of it
// to those who drain it: the next hop may live on this slab.
std::size_t Pump::QueueMax() const {
  const std::size_t left = std::size_t{host().slab->available()} * host().slab->chunk_bytes();
  return std::min(host().policy->queue_high, std::max<std::size_t>(left, 1));
}

void Pump::Receive(bool readable) {
  if (end_seen_ || pended() || !flow_.relaying()) return;
  if (from().landing != nullptr || !from().readable.idle()) return;
  // Comes back here when it is empty, and so does a queue that has to be first.
  if (pipe_ != nullptr || (bulk_ && !queue_.empty())) return;
  if (queue_.size() >= QueueMax()) return;
  if (host().budget->spent() && StoppedByBudget()) return;
  if (StoppedByPace()) return;
  over_budget_ = false;
  if (!readable && (bulk_ || WaitsFirst())) return AwaitReadable();
  if (bulk_ && ReceiveIntoPipe()) return;
  if (!FindRoom()) {
    host().counters->Add(metrics::Counter::k_starved);
    if (!ListNode<StarvedTag>::linked()) host().starved->PushBack(*this);
    return host().limited(host().owner, metrics::Counter::k_starved);
  }
  Landing* landing = host().pools->landings.Make();
  // It will have a chunk of its own, and there are as many of these as of those.
  SLUICE_CHECK(landing != nullptr);
  std::size_t count = FillLanding(*landing);
  std::size_t bytes_max = ReceiveMax();
  io::IoBuffer buffers[Landing::kChunksMax];
  for (std::size_t i = 0; i < count && bytes_max > 0; ++i) {
    const std::size_t part = std::min(landing->chunks[i].size(), bytes_max);
    buffers[i] = io::IoBuffer{landing->chunks[i].data(), part};
    bytes_max -= part;
    if (bytes_max == 0) count = i + 1;
  }
  from().landing = landing;
  landing->recv.Bind<&Pump::OnReceived>(this);
  host().port->Recv(landing->recv, from().socket, absl::MakeConstSpan(buffers, count));
}

// False: there is no pipe now, or no more than a chunk may be received.
bool Pump::ReceiveIntoPipe() {
  const std::size_t bytes_max = std::min(host().policy->queue_high, host().budget->left());
  if (bytes_max < host().slab->chunk_bytes()) return false;
  pipe_ = host().pools->pipes.Take(*host().port);
  bulk_ = pipe_ != nullptr;
  if (!bulk_) return false;
  Landing* landing = host().pools->landings.Make();
  // It has a pipe of its own, and there are as many of these as of those.
  SLUICE_CHECK(landing != nullptr);
  from().landing = landing;
  landing->recv.Bind<&Pump::OnReceived>(this);
  host().port->Recv(landing->recv, from().socket, *pipe_, bytes_max);
  return true;
}

void Pump::GivePipeBack() {
  if (pipe_ == nullptr) return;
  host().pools->pipes.Give(std::exchange(pipe_, nullptr));
  Account();
}

// Waits without memory.
void Pump::AwaitReadable() {
  room_.Reset();
  host().port->AwaitReadable(from().readable, from().socket);
}

void Pump::ResumeStarved() { Receive(true); }

void Pump::BecomeQuiet() {
  if (from().landing == nullptr || quieting_) return;
  quieting_ = true;
  host().port->Cancel(from().landing->recv);
}

void Pump::OnReceived(Outcome outcome) {
  const bool was_quieting = std::exchange(quieting_, false);
  const bool wanted = flow_.relaying() && !end_seen_;
  memory::Chain fresh(*host().slab);
  EndReceive(wanted && outcome.ok() ? outcome.bytes : 0, fresh);
  if (!wanted) return flow_.OnOperationEnded();
  if (!outcome.ok()) {
    if (was_quieting && outcome.error.code == ErrorCode::kAborted) return AwaitReadable();
    return flow_.OnLegError(from(), outcome.error);
  }
  if (outcome.bytes == 0) {
    end_seen_ = true;
    DecideNow();
    Account();
    Send();
    if (discarding_) flow_.CloseIfEnded();
    return;
  }
  flow_.OnActivity();
  AcceptBytes(fresh);
  Send();
  Receive(false);
}

// Gives the landing back. The bytes that were received go to `fresh`, if they are not in the pipe,
// and the room behind them is kept.
void Pump::EndReceive(std::size_t received, memory::Chain& fresh) {
  Landing* landing = std::exchange(from().landing, nullptr);
  if (pipe_ != nullptr) {
    host().pools->landings.Free(landing);
    // Less than a chunk is not worth a pipe's calls: by memory again. Unmeasured.
    if (received < host().slab->chunk_bytes()) bulk_ = false;
    if (received == 0) return GivePipeBack();
    has_received_ = true;
    return;
  }
  std::size_t count = received;
  std::size_t offered = 0;
  bool linked = true;
  for (memory::Slice& chunk : landing->chunks) {
    offered += chunk.size();
    const std::size_t part = std::min(count, chunk.size());
    if (part == 0) continue;
    linked = fresh.Append(chunk.Part(0, part)) && linked;
    chunk.RemovePrefix(part);
    count -= part;
    if (chunk.size() > 0) room_ = std::move(chunk);
  }
  SLUICE_CHECK(count == 0);
  // Links are four times the chunks, and a receive needs at most one for each chunk it filled.
  SLUICE_CHECK(linked);
  host().pools->landings.Free(landing);
  if (received == 0) return;
  has_received_ = true;
  if (received == offered) {
    bulk_ = landing_wanted_ == Landing::kChunksMax && flow_.inspection() == nullptr &&
            host().policy->splice && host().pools->pipes.supported();
    landing_wanted_ =
        static_cast<std::uint8_t>(std::min<std::size_t>(landing_wanted_ * 2u, Landing::kChunksMax));
  } else if (received * 2 < host().slab->chunk_bytes()) {
    landing_wanted_ = 1;
  }
}

// Takes what was received into the queue, past the inspector.
void Pump::AcceptBytes(memory::Chain& fresh) {
  Looking* look = looking();
  if (host().tap != nullptr) TapReceived(fresh);
  if (discarding_) {
    fresh.Clear();
  } else if (look == nullptr) {
    queue_.Append(fresh);
  } else {
    Look(*look, fresh);
  }
  Account();
}

void Pump::Account() {
  const std::size_t bytes = queue_.size() + held() + (pipe_ != nullptr ? pipe_->size() : 0);
  host().budget->bytes += bytes;
  host().budget->bytes -= std::exchange(accounted_, bytes);
}

// What is held is being sent, or its verdict is waited for: either comes back to Receive.
bool Pump::StoppedByBudget() {
  landing_wanted_ = 1;
  if (accounted_ == 0) return false;
  if (!std::exchange(over_budget_, true)) {
    host().counters->Add(metrics::Counter::k_paused_buffered);
    host().limited(host().owner, metrics::Counter::k_paused_buffered);
  }
  room_.Reset();
  return true;
}

void Pump::OnReadable(Outcome outcome) {
  if (!flow_.relaying() || end_seen_) {
    flow_.OnOperationEnded();
    return;
  }
  if (!outcome.ok()) {
    flow_.OnLegError(from(), outcome.error);
    return;
  }
  flow_.OnActivity();
  Receive(true);
}

void Pump::Send() {
  if (to().send != nullptr || !flow_.may_send()) return;
  if (!to().socket.is_open()) return DropQueue();
  if (queue_.empty() && !pipe_holds()) {
    if (discarding_ || (end_seen_ && !pended())) PassFin();
    return;
  }
  to().send = host().pools->sends.Make();
  // It holds the pipe or a link of the queue, and there are as many of these as of those.
  SLUICE_CHECK(to().send != nullptr);
  to().send->Bind<&Pump::OnSent>(this);
  if (pipe_holds()) return host().port->Send(*to().send, to().socket, *pipe_);
  io::IoBuffer buffers[io::SendOp::kBuffersMax];
  std::size_t count = 0;
  queue_.ForEach([&](std::byte* data, std::size_t size) {
    buffers[count++] = io::IoBuffer{data, size};
    return count < io::SendOp::kBuffersMax;
  });
  host().port->Send(*to().send, to().socket, absl::MakeConstSpan(buffers, count));
}

void Pump::OnSent(Outcome outcome) {
  host().pools->sends.Free(std::exchange(to().send, nullptr));
  if (!flow_.may_send()) {
    DropQueue();
    flow_.OnOperationEnded();
    return;
  }
  if (!outcome.ok()) {
    flow_.OnLegError(to(), outcome.error);
    return;
  }
  flow_.OnActivity();
  host().counters->Add(
      direction_ == Direction::kUp ? metrics::Counter::k_bytes_up : metrics::Counter::k_bytes_down,
      outcome.bytes);
  if (pipe_ == nullptr) {
    queue_.RemovePrefix(outcome.bytes);
  } else {
    host().counters->Add(metrics::Counter::k_bytes_spliced, outcome.bytes);
    if (pipe_->size() == 0) GivePipeBack();
  }
  Account();
  Send();
  if (queue_.size() <= host().policy->queue_high / 2) Receive(false);
}

void Pump::GoOn() {
  Send();
  Receive(false);
}

void Pump::PassFin() {
  if (finished_) return;
  finished_ = true;
  flow_.OnPumpFinished(*this);
}

void Pump::StopReceiving() {
  end_seen_ = true;
  if (ListNode<StarvedTag>::linked()) host().starved->Remove(*this);
  room_.Reset();
}

void Pump::DropQueue() {
  Withdraw();
  if (Looking* look = looking()) look->Forget();
  if (to().send == nullptr) {
    queue_.Clear();
    if (from().landing == nullptr) GivePipeBack();
  }
  Account();
}

}  // namespace sluice::flow
