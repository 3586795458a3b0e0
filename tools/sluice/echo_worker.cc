// SPDX-License-Identifier: Apache-2.0
#include "tools/sluice/echo_worker.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace sluice::tool {
namespace {

constexpr int kAcceptSlots = 64;
constexpr Nanos kAcceptRest = 10 * kMillisecond;

}  // namespace

absl::StatusOr<std::unique_ptr<EchoWorker>> EchoWorker::Create(const EchoOptions& options,
                                                               const Payload& payload) {
  absl::StatusOr<std::unique_ptr<io::Port>> port = io::Port::Create(io::PortOptions{});
  if (!port.ok()) return port.status();
  return std::unique_ptr<EchoWorker>(new EchoWorker(options, payload, *std::move(port)));
}

EchoWorker::EchoWorker(const EchoOptions& options, const Payload& payload,
                       std::unique_ptr<io::Port> port)
    : options_(options), payload_(payload), port_(std::move(port)) {
  given_message_.Bind(this, [](void* self) { static_cast<EchoWorker*>(self)->TakeGiven(); });
}

EchoWorker::~EchoWorker() {
  while (free_.PopFront() != nullptr) {
  }
  io::AcceptedSocket accepted;
  while (given_.Pop(accepted)) io::Port::Discard(accepted, nullptr);
}

absl::StatusOr<Address> EchoWorker::Listen(const Address& local, std::vector<EchoWorker*> workers) {
  const OsError error = port_->Listen(listener_, local, io::ListenOptions{});
  if (!error.ok()) {
    return absl::UnavailableError(
        absl::StrCat("--listen: cannot listen on ", local.ToString(), ": ", error.ToString()));
  }
  workers_ = std::move(workers);
  for (int i = 0; i < kAcceptSlots; ++i) {
    slots_.push_back(std::make_unique<AcceptSlot>());
    AcceptSlot& slot = *slots_.back();
    slot.worker = this;
    slot.operation.Bind<&AcceptSlot::OnAccepted>(&slot);
    port_->Accept(slot.operation, listener_);
  }
  return listener_.local();
}

void EchoWorker::OnAccepted(AcceptSlot& slot, Outcome outcome) {
  if (outcome.ok()) Give(slot.operation.Take());
  if (!listener_.is_open()) return;
  if (outcome.ok()) return port_->Accept(slot.operation, listener_);
  // Out of descriptors, most likely: this slot rests, the listener stays.
  slot.resting = true;
  if (retry_at_ == Instant::Never()) retry_at_ = port_->now() + kAcceptRest;
}

void EchoWorker::Give(io::AcceptedSocket accepted) {
  EchoWorker& worker = *workers_[next_worker_];
  next_worker_ = (next_worker_ + 1) % workers_.size();
  if (&worker == this) return Begin(accepted);
  if (!worker.given_.Push(std::move(accepted))) return io::Port::Discard(accepted, nullptr);
  worker.port_->Post(worker.given_message_);
}

void EchoWorker::TakeGiven() {
  io::AcceptedSocket accepted;
  while (given_.Pop(accepted)) Begin(accepted);
}

void EchoWorker::Begin(io::AcceptedSocket accepted) {
  if (free_.empty()) {
    flows_.push_back(MakeEchoFlow(options_.behaviour, *this));
    free_.PushBack(*flows_.back());
  }
  EchoFlow& flow = *free_.PopFront();
  live_.PushBack(flow);
  ++stats_.accepted;
  flow.Begin(accepted);
}

void EchoWorker::OnEnded(EchoFlow& flow) {
  live_.Remove(flow);
  free_.PushBack(flow);
}

void EchoWorker::Stop(int requests) {
  stop_requests_.store(requests, std::memory_order_release);
  port_->Wake();
}

void EchoWorker::ObeyStop() {
  const int requests = stop_requests_.load(std::memory_order_acquire);
  if (requests == stop_obeyed_) return;
  stop_obeyed_ = requests;
  port_->Close(listener_);
  if (requests > 1) live_.ForEach([](EchoFlow& flow) { flow.Cut(); });
}

bool EchoWorker::Busy() const {
  if (stop_obeyed_ == 0 || !live_.empty() || !listener_.is_joined()) return true;
  return false;
}

void EchoWorker::Run() {
  while (Busy()) {
    port_->RunOnce(retry_at_);
    if (retry_at_ <= port_->now() && listener_.is_open()) {
      retry_at_ = Instant::Never();
      for (const auto& slot : slots_) {
        if (std::exchange(slot->resting, false)) port_->Accept(slot->operation, listener_);
      }
    }
    ObeyStop();
  }
}

}  // namespace sluice::tool
