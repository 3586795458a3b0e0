// SPDX-License-Identifier: Apache-2.0
#include "tools/sluice/load_worker.h"

#include <algorithm>

#include "engine/base/check.h"
#include "tools/sluice/transfer.h"

namespace sluice::tool {
namespace {

constexpr Nanos kRest = 10 * kMillisecond;
// More connects at once than this overflow the target's accept queue, and the SYNs are then sent
// again a second later.
constexpr int kStartsPerTurn = 128;
// Of connections that are to be held, so many are opened, or asked again, at once.
constexpr std::size_t kHeldAtOnce = 128;

std::unique_ptr<LoadConnection> MakeConnection(LoadMode mode, LoadWorker& worker) {
  if (mode == LoadMode::kUpload) return std::make_unique<Upload>(worker);
  if (mode == LoadMode::kDownload) return std::make_unique<Download>(worker);
  return std::make_unique<Exchange>(worker);
}

template <typename List>
void Empty(List& list) {
  while (list.PopFront() != nullptr) {
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<LoadWorker>> LoadWorker::Create(LoadPlan& plan, std::uint64_t index,
                                                               std::uint64_t connections) {
  absl::StatusOr<std::unique_ptr<io::Port>> port = io::Port::Create(io::PortOptions{});
  if (!port.ok()) return port.status();
  std::unique_ptr<LoadWorker> worker(new LoadWorker(plan, index, *std::move(port)));
  worker->connections_.reserve(static_cast<std::size_t>(connections));
  for (std::uint64_t i = 0; i < connections; ++i) {
    worker->connections_.push_back(MakeConnection(plan.options().mode, *worker));
    worker->free_.PushBack(*worker->connections_.back());
  }
  return worker;
}

LoadWorker::LoadWorker(LoadPlan& plan, std::uint64_t index, std::unique_ptr<io::Port> port)
    : plan_(plan),
      port_(std::move(port)),
      tally_(plan),
      index_(index),
      next_source_(index * 7919),
      next_target_(index),
      next_payload_(index * 31337 % Payload::kTableSize) {}

LoadWorker::~LoadWorker() {
  Empty(free_);
  Empty(resting_);
  Empty(done_);
}

std::uint64_t LoadWorker::NextPayload() {
  const std::uint64_t begin = next_payload_;
  next_payload_ = (next_payload_ + 8191) % Payload::kTableSize;
  return begin;
}

void LoadWorker::Run() {
  if (options().rate != 0) pace_.emplace(options().rate, plan_.begin(), index_, options().threads);
  while (!Ended()) Turn();
  plan_.board().ReportEnd(tally_.total());
}

void LoadWorker::Turn() {
  const Instant now = Instant::Now();
  ReportSeconds(now);
  ExpireOld(now);
  CutIfAsked();
  if (!over_) StartSome();
  // What was due before the end was begun above, if there was a place.
  if (now >= plan_.end() || plan_.Exhausted()) over_ = true;
  if (over_) WindDown();
  if (!Ended()) port_->RunOnce(NextDeadline());
}

void LoadWorker::StartSome() {
  int budget = kStartsPerTurn;
  if (options().mode == LoadMode::kRequests && pace_) AskSome(&budget);
  Instant now = Instant::Now();
  while (!over_ && !resting_.empty() && resting_.Front()->deadline() <= now)
    free_.PushBack(*resting_.PopFront());
  while (!over_ && !free_.empty() && budget-- > 0 && MayStart(now)) {
    StartOne(*free_.PopFront(), now);
    now = Instant::Now();
  }
  ReportIfHeld();
}

// Open loop of requests: those that are due, on connections that wait.
void LoadWorker::AskSome(int* budget) {
  Instant now = Instant::Now();
  while (!kept_.empty() && pace_->next() <= now && *budget > 0) {
    const Instant due = pace_->Take();
    if (!plan_.TakeStart(due)) {
      over_ = true;
      return;
    }
    --*budget;
    Exchange& exchange = *kept_.PopFront();
    running_.PushBack(exchange);
    Touch(exchange);
    tally_.Begun(due, now);
    exchange.Ask(due, now);
    now = Instant::Now();
  }
}

bool LoadWorker::MayStart(Instant now) {
  if (options().mode == LoadMode::kIdle && running_.size() >= kHeldAtOnce) return false;
  return !PacesStarts() || pace_->next() <= now;
}

// REQUIRES: `connection` is in no list. If the run is over it is done.
void LoadWorker::StartOne(LoadConnection& connection, Instant now) {
  Instant due = now;
  bool granted = now < plan_.end();
  if (PacesStarts()) due = pace_->Take();
  // Else the requests on it are counted, or nothing is.
  if (options().mode == LoadMode::kExchange) granted = plan_.TakeStart(due);
  if (over_ || !granted) {
    over_ = true;
    return done_.PushBack(connection);
  }
  if (PacesStarts() && plan_.open_loop()) tally_.Begun(due, now);
  const std::vector<Address>& sources = options().sources;
  const std::vector<Address>& targets = options().targets;
  Address source;
  if (!sources.empty()) source = sources[static_cast<std::size_t>(next_source_++ % sources.size())];
  running_.PushBack(connection);
  connection.Start(now, due, targets[static_cast<std::size_t>(next_target_++ % targets.size())],
                   source);
}

void LoadWorker::OnReadyToAsk(Exchange& exchange) {
  if (over_) return exchange.Leave();
  if (pace_) return Keep(exchange);
  const Instant now = Instant::Now();
  if (!plan_.TakeStart(now)) {
    over_ = true;
    return exchange.Leave();
  }
  Touch(exchange);
  exchange.Ask(now, now);
}

void LoadWorker::Keep(Exchange& exchange) {
  running_.Remove(exchange);
  kept_.PushBack(exchange);
}

void LoadWorker::Touch(LoadConnection& connection) {
  connection.set_deadline(port_->now() + options().timeout);
  running_.Remove(connection);
  running_.PushBack(connection);
}

// The run is over: what waits or transfers comes to its end; exchanges in flight end by themselves.
void LoadWorker::WindDown() {
  const Instant now = Instant::Now();
  if (!wound_down_) {
    wound_down_ = true;
    if (plan_.open_loop() && !plan_.Exhausted()) tally_.Missed(pace_->MissedBefore(plan_.end()));
    running_.ForEach([now](LoadConnection& connection) { connection.OnOver(now); });
  }
  const bool asks_again = options().mode == LoadMode::kIdle;
  while (!kept_.empty() && (!asks_again || running_.size() < kHeldAtOnce)) {
    Exchange& exchange = *kept_.PopFront();
    running_.PushBack(exchange);
    if (!asks_again) {
      exchange.Leave();
      continue;
    }
    Touch(exchange);
    exchange.Ask(now, now);
  }
}

void LoadWorker::ReportIfHeld() {
  if (options().mode != LoadMode::kIdle || held_reported_) return;
  if (!free_.empty() || !running_.empty() || !ending_.empty()) return;
  held_reported_ = true;
  tally_.Held(kept_.size());
  plan_.ReportHeld(kept_.size());
}

void LoadWorker::ExpireOld(Instant now) {
  // Expire moves the front elsewhere.
  while (!running_.empty() && running_.Front()->deadline() <= now) running_.Front()->Expire();
}

void LoadWorker::CutIfAsked() {
  if (plan_.stop_requests() <= 1 || abandoned_) return;
  abandoned_ = true;
  over_ = true;
  while (!kept_.empty()) running_.PushBack(*kept_.PopFront());
  running_.ForEach([](LoadConnection& connection) { connection.Abandon(); });
}

void LoadWorker::ReportSeconds(Instant now) {
  while (now >= plan_.begin() + static_cast<Nanos>(seconds_reported_ + 1) * kSecond) {
    plan_.board().Report(seconds_reported_, tally_.second(), running_.size() + kept_.size());
    tally_.NextSecond();
    ++seconds_reported_;
  }
}

Instant LoadWorker::NextDeadline() {
  Instant deadline = plan_.begin() + static_cast<Nanos>(seconds_reported_ + 1) * kSecond;
  if (!running_.empty()) deadline = std::min(deadline, running_.Front()->deadline());
  if (over_) return deadline;
  deadline = std::min(deadline, plan_.end());
  if (!resting_.empty()) deadline = std::min(deadline, resting_.Front()->deadline());
  // What waits for the pace: connections that have not begun, or requests.
  const bool waits = pace_ && !(PacesStarts() ? free_.empty() : kept_.empty());
  if (waits) deadline = std::min(deadline, pace_->next());
  const bool starts_now = !free_.empty() && !PacesStarts() && MayStart(deadline);
  if (starts_now) deadline = Instant{0};
  return deadline;
}

void LoadWorker::OnFailed(LoadStage stage) {
  // Where requests are counted, a connection that never comes to ask one counts as one, or a dead
  // target would keep the run from ever ending.
  if (options().mode != LoadMode::kRequests || stage != LoadStage::kConnecting || over_) return;
  if (!plan_.TakeStart(Instant::Now())) over_ = true;
}

void LoadWorker::OnEnding(LoadConnection& connection) {
  running_.Remove(connection);
  ending_.PushBack(connection);
}

void LoadWorker::OnEnded(LoadConnection& connection) {
  ending_.Remove(connection);
  if (over_ || options().mode == LoadMode::kIdle) return done_.PushBack(connection);
  const Instant now = Instant::Now();
  if (connection.failed()) {
    connection.set_deadline(now + kRest);
    return resting_.PushBack(connection);
  }
  // In an open loop it begins when the next one is due.
  if (pace_ && options().mode == LoadMode::kExchange) return free_.PushBack(connection);
  StartOne(connection, now);
}

}  // namespace sluice::tool
