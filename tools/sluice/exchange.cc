// SPDX-License-Identifier: Apache-2.0
#include "tools/sluice/exchange.h"

#include <algorithm>

#include "tools/sluice/load_worker.h"

namespace sluice::tool {
namespace {

constexpr std::uint64_t kBufferMax = 64 * 1024;

}  // namespace

// One more than expected, so that an answer that is too long is seen.
Exchange::Exchange(LoadWorker& worker)
    : LoadConnection(worker, static_cast<std::size_t>(
                                 std::min(worker.plan().options().bytes + 1, kBufferMax))) {}

void Exchange::OnOpen() {
  answers_ = 0;
  switch (options().mode) {
    case LoadMode::kRequests:
      return worker_.OnReadyToAsk(*this);
    case LoadMode::kIdle:
      return Ask(connected_, connected_);
    default:
      return Ask(due_, connected_);
  }
}

void Exchange::Ask(Instant due, Instant now) {
  times_ = ExchangeTimes{due, now, Instant{}, Instant{}};
  stage_ = LoadStage::kExchanging;
  payload_begin_ = worker_.NextPayload();
  sent_ = received_ = 0;
  SendMore();
  Receive();
}

void Exchange::SendMore() {
  const std::uint64_t left = options().bytes - sent_;
  // Sent from the table itself.
  Send(worker_.plan().payload().At(payload_begin_, sent_, left));
}

void Exchange::OnSent(std::uint32_t bytes) {
  sent_ += bytes;
  if (sent_ < options().bytes) return SendMore();
  // The answer may be told of first.
  if (received_ == options().bytes) Answered();
}

void Exchange::OnReceived(std::uint32_t bytes) {
  if (stage_ == LoadStage::kClosing) return bytes == 0 ? PeerClosed() : Fail(LoadError::kMismatch);
  if (!AnswerContinues(bytes)) return;
  if (received_ == options().bytes && !sending()) return Answered();
  // A whole answer before the request went out: OnSent goes on.
  if (received_ < options().bytes) Receive();
}

bool Exchange::AnswerContinues(std::uint32_t bytes) {
  if (bytes == 0) {
    Fail(LoadError::kEofEarly);
    return false;
  }
  if (received_ + bytes > options().bytes ||
      !worker_.plan().payload().Matches(payload_begin_, received_, received(bytes))) {
    Fail(LoadError::kMismatch);
    return false;
  }
  const bool first = received_ == 0;
  received_ += bytes;
  if (!first && received_ < options().bytes) return true;
  const Instant now = Instant::Now();
  if (first) times_.first_byte = now;
  times_.answered = now;
  return true;
}

void Exchange::Answered() {
  ++answers_;
  last_byte_ = times_.answered;
  worker_.tally().Timed(times_);
  switch (options().mode) {
    case LoadMode::kRequests:
      worker_.tally().Counted(times_, received_);
      return answers_ == options().requests ? EndAsAsked() : worker_.OnReadyToAsk(*this);
    case LoadMode::kIdle:
      return answers_ == 1 ? worker_.Keep(*this) : EndAsAsked();
    default:
      return EndAsAsked();
  }
}

void Exchange::EndAsAsked() {
  if (options().close == LoadClose::kPeer) {
    stage_ = LoadStage::kClosing;
    return Receive();
  }
  if (options().mode != LoadMode::kRequests) worker_.tally().Counted(times_, received_ * answers_);
  Finish(/*abort=*/options().close == LoadClose::kRst);
}

void Exchange::PeerClosed() {
  if (options().mode != LoadMode::kRequests) worker_.tally().Counted(times_, received_ * answers_);
  Finish(/*abort=*/false);
}

void Exchange::Leave() {
  last_byte_ = Instant::Now();
  // The peer that was to close first has not had all its requests.
  Finish(/*abort=*/options().close == LoadClose::kRst);
}

}  // namespace sluice::tool
