// SPDX-License-Identifier: Apache-2.0
#include "engine/redirect/emulated/pended.h"

#include <utility>

#include "engine/base/check.h"

namespace sluice::emulated {

PendedControls::~PendedControls() {
  std::thread thread;
  {
    MutexLock lock(mutex_);
    stop_ = true;
    thread = std::move(thread_);
    work_.notify_all();
  }
  if (thread.joinable()) thread.join();
  SLUICE_CHECK(size() == 0);
}

void PendedControls::Add(const io::ControlRequest& request, bool any_order) {
  MutexLock lock(mutex_);
  SLUICE_CHECK(!stop_);
  items_.push_back(Item{request, any_order});
  size_.store(items_.size(), std::memory_order_release);
  if (manual_) return;
  if (!thread_.joinable()) thread_ = std::thread([this] { Loop(); });
  work_.notify_one();
}

void PendedControls::TakeAt(std::size_t index, io::ControlRequest* request) {
  const auto place = items_.begin() + static_cast<std::ptrdiff_t>(index);
  *request = place->request;
  items_.erase(place);
  size_.store(items_.size(), std::memory_order_release);
}

bool PendedControls::TakeNext(io::ControlRequest* request) {
  if (items_.empty()) return false;
  const std::size_t index =
      items_.front().any_order ? static_cast<std::size_t>(prng_.Below(items_.size())) : 0;
  TakeAt(index, request);
  return true;
}

std::size_t PendedControls::Complete(std::size_t limit) {
  std::size_t done = 0;
  while (done < limit) {
    io::ControlRequest request;
    {
      MutexLock lock(mutex_);
      if (!TakeNext(&request)) break;
    }
    request.complete(request.ticket, answer_(owner_, request));
    ++done;
  }
  return done;
}

void PendedControls::Cancel(void* ticket) {
  io::ControlRequest request;
  {
    MutexLock lock(mutex_);
    std::size_t index = 0;
    while (index < items_.size() && items_[index].request.ticket != ticket) ++index;
    if (index == items_.size()) return;
    TakeAt(index, &request);
  }
  request.complete(ticket, io::ControlReply{io::kStatusCancelled, 0, 0});
}

void PendedControls::CancelSocket(io::NativeHandle socket) {
  if (size() == 0) return;
  for (;;) {
    io::ControlRequest request;
    {
      MutexLock lock(mutex_);
      std::size_t index = 0;
      while (index < items_.size() && items_[index].request.socket != socket) ++index;
      if (index == items_.size()) return;
      TakeAt(index, &request);
    }
    request.complete(request.ticket, io::ControlReply{io::kStatusCancelled, 0, 0});
  }
}

void PendedControls::Loop() {
  for (;;) {
    {
      MutexLock lock(mutex_);
      while (items_.empty() && !stop_) work_.wait(mutex_);
      if (items_.empty()) return;
    }
    Complete(1);
  }
}

}  // namespace sluice::emulated
