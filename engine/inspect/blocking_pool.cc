// SPDX-License-Identifier: Apache-2.0
#include "engine/inspect/blocking_pool.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/log.h"

namespace sluice::inspect {
namespace {

bool Allowed(Verdict verdict, bool opens) {
  switch (verdict) {
    case Verdict::kPass:
    case Verdict::kDetach:
    case Verdict::kClose:
    case Verdict::kReset:
      return true;
    case Verdict::kMore:
    case Verdict::kReplace:
    case Verdict::kDrop:
      return !opens;
    default:
      return false;
  }
}

}  // namespace

BlockingPool::BlockingPool(BlockingHandler& handler, const BlockingOptions& options)
    : handler_(handler), options_(options) {
  SLUICE_CHECK(options.threads >= 1);
  SLUICE_CHECK(options.queue_max >= 1);
  SLUICE_CHECK(options.overload != Verdict::kDrop && Allowed(options.overload, true));
  for (int i = 0; i < options.threads; ++i) threads_.emplace_back([this] { Run(); });
}

BlockingPool::~BlockingPool() {
  Stop();
  const MutexLock lock(mutex_);
  // The engines are gone, and ended all of theirs.
  SLUICE_CHECK(all_.empty());
}

BlockingPool::Flow* BlockingPool::Add(const InspectedFlow& flow) {
  auto* added = new Flow();
  added->view.id = flow.id;
  added->view.listener = flow.listener;
  added->view.client = flow.client;
  added->view.destination = flow.destination;
  const MutexLock lock(mutex_);
  all_.PushBack(*added);
  return added;
}

bool BlockingPool::Reserve(std::size_t bytes) {
  const MutexLock lock(mutex_);
  if (stopping_ || reserved_ >= options_.queue_max ||
      bytes > options_.queue_bytes_max - reserved_bytes_) {
    ++stats_.overloaded;
    return false;
  }
  ++reserved_;
  reserved_bytes_ += bytes;
  return true;
}

void BlockingPool::GiveBack(std::size_t bytes) {
  const MutexLock lock(mutex_);
  SLUICE_CHECK(reserved_ > 0 && reserved_bytes_ >= bytes);
  --reserved_;
  reserved_bytes_ -= bytes;
}

void BlockingPool::Push(Flow& flow, BlockingCall call) {
  std::list<BlockingCall> calls;
  calls.push_back(std::move(call));
  const MutexLock lock(mutex_);
  stats_.bytes_copied += calls.front().bytes.size();
  ++stats_.waiting;
  flow.calls.splice(flow.calls.end(), calls);
  // Nobody would run it. Its token is given up when `calls` goes, behind the lock.
  if (stopping_) return Abandon(flow, calls);
  if (flow.running || static_cast<ListNode<ReadyTag>&>(flow).linked()) return;
  ready_.PushBack(flow);
  came_.notify_one();
}

void BlockingPool::Abandon(Flow& flow, std::list<BlockingCall>& given_up) {
  for (const BlockingCall& call : flow.calls) {
    ++stats_.abandoned;
    --stats_.waiting;
    --reserved_;
    reserved_bytes_ -= call.bytes.size();
  }
  given_up.splice(given_up.end(), flow.calls);
}

void BlockingPool::End(Flow& flow) {
  std::list<BlockingCall> given_up;
  {
    const MutexLock lock(mutex_);
    SLUICE_CHECK(!flow.ended);
    flow.ended = true;
    Abandon(flow, given_up);
    const bool ready = static_cast<ListNode<ReadyTag>&>(flow).linked();
    if (flow.heard) {
      if (flow.running || ready) return;
      ready_.PushBack(flow);
      came_.notify_one();
      return;
    }
    // No thread has it, nor will one.
    SLUICE_CHECK(!flow.running);
    if (ready) ready_.Remove(flow);
  }
  Forget(flow);
}

void BlockingPool::Forget(Flow& flow) {
  {
    const MutexLock lock(mutex_);
    all_.Remove(flow);
  }
  delete &flow;
}

void BlockingPool::Run() {
  for (;;) {
    Taken taken;
    if (!Take(taken)) return;
    if (taken.end) {
      if (RunEnd(*taken.flow)) Forget(*taken.flow);
    } else {
      RunCall(*taken.flow, taken.call.front());
    }
  }
}

bool BlockingPool::Take(Taken& taken) {
  const MutexLock lock(mutex_);
  while (!stopping_ && ready_.empty()) came_.wait(mutex_);
  if (stopping_) return false;
  Flow& flow = *ready_.PopFront();
  taken.flow = &flow;
  taken.end = flow.calls.empty();
  flow.running = true;
  if (taken.end) {
    SLUICE_CHECK(flow.ended);
    return true;
  }
  taken.call.splice(taken.call.begin(), flow.calls, flow.calls.begin());
  flow.heard = true;
  flow.view.destination = taken.call.front().destination;
  --reserved_;
  reserved_bytes_ -= taken.call.front().bytes.size();
  --stats_.waiting;
  ++stats_.running;
  ++stats_.calls;
  return true;
}

void BlockingPool::RunCall(Flow& flow, BlockingCall& call) {
  Answer answer;
  Called called;
  if (call.opens) {
    called = CallOnOpen(handler_, flow.view, call.open, &answer);
  } else {
    const BlockingData data{call.direction, call.bytes, call.ended, call.must_decide};
    called = CallOnData(handler_, flow.view, data, &answer);
  }
  const bool allowed = !called.threw && Allowed(called.verdict, call.opens);
  bool late = false;
  if (allowed) {
    answer.verdict = called.verdict;
    late = !call.token.Resolve(std::move(answer));
  } else {
    // Given up: the default verdict.
    call.token = Pending();
  }
  const MutexLock lock(mutex_);
  --stats_.running;
  if (called.threw) {
    ++stats_.threw;
  } else if (!allowed) {
    ++stats_.bad_verdict;
  }
  if (late) ++stats_.late;
  NoteTime(called.took);
  flow.running = false;
  // When the pool stops, Stop has the rest.
  if (stopping_ || (flow.calls.empty() && !flow.ended)) return;
  ready_.PushBack(flow);
  came_.notify_one();
}

bool BlockingPool::RunEnd(Flow& flow) {
  const Called called = CallOnEnd(handler_, flow.view);
  const MutexLock lock(mutex_);
  flow.heard = false;
  flow.running = false;
  if (called.threw) ++stats_.threw;
  NoteTime(called.took);
  return flow.ended;
}

void BlockingPool::NoteTime(Nanos took) {
  stats_.longest_ns = std::max(stats_.longest_ns, took);
  if (took < options_.slow_after_ns) return;
  ++stats_.slow;
  const Instant now = Instant::Now();
  if (said_.ns != 0 && now - said_ < kSecond) {
    ++silent_;
    return;
  }
  std::string text = absl::StrCat(handler_.name(), ": a call took ", took / kMillisecond, " ms");
  if (silent_ > 0) absl::StrAppend(&text, " (and ", silent_, " more like it)");
  said_ = now;
  silent_ = 0;
  Log(LogLevel::kWarning, text);
}

void BlockingPool::ForgetReady() {
  while (!ready_.empty()) ready_.PopFront();
}

void BlockingPool::Stop() {
  std::list<BlockingCall> given_up;
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    ForgetReady();
    all_.ForEach([&](Flow& flow) ABSL_NO_THREAD_SAFETY_ANALYSIS { Abandon(flow, given_up); });
    came_.notify_all();
  }
  given_up.clear();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  // Flows whose end nobody was told. They are held here meanwhile; those that have not ended are
  // their engine's to end still.
  std::vector<Flow*> heard;
  {
    const MutexLock lock(mutex_);
    ForgetReady();
    all_.ForEach([&](Flow& flow) {
      if (!flow.heard) return;
      flow.running = true;
      heard.push_back(&flow);
    });
  }
  for (Flow* flow : heard) {
    if (RunEnd(*flow)) Forget(*flow);
  }
}

BlockingStats BlockingPool::stats() const {
  const MutexLock lock(mutex_);
  BlockingStats stats = stats_;
  stats.flows = all_.size();
  return stats;
}

}  // namespace sluice::inspect
