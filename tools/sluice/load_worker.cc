// SPDX-License-Identifier: Apache-2.0
#include "tools/sluice/load_worker.h"

#include <algorithm>

#include "engine/base/check.h"

namespace sluice::tool {
namespace {

constexpr std::uint64_t kBufferMax = 64 * 1024;
constexpr Nanos kRest = 10 * kMillisecond;
// More connects at once than this overflow the target's accept queue, and the SYNs are then sent again a
// second later.
constexpr int kStartsPerTurn = 128;

}  // namespace

Exchange::Exchange(LoadWorker& worker)
    : worker_(worker),
      // One more than expected, so that an answer that is too long is seen.
      buffer_(static_cast<std::size_t>(std::min(worker.plan_.options().bytes + 1, kBufferMax))) {
  connect_.Bind<&Exchange::OnConnected>(this);
  send_.Bind<&Exchange::OnSent>(this);
  receive_.Bind<&Exchange::OnReceived>(this);
}

void Exchange::Start(Instant now, const Address& source) {
  SLUICE_CHECK(socket_.is_joined());
  const LoadOptions& options = worker_.plan_.options();
  begun_ = now;
  due_ = now + options.timeout;
  payload_begin_ = worker_.next_payload_;
  worker_.next_payload_ = (worker_.next_payload_ + 8191) % Payload::kTableSize;
  sent_ = received_ = 0;
  stage_ = LoadStage::kConnecting;
  ending_ = failed_ = false;

  OsError error = worker_.port_->Open(socket_, options.target.family());
  if (error.ok() && !source.empty()) error = worker_.port_->Bind(socket_, source);
  if (!error.ok()) return Fail(ClassifyLoadError(stage_, error), error);
  worker_.port_->Connect(connect_, socket_, options.target);
}

void Exchange::OnConnected(Outcome outcome) {
  if (ending_) return Settle();
  if (!outcome.ok()) return Fail(ClassifyLoadError(stage_, outcome.error), outcome.error);
  stage_ = LoadStage::kExchanging;
  SendMore();
  ReceiveMore();
}

void Exchange::SendMore() {
  const std::uint64_t left = worker_.plan_.options().bytes - sent_;
  const absl::Span<const unsigned char> run = worker_.plan_.payload().At(payload_begin_, sent_, left);
  // Sent from the table itself; a send only reads.
  const io::IoBuffer buffer{const_cast<unsigned char*>(run.data()), run.size()};
  worker_.port_->Send(send_, socket_, absl::MakeConstSpan(&buffer, 1));
}

void Exchange::OnSent(Outcome outcome) {
  if (ending_) return Settle();
  if (!outcome.ok()) return Fail(ClassifyLoadError(stage_, outcome.error), outcome.error);
  sent_ += outcome.bytes;
  if (sent_ < worker_.plan_.options().bytes) SendMore();
}

void Exchange::ReceiveMore() {
  const io::IoBuffer buffer{buffer_.data(), buffer_.size()};
  worker_.port_->Recv(receive_, socket_, absl::MakeConstSpan(&buffer, 1));
}

void Exchange::OnReceived(Outcome outcome) {
  if (ending_) return Settle();
  if (!outcome.ok()) return Fail(ClassifyLoadError(stage_, outcome.error), outcome.error);
  if (outcome.bytes == 0) return Fail(LoadError::kEofEarly, OsError{});
  const std::uint64_t expected = worker_.plan_.options().bytes;
  const auto data = absl::MakeConstSpan(buffer_.data(), outcome.bytes);
  if (received_ + outcome.bytes > expected) return Fail(LoadError::kMismatch, OsError{});
  if (!worker_.plan_.payload().Matches(payload_begin_, received_, data)) {
    return Fail(LoadError::kMismatch, OsError{});
  }
  received_ += outcome.bytes;
  if (received_ == expected) return Succeed();
  ReceiveMore();
}

void Exchange::Succeed() {
  const Instant now = Instant::Now();
  const auto latency = static_cast<std::uint64_t>(now - begun_);
  const auto add = [&](LoadStats& stats) {
    ++stats.succeeded;
    stats.bytes_sent += received_;
    stats.bytes_received += received_;
    stats.latency.Record(latency);
  };
  add(worker_.second_);
  if (worker_.plan_.Measures(begun_, now)) {
    add(worker_.total_);
    worker_.total_.last_success = now;
  } else {
    ++worker_.total_.late;
  }
  End(/*abort=*/false);
}

void Exchange::Fail(LoadError kind, OsError error) {
  failed_ = true;
  worker_.second_.Count(kind, error);
  worker_.total_.Count(kind, error);
  End(/*abort=*/true);
}

void Exchange::Expire() {
  const bool connecting = stage_ == LoadStage::kConnecting;
  Fail(connecting ? LoadError::kConnectTimeout : LoadError::kTimeout, OsError{});
}

void Exchange::Abandon() {
  failed_ = true;
  End(/*abort=*/true);
}

void Exchange::End(bool abort) {
  SLUICE_CHECK(!ending_);
  ending_ = true;
  worker_.OnEnding(*this);
  if (abort) {
    worker_.port_->Abort(socket_);
  } else {
    worker_.port_->Close(socket_);
  }
  Settle();
}

void Exchange::Settle() {
  if (socket_.is_joined()) worker_.OnEnded(*this);
}

absl::StatusOr<std::unique_ptr<LoadWorker>> LoadWorker::Create(LoadPlan& plan, std::uint64_t index,
                                                               std::uint64_t connections) {
  absl::StatusOr<std::unique_ptr<io::Port>> port = io::Port::Create(io::PortOptions{});
  if (!port.ok()) return port.status();
  std::unique_ptr<LoadWorker> worker(new LoadWorker(plan, index, *std::move(port)));
  for (std::uint64_t i = 0; i < connections; ++i) {
    worker->exchanges_.push_back(std::make_unique<Exchange>(*worker));
    worker->idle_.PushBack(*worker->exchanges_.back());
  }
  return worker;
}

LoadWorker::LoadWorker(LoadPlan& plan, std::uint64_t index, std::unique_ptr<io::Port> port)
    : plan_(plan),
      port_(std::move(port)),
      next_source_(index * 7919),
      next_payload_(index * 31337 % Payload::kTableSize) {}

LoadWorker::~LoadWorker() {
  while (idle_.PopFront() != nullptr) {
  }
  while (resting_.PopFront() != nullptr) {
  }
}

void LoadWorker::Run() {
  while (!over_ || !running_.empty() || !ending_.empty()) Turn();
  second_.Clear();
  plan_.board().ReportEnd(total_);
}

void LoadWorker::Turn() {
  const Instant now = Instant::Now();
  if (now >= plan_.end()) over_ = true;
  ReportSeconds(now);
  ExpireOld(now);
  if (plan_.stop_requests() > 1 && !abandoned_) {
    abandoned_ = true;
    running_.ForEach([](Exchange& exchange) { exchange.Abandon(); });
  }
  if (!over_) StartSome(now);
  if (over_ && running_.empty() && ending_.empty()) return;
  port_->RunOnce(NextDeadline());
}

void LoadWorker::StartSome(Instant now) {
  int started = 0;
  while (!resting_.empty() && resting_.Front()->due() <= now && started < kStartsPerTurn) {
    if (!StartOne(*resting_.PopFront(), now)) return;
    ++started;
  }
  while (!idle_.empty() && started < kStartsPerTurn) {
    if (!StartOne(*idle_.PopFront(), now)) return;
    ++started;
  }
}

// REQUIRES: `exchange` is in no list. False when the run is over; it is idle then.
bool LoadWorker::StartOne(Exchange& exchange, Instant now) {
  if (over_ || !plan_.TakeStart(now)) {
    over_ = true;
    idle_.PushBack(exchange);
    return false;
  }
  const std::vector<Address>& sources = plan_.options().sources;
  Address source;
  if (!sources.empty()) source = sources[static_cast<std::size_t>(next_source_++ % sources.size())];
  running_.PushBack(exchange);
  exchange.Start(now, source);
  return true;
}

void LoadWorker::ExpireOld(Instant now) {
  // Expire moves the front elsewhere.
  while (!running_.empty() && running_.Front()->due() <= now) running_.Front()->Expire();
}

void LoadWorker::ReportSeconds(Instant now) {
  while (now >= plan_.begin() + static_cast<Nanos>(seconds_reported_ + 1) * kSecond) {
    plan_.board().Report(seconds_reported_, second_, running_.size());
    second_.Clear();
    ++seconds_reported_;
  }
}

Instant LoadWorker::NextDeadline() {
  Instant deadline = plan_.begin() + static_cast<Nanos>(seconds_reported_ + 1) * kSecond;
  if (!over_) {
    deadline = std::min(deadline, plan_.end());
    if (!resting_.empty()) deadline = std::min(deadline, resting_.Front()->due());
    if (!idle_.empty()) deadline = Instant{0};
  }
  if (!running_.empty()) deadline = std::min(deadline, running_.Front()->due());
  return deadline;
}

void LoadWorker::OnEnding(Exchange& exchange) {
  running_.Remove(exchange);
  ending_.PushBack(exchange);
}

void LoadWorker::OnEnded(Exchange& exchange) {
  ending_.Remove(exchange);
  if (over_) return idle_.PushBack(exchange);
  const Instant now = Instant::Now();
  if (exchange.failed()) {
    exchange.set_due(now + kRest);
    return resting_.PushBack(exchange);
  }
  StartOne(exchange, now);
}

}  // namespace sluice::tool
