// SPDX-License-Identifier: Apache-2.0
#include "tools/sluice/echo_flow.h"

#include <algorithm>

#include "engine/base/check.h"
#include "tools/sluice/echo_worker.h"

namespace sluice::tool {
namespace {

constexpr std::size_t kEchoBuffer = 64 * 1024;
constexpr std::size_t kSinkBuffer = 256 * 1024;
constexpr std::size_t kSourceBuffer = 4 * 1024;

}  // namespace

EchoFlow::EchoFlow(EchoWorker& worker, std::size_t buffer_size)
    : worker_(worker),
      buffer_(std::make_unique_for_overwrite<unsigned char[]>(buffer_size)),
      buffer_size_(buffer_size) {
  receive_.Bind<&EchoFlow::Received>(this);
  send_.Bind<&EchoFlow::Sent>(this);
}

void EchoFlow::Begin(io::AcceptedSocket accepted) {
  SLUICE_CHECK(socket_.is_joined());
  ending_ = false;
  // On failure the port has closed it.
  if (!worker_.port().Adopt(socket_, accepted).ok()) return End(/*abort=*/true);
  OnBegin();
}

void EchoFlow::Receive() {
  const io::IoBuffer buffer{buffer_.get(), buffer_size_};
  worker_.port().Recv(receive_, socket_, absl::MakeConstSpan(&buffer, 1));
}

void EchoFlow::Send(absl::Span<const unsigned char> bytes) {
  // A send only reads.
  const io::IoBuffer buffer{const_cast<unsigned char*>(bytes.data()), bytes.size()};
  worker_.port().Send(send_, socket_, absl::MakeConstSpan(&buffer, 1));
}

bool EchoFlow::GoesOn(Outcome outcome) {
  if (ending_) {
    // The last one to join ends it.
    if (socket_.is_joined()) worker_.OnEnded(*this);
    return false;
  }
  if (!outcome.ok()) End(/*abort=*/true);
  return outcome.ok();
}

void EchoFlow::Received(Outcome outcome) {
  if (GoesOn(outcome)) OnReceived(outcome.bytes);
}

void EchoFlow::Sent(Outcome outcome) {
  if (GoesOn(outcome)) OnSent(outcome.bytes);
}

void EchoFlow::Cut() {
  if (!ending_) End(/*abort=*/true);
}

void EchoFlow::End(bool abort) {
  ending_ = true;
  if (abort) {
    worker_.CountFailed();
    worker_.port().Abort(socket_);
  } else {
    worker_.port().Close(socket_);
  }
  // Otherwise the handler of what is still armed does.
  if (socket_.is_joined()) worker_.OnEnded(*this);
}

EchoBack::EchoBack(EchoWorker& worker) : EchoFlow(worker, kEchoBuffer) {}

void EchoBack::OnBegin() {
  echoed_ = 0;
  Receive();
}

void EchoBack::OnReceived(std::uint32_t bytes) {
  if (bytes == 0) return End(/*abort=*/false);
  const std::uint64_t close_after = worker_.options().close_after;
  filled_ = bytes;
  if (close_after != 0)
    filled_ = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, close_after - echoed_));
  sent_ = 0;
  SendRest();
}

void EchoBack::SendRest() { Send(buffer().subspan(sent_, filled_ - sent_)); }

void EchoBack::OnSent(std::uint32_t bytes) {
  sent_ += bytes;
  echoed_ += bytes;
  worker_.CountBytes(bytes);
  if (sent_ < filled_) return SendRest();
  if (echoed_ == worker_.options().close_after) return End(/*abort=*/false);
  Receive();
}

Sink::Sink(EchoWorker& worker) : EchoFlow(worker, kSinkBuffer) {}

void Sink::OnBegin() {
  receipt_ = Receipt{};
  receipt_sent_ = 0;
  Receive();
}

void Sink::OnReceived(std::uint32_t bytes) {
  if (bytes == 0) {
    receipt_.Write(buffer().data());
    return Send(buffer().first(Receipt::kSize));
  }
  // After the first difference nothing counts.
  const bool all_matched = receipt_.matched == receipt_.received;
  if (all_matched && worker_.payload().Matches(0, receipt_.received, buffer().first(bytes))) {
    receipt_.matched += bytes;
  }
  receipt_.received += bytes;
  worker_.CountBytes(bytes);
  Receive();
}

void Sink::OnSent(std::uint32_t bytes) {
  receipt_sent_ += bytes;
  if (receipt_sent_ == Receipt::kSize) return End(/*abort=*/false);
  Send(buffer().subspan(receipt_sent_, Receipt::kSize - receipt_sent_));
}

Source::Source(EchoWorker& worker) : EchoFlow(worker, kSourceBuffer) {}

void Source::OnBegin() {
  sent_ = 0;
  client_ended_ = false;
  Receive();
  SendMore();
}

void Source::SendMore() { Send(worker_.payload().At(0, sent_, Payload::kTableSize)); }

void Source::OnSent(std::uint32_t bytes) {
  sent_ += bytes;
  worker_.CountBytes(bytes);
  if (client_ended_) return End(/*abort=*/false);
  SendMore();
}

void Source::OnReceived(std::uint32_t bytes) {
  if (bytes != 0) return Receive();
  // The send in flight goes first, or it would be cut off with an RST.
  client_ended_ = true;
  if (!sending()) End(/*abort=*/false);
}

std::unique_ptr<EchoFlow> MakeEchoFlow(EchoBehaviour behaviour, EchoWorker& worker) {
  switch (behaviour) {
    case EchoBehaviour::kSink:
      return std::make_unique<Sink>(worker);
    case EchoBehaviour::kSource:
      return std::make_unique<Source>(worker);
    case EchoBehaviour::kEcho:
      break;
  }
  return std::make_unique<EchoBack>(worker);
}

}  // namespace sluice::tool
