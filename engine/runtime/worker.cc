// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/worker.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/io/thread.h"
#include "engine/runtime/engine_part.h"

namespace sluice::runtime {
namespace {

constexpr int kTimersATurn = 256;
constexpr int kAdoptionsATurn = 64;
constexpr std::size_t kStarvedATurn = 64;

}  // namespace

absl::StatusOr<std::unique_ptr<Worker>> Worker::Create(int index, const WorkerOptions& options) {
  absl::StatusOr<std::unique_ptr<io::Port>> port = io::Port::Create(options.port);
  if (!port.ok()) return port.status();
  std::unique_ptr<Worker> worker(new Worker(index, options, *std::move(port)));
  if (!worker->slab_.has_memory() || !worker->pools_.has_memory()) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "memory: worker ", index, " needs ", BytesFor(options),
        " bytes and did not get them; worker.chunks_max and worker.chunk_bytes say how many"));
  }
  return worker;
}

Worker::Worker(int index, const WorkerOptions& options, std::unique_ptr<io::Port> port)
    : index_(index),
      port_(std::move(port)),
      timers_(port_->now()),
      slab_(options.slab),
      buffers_(options.slab.memory),
      pools_(options.slab),
      stall_timeout_(options.stall_timeout),
      thread_name_(options.thread_name),
      processors_(options.processors),
      thread_hook_(options.thread_hook),
      flows_(options.slab.memory),
      ring_(options.handover_max),
      take_connections_(this, [](void* self) { static_cast<Worker*>(self)->TakeConnections(); }) {
  stall_timer_.Bind<&Worker::OnStall>(this);
}

Worker::~Worker() { SLUICE_CHECK(!thread_.joinable()); }

OsError Worker::Start() {
  SLUICE_CHECK(!thread_.joinable());
  OsError error;
  absl::Notification set_up;
  thread_ = std::thread([this, &error, &set_up] { Run(&error, &set_up); });
  set_up.WaitForNotification();
  if (!error.ok()) {
    thread_.join();
    EndPort();
  }
  return error;
}

void Worker::Stop() {
  if (!thread_.joinable()) return EndPort();
  stop_.store(true, std::memory_order_release);
  port_->Wake();
  may_destroy_port_.Notify();
  thread_.join();
}

// The two are gone once it is set up.
void Worker::Run(OsError* error, absl::Notification* set_up) {
  if (!thread_name_.empty()) io::NameThisThread(thread_name_);
  if (!processors_.empty()) *error = io::PinThisThread(processors_);
  if (!error->ok()) return set_up->Notify();
  if (thread_hook_.started != nullptr) thread_hook_.started(thread_hook_.user, index_);
  set_up->Notify();
  while (!stop_.load(std::memory_order_acquire)) Turn();
  // On this thread, because a port dies where it was run; but Stop may still be inside its Wake.
  may_destroy_port_.WaitForNotification();
  EndPort();
  if (thread_hook_.stopping != nullptr) thread_hook_.stopping(thread_hook_.user, index_);
}

void Worker::EndPort() {
  if (port_ == nullptr) return;
  final_stats_ = port_->stats();
  port_.reset();
}

bool Worker::Turn(Instant until) {
  Instant deadline = std::min(timers_.Next(), until);
  if (!starved_.empty() && slab_.CanReceive()) deadline = Instant{};
  in_turn_ = true;
  const int handlers = port_->RunOnce(deadline);
  const int timers = timers_.Advance(port_->now(), kTimersATurn);
  const std::size_t resumed = ResumeStarved();
  FreeRetired();
  in_turn_ = false;
  return handlers > 0 || timers > 0 || resumed > 0;
}

std::size_t Worker::ResumeStarved() {
  for (std::size_t i = 0; i < kStarvedATurn; ++i) {
    if (!slab_.CanReceive()) return i;
    flow::Pump* pump = starved_.PopFront();
    if (pump == nullptr) return i;
    pump->ResumeStarved();
  }
  return kStarvedATurn;
}

// Called whenever the list of the starved may have changed for good.
void Worker::WatchStall() {
  if (starved_.empty()) return timers_.Stop(stall_timer_);
  if (stall_timer_.running()) return;
  given_back_before_ = slab_.given_back();
  timers_.Start(stall_timer_, port_->now() + stall_timeout_);
}

void Worker::OnStall() {
  if (starved_.empty() || slab_.given_back() != given_back_before_) return WatchStall();
  const Instant before = Instant{port_->now().ns - stall_timeout_};
  flow::Flow* stalled = nullptr;
  all_flows_.ForEach([&](flow::Flow& flow) {
    if (!flow.relaying() || !flow.holds_chunks() || flow.last_activity() > before) return;
    if (stalled == nullptr || flow.last_activity() < stalled->last_activity()) stalled = &flow;
  });
  if (stalled != nullptr) stalled->Terminate(flow::Cause::kStalled);
  WatchStall();
}

void Worker::FreeRetired() {
  WatchStall();
  while (flow::Flow* flow = retired_.PopFront()) {
    all_flows_.Remove(*flow);
    flows_.Free(flow);
    AddLoad(-1);
  }
}

flow::Flow* Worker::MakeFlow(flow::FlowHost& host) {
  flow::Flow* flow = flows_.Make(host);
  if (flow == nullptr) return nullptr;
  AddLoad(1);
  all_flows_.PushBack(*flow);
  return flow;
}

// Written by the owner and by listeners of other workers that give connections.
void Worker::AddLoad(std::int32_t count) {
  load_.fetch_add(static_cast<std::uint32_t>(count), std::memory_order_relaxed);
}

bool Worker::GiveConnection(EnginePart* part, io::AcceptedSocket accepted, std::uint32_t listener) {
  if (!ring_.Push(Handover{part, accepted, listener})) return false;
  AddLoad(1);
  port_->Post(take_connections_);
  return true;
}

bool Worker::TakeOneConnection() {
  Handover handover;
  if (!ring_.Pop(handover)) return false;
  AddLoad(-1);
  handover.part->Take(handover.accepted, handover.listener);
  return true;
}

void Worker::TakeConnections() {
  for (int i = 0; i < kAdoptionsATurn; ++i) {
    if (!TakeOneConnection()) return;
  }
  port_->Post(take_connections_);
}

void Worker::TakeAllConnections() {
  while (TakeOneConnection()) {
  }
}

void Worker::Call(absl::FunctionRef<void()> work) {
  if (!thread_.joinable()) {
    work();
    // Outside a turn nothing of a flow is on the stack.
    if (!in_turn_) FreeRetired();
    return;
  }
  SLUICE_CHECK(thread_.get_id() != std::this_thread::get_id());
  struct Task {
    absl::FunctionRef<void()> work;
    absl::Notification done;
  } task{work, {}};
  io::Message message(&task, [](void* self) {
    Task* running = static_cast<Task*>(self);
    running->work();
    running->done.Notify();
  });
  SLUICE_CHECK(port_->Post(message));
  task.done.WaitForNotification();
}

std::size_t Worker::BytesFor(const WorkerOptions& options) {
  return sizeof(Worker) + memory::Slab::BytesFor(options.slab) +
         flow::FlowPools::BytesFor(options.slab) +
         MpscRing<Handover>::BytesFor(options.handover_max);
}

LiveCounts Worker::Live() const {
  const io::PortStats stats = port_stats();
  LiveCounts live;
  live.flows = flows_.live();
  live.sockets = stats.sockets;
  live.operations = stats.armed;
  live.chunks = slab_.used();
  live.buffers = buffers_.live();
  live.pooled = pools_.live();
  live.timers = timers_.running();
  live.verdicts = verdicts_;
  return live;
}

io::PortStats Worker::port_stats() const {
  return port_ != nullptr ? port_->stats() : final_stats_;
}

}  // namespace sluice::runtime
