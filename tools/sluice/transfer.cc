// SPDX-License-Identifier: Apache-2.0
#include "tools/sluice/transfer.h"

#include <algorithm>

#include "tools/sluice/load_worker.h"

namespace sluice::tool {
namespace {

constexpr std::size_t kDownloadBuffer = 256 * 1024;

}  // namespace

void Transfer::OnOver(Instant now) {
  // Connecting: OnOpen ends it. All that run get the same deadline, so their list stays in order.
  set_deadline(now + options().timeout);
  if (over_ || stage_ == LoadStage::kConnecting) return;
  over_ = true;
  BeginEnd();
}

bool Transfer::EndOwnHalf() {
  stage_ = LoadStage::kClosing;
  last_byte_ = Instant::Now();
  const OsError error = worker_.port().ShutdownSend(socket_);
  if (!error.ok()) Fail(ClassifyLoadError(stage_, error), error);
  return error.ok();
}

void Transfer::Complete() {
  worker_.tally().Transferred(Instant::Now());
  Finish(/*abort=*/options().close == LoadClose::kRst);
}

// One more than expected, so that an answer that is too long is seen.
Upload::Upload(LoadWorker& worker) : Transfer(worker, Receipt::kSize + 1) {}

void Upload::OnOpen() {
  over_ = worker_.over();
  moved_ = receipt_filled_ = 0;
  Receive();
  SendMore();
}

void Upload::SendMore() { Send(worker_.plan().payload().At(0, moved_, Payload::kTableSize)); }

void Upload::OnSent(std::uint32_t bytes) {
  moved_ += bytes;
  worker_.tally().Moved(worker_.port().now(), bytes, 0);
  if (over_) {
    EndOwnHalf();
    return;
  }
  worker_.Touch(*this);
  SendMore();
}

void Upload::OnReceived(std::uint32_t bytes) {
  if (stage_ != LoadStage::kClosing)
    return Fail(bytes == 0 ? LoadError::kEofEarly : LoadError::kMismatch);
  if (bytes == 0) return Check();
  if (receipt_filled_ + bytes > Receipt::kSize) return Fail(LoadError::kMismatch);
  std::copy_n(received(bytes).begin(), bytes, receipt_ + receipt_filled_);
  receipt_filled_ += bytes;
  Receive();
}

void Upload::Check() {
  if (receipt_filled_ == 0) {
    // Some other sink, which does not count. That the stream ended is all it says.
    worker_.tally().Unconfirmed();
    return Complete();
  }
  if (receipt_filled_ < Receipt::kSize) return Fail(LoadError::kEofEarly);
  const Receipt receipt = Receipt::Read(receipt_);
  worker_.tally().Confirmed(receipt.matched);
  if (receipt.received != moved_ || receipt.matched != moved_) return Fail(LoadError::kMismatch);
  Complete();
}

Download::Download(LoadWorker& worker) : Transfer(worker, kDownloadBuffer) {}

void Download::OnOpen() {
  over_ = false;
  moved_ = 0;
  Receive();
  if (!worker_.over()) return;
  over_ = true;
  worker_.Touch(*this);
  BeginEnd();
}

void Download::BeginEnd() {
  if (options().close == LoadClose::kRst) {
    last_byte_ = Instant::Now();
    return Complete();
  }
  EndOwnHalf();
}

void Download::OnReceived(std::uint32_t bytes) {
  const Instant now = worker_.port().now();
  if (bytes == 0) return over_ ? Complete() : Fail(LoadError::kEofEarly);
  if (!worker_.plan().payload().Matches(0, moved_, received(bytes)))
    return Fail(LoadError::kMismatch);
  if (moved_ == 0) worker_.tally().FirstByte(connected_, Instant::Now());
  moved_ += bytes;
  worker_.tally().Moved(now, 0, bytes);
  if (!over_) worker_.Touch(*this);
  Receive();
}

}  // namespace sluice::tool
