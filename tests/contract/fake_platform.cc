// SPDX-License-Identifier: Apache-2.0
#include "tests/contract/fake_platform.h"

#include <algorithm>
#include <cstring>

namespace sluice::contract {

using io::ControlAnswer;
using io::ControlReply;
using io::ControlRequest;
using io::NativeHandle;

std::vector<FakePlatform::Event> FakePlatform::events() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return events_;
}

std::vector<FakePlatform::Event> FakePlatform::events(NativeHandle socket) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<Event> found;
  for (const Event& event : events_) {
    if (event.socket == socket) found.push_back(event);
  }
  return found;
}

int FakePlatform::count(Kind kind) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return static_cast<int>(std::count_if(events_.begin(), events_.end(),
                                        [&](const Event& e) { return e.kind == kind; }));
}

int FakePlatform::count(Kind kind, NativeHandle socket) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return static_cast<int>(std::count_if(events_.begin(), events_.end(), [&](const Event& e) {
    return e.kind == kind && e.socket == socket;
  }));
}

void FakePlatform::AnswerWith(Answer answer) {
  const std::lock_guard<std::mutex> lock(mutex_);
  answer_ = std::move(answer);
}

void FakePlatform::DecideWith(Decide decide) {
  const std::lock_guard<std::mutex> lock(mutex_);
  decide_ = std::move(decide);
}

void FakePlatform::ObeyCancel(bool obey) {
  const std::lock_guard<std::mutex> lock(mutex_);
  obey_cancel_ = obey;
}

ControlAnswer FakePlatform::Pend(const ControlRequest& request) {
  const std::lock_guard<std::mutex> lock(mutex_);
  pended_.push_back(request);
  changed_.notify_all();
  return ControlAnswer::kPended;
}

void FakePlatform::WaitForPended(std::size_t n) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [&] { return pended_.size() >= n; });
}

void FakePlatform::WaitForCancels(int n) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [&] { return cancels_ >= n; });
}

std::size_t FakePlatform::pended() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return pended_.size();
}

bool FakePlatform::CompleteOldest(const ControlReply& reply, const std::string& output) {
  ControlRequest request;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (pended_.empty()) return false;
    request = pended_.front();
    pended_.erase(pended_.begin());
  }
  // The buffers are the request's until `complete`.
  if (!output.empty())
    std::memcpy(request.out, output.data(), std::min<std::size_t>(output.size(), request.out_size));
  request.complete(request.ticket, reply);
  return true;
}

void FakePlatform::CancelWhere(const std::function<bool(const ControlRequest&)>& matches) {
  std::vector<ControlRequest> ended;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto middle = std::stable_partition(pended_.begin(), pended_.end(),
                                              [&](const ControlRequest& r) { return !matches(r); });
    ended.assign(middle, pended_.end());
    pended_.erase(middle, pended_.end());
  }
  for (const ControlRequest& request : ended) {
    ControlReply reply;
    reply.status = io::kStatusCancelled;
    request.complete(request.ticket, reply);
  }
}

void FakePlatform::Note(const Event& event) {
  const std::lock_guard<std::mutex> lock(mutex_);
  events_.push_back(event);
}

void FakePlatform::OnOpened(NativeHandle socket, Family) {
  Note({Kind::kOpened, socket, {}, {}, {}, {}});
}

void FakePlatform::OnBound(NativeHandle socket, const Address& local) {
  Note({Kind::kBound, socket, {}, local, {}, {}});
}

void FakePlatform::OnListening(NativeHandle socket, const Address& local, int) {
  Note({Kind::kListening, socket, {}, local, {}, {}});
}

void FakePlatform::OnClosing(NativeHandle socket) {
  Note({Kind::kClosing, socket, {}, {}, {}, {}});
  CancelWhere([&](const ControlRequest& request) { return request.socket == socket; });
}

io::ConnectDecision FakePlatform::OnConnecting(NativeHandle socket, const Address& local,
                                               const Address& remote) {
  Note({Kind::kConnecting, socket, {}, local, remote, {}});
  Decide decide;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    decide = decide_;
  }
  return decide ? decide(remote) : io::ConnectDecision{OsError{}, remote};
}

void FakePlatform::BeginSyn(NativeHandle socket) {
  Note({Kind::kBeginSyn, socket, {}, {}, {}, {}});
}

void FakePlatform::EndSyn(NativeHandle socket, const Address& local) {
  Note({Kind::kEndSyn, socket, {}, local, {}, {}});
}

void FakePlatform::OnConnected(NativeHandle socket, OsError error) {
  Note({Kind::kConnected, socket, {}, {}, {}, error});
}

void FakePlatform::OnAccepted(NativeHandle socket, NativeHandle listener, const Address& local,
                              const Address& peer) {
  Note({Kind::kAccepted, socket, listener, local, peer, {}});
}

ControlAnswer FakePlatform::Control(const ControlRequest& request, ControlReply* reply) {
  Note({Kind::kControl, request.socket, {}, {}, {}, {}});
  Answer answer;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    answer = answer_;
  }
  return answer ? answer(request, reply) : ControlAnswer::kUnknown;
}

void FakePlatform::CancelControl(void* ticket) {
  Note({Kind::kCancel, io::kNoHandle, {}, {}, {}, {}});
  bool obey = true;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++cancels_;
    obey = obey_cancel_;
    changed_.notify_all();
  }
  if (obey) CancelWhere([&](const ControlRequest& request) { return request.ticket == ticket; });
}

}  // namespace sluice::contract
