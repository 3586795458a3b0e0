// SPDX-License-Identifier: Apache-2.0
#include "tools/sluice/load_connection.h"

#include "engine/base/check.h"
#include "tools/sluice/load_worker.h"

namespace sluice::tool {

LoadConnection::LoadConnection(LoadWorker& worker, std::size_t buffer_size)
    : worker_(worker),
      buffer_(std::make_unique_for_overwrite<unsigned char[]>(buffer_size)),
      buffer_size_(buffer_size) {
  connect_.Bind<&LoadConnection::Connected>(this);
  send_.Bind<&LoadConnection::Sent>(this);
  receive_.Bind<&LoadConnection::Received>(this);
}

const LoadOptions& LoadConnection::options() const { return worker_.plan().options(); }

void LoadConnection::Start(Instant now, Instant due, const Address& target, const Address& source) {
  SLUICE_CHECK(socket_.is_joined());
  begun_ = now;
  due_ = due;
  deadline_ = now + options().timeout;
  stage_ = LoadStage::kConnecting;
  ending_ = failed_ = finished_ = false;

  OsError error = worker_.port().Open(socket_, target.family());
  if (error.ok() && !source.empty()) error = worker_.port().Bind(socket_, source);
  if (!error.ok()) return Fail(ClassifyLoadError(stage_, error), error);
  worker_.port().Connect(connect_, socket_, target);
}

bool LoadConnection::GoesOn(Outcome outcome) {
  if (ending_) {
    Settle();
    return false;
  }
  if (!outcome.ok()) Fail(ClassifyLoadError(stage_, outcome.error), outcome.error);
  return outcome.ok();
}

void LoadConnection::Connected(Outcome outcome) {
  if (!GoesOn(outcome)) return;
  connected_ = Instant::Now();
  stage_ = LoadStage::kExchanging;
  worker_.tally().Opened(begun_, connected_);
  OnOpen();
}

void LoadConnection::Send(absl::Span<const unsigned char> bytes) {
  // A send only reads.
  const io::IoBuffer buffer{const_cast<unsigned char*>(bytes.data()), bytes.size()};
  worker_.port().Send(send_, socket_, absl::MakeConstSpan(&buffer, 1));
}

void LoadConnection::Sent(Outcome outcome) {
  if (GoesOn(outcome)) OnSent(outcome.bytes);
}

void LoadConnection::Receive() {
  const io::IoBuffer buffer{buffer_.get(), buffer_size_};
  worker_.port().Recv(receive_, socket_, absl::MakeConstSpan(&buffer, 1));
}

void LoadConnection::Received(Outcome outcome) {
  if (GoesOn(outcome)) OnReceived(outcome.bytes);
}

void LoadConnection::Finish(bool abort) {
  finished_ = true;
  End(abort);
}

void LoadConnection::Fail(LoadError kind, OsError error) {
  failed_ = true;
  worker_.tally().Failed(kind, error);
  worker_.OnFailed(stage_);
  End(/*abort=*/true);
}

void LoadConnection::Expire() { Fail(TimeoutError(stage_)); }

void LoadConnection::Abandon() {
  failed_ = true;
  End(/*abort=*/true);
}

void LoadConnection::End(bool abort) {
  SLUICE_CHECK(!ending_);
  ending_ = true;
  worker_.OnEnding(*this);
  if (abort) {
    worker_.port().Abort(socket_);
  } else {
    worker_.port().Close(socket_);
  }
  Settle();
}

void LoadConnection::Settle() {
  if (!socket_.is_joined()) return;
  if (finished_) worker_.tally().Finished(last_byte_, Instant::Now());
  worker_.OnEnded(*this);
}

}  // namespace sluice::tool
