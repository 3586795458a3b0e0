// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/sim_run.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/check.h"
#include "engine/redirect/wfp/wfp_redirector.h"
#include "engine/runtime/engine.h"
#include "engine/runtime/runtime.h"
#include "sluice/emulated.h"
#include "tests/sim/checks.h"
#include "tests/sim/far_end.h"
#include "tests/sim/sim_parts.h"
#include "tests/sim/sim_tap.h"

namespace sluice::sim {
namespace {

using io::sim::World;

constexpr std::uint16_t kFirstServer = 5000;
constexpr std::uint64_t kStepsMax = 2'000'000;
constexpr int kJumpsMax = 3;
constexpr Nanos kDurationMax = 3 * 3600 * kSecond;

class Run {
 public:
  explicit Run(const Scenario& scenario);
  ~Run();
  Report Play();
  // Something never ends, so this cannot be taken down.
  bool stuck() const { return stuck_; }

 private:
  // Somebody who may do something: each has a number, see TryActor.
  std::size_t actors() const {
    return world_.ports().size() + 3 + clients_.size() + servers_.size();
  }
  bool random() const { return scenario_.inspection == Inspection::kRandom; }
  bool TryActor(std::size_t actor);
  bool StepAny();
  bool MoveClock();
  bool Idle();
  void RunUntil(bool (Run::*done)());
  bool TrafficIsOver();
  bool EnginesAreDrained();
  void StopEarly();
  bool AcceptOne();
  void Connect(std::size_t index);
  void AddEngines();
  void Complain(std::string text) { report_.complaints.push_back(std::move(text)); }
  void CheckTap(SimTap& tap, const metrics::Snapshot& metrics);
  void EndEverything();
  void CheckConnections();

  const Scenario& scenario_;
  World world_;
  Report report_;
  std::unique_ptr<emulated::Platform> platform_;
  io::Platform* application_ = nullptr;
  SimInspector inspector_;
  RandomInspector random_;
  std::vector<std::unique_ptr<SimTap>> taps_;  // by engine; empty: nobody taps
  TableRedirector::Table table_;
  std::unique_ptr<runtime::Runtime> runtime_;
  std::vector<std::unique_ptr<runtime::Engine>> engines_;
  std::vector<io::NativeHandle> listeners_;  // by connection; kNoHandle: refused
  std::vector<std::unique_ptr<FarEnd>> clients_;
  std::vector<std::unique_ptr<FarEnd>> servers_;  // by connection; null: never reached
  Instant terminate_at_ = Instant::Never();
  int jumps_ = 0;
  bool stopping_ = false;
  bool stuck_ = false;
};

Run::Run(const Scenario& scenario)
    : scenario_(scenario),
      world_(scenario.world),
      inspector_(world_, scenario.inspection == Inspection::kPend, scenario.never_answered),
      random_(world_, scenario.random, scenario.plans.size(), kFirstServer) {
  // Set-up is not what is put to the test.
  const io::sim::Odds odds = std::exchange(world_.odds(), io::sim::Odds{});
  const std::size_t connections = scenario.plans.size();
  for (std::size_t i = 0; i < connections; ++i) {
    io::NativeHandle handle = io::kNoHandle;
    if (!scenario.plans[i].refused) {
      const auto tcp_port = static_cast<std::uint16_t>(kFirstServer + i);
      SLUICE_CHECK(world_.Open(Family::kV4, &handle).ok());
      SLUICE_CHECK(world_.Bind(handle, Address::Loopback(Family::kV4, tcp_port)).ok());
      SLUICE_CHECK(world_.Listen(handle, 16).ok());
    }
    listeners_.push_back(handle);
  }
  if (scenario.emulated) {
    emulated::PlatformOptions options;
    options.knobs = scenario.knobs;
    options.manual_completion = true;
    platform_ = std::make_unique<emulated::Platform>(options);
    emulated::ProcessOptions application;
    application.pid = 77;
    application.proxy = false;
    application_ = platform_->AddProcess(application);
  }
  runtime::RuntimeOptions options;
  options.workers = scenario.workers;
  options.caller_driven = true;
  options.worker.slab = memory::SlabOptions{scenario.chunk_bytes, scenario.chunks};
  options.worker.handover_max = scenario.handover_max;
  options.worker.stall_timeout = scenario.stall_timeout;
  if (platform_ != nullptr) options.worker.port.platform = platform_->process();
  // What the last hop may count, so that one too many is a connection lost.
  options.loops.hops_max = static_cast<std::uint32_t>(std::max(scenario.hops - 1, 1));
  auto runtime = runtime::Runtime::Create(options);
  SLUICE_CHECK(runtime.ok());
  runtime_ = *std::move(runtime);
  AddEngines();
  servers_.resize(connections);
  for (std::size_t i = 0; i < connections; ++i) Connect(i);
  world_.odds() = odds;
}

Run::~Run() = default;

void Run::AddEngines() {
  for (int hop = 0; hop < scenario_.hops; ++hop) {
    runtime::EngineOptions options;
    options.name = std::string(1, static_cast<char>('A' + hop));
    options.listen = {Address::Loopback(Family::kV4, 0)};
    options.policy = scenario_.policy;
    options.listener.accepts = scenario_.accepts;
    options.limits.flows_max = scenario_.flows_max;
    options.limits.accepts_per_second = scenario_.accepts_per_second;
    options.buffered_max = scenario_.buffered_max;
    if (scenario_.inspection != Inspection::kNone) options.inspector = &inspector_;
    if (random()) options.inspector = &random_;
    if (scenario_.tapped) {
      taps_.push_back(std::make_unique<SimTap>(world_, scenario_.tap_throws, kFirstServer, hop == 0,
                                               hop + 1 == scenario_.hops));
      options.tap = taps_.back().get();
      options.tap_bytes_max = scenario_.tap_bytes_max;
    }
    options.inspector_bytes_per_second = scenario_.inspector_bytes_per_second;
    options.inspector_opens_per_second = scenario_.inspector_opens_per_second;
    if (platform_ != nullptr) {
      options.redirector = std::make_unique<redirect::WfpRedirector>();
    } else {
      options.redirector = std::make_unique<TableRedirector>(table_);
    }
    auto engine = runtime::Engine::Create(*runtime_, std::move(options));
    SLUICE_CHECK(engine.ok());
    SLUICE_CHECK((*engine)->Start().ok());
    engines_.push_back(*std::move(engine));
    if (platform_ == nullptr) continue;
    emulated::VendorOptions vendor;
    vendor.name = engines_.back()->options().name;
    vendor.sublayer_weight = static_cast<std::uint16_t>(1000 - hop);
    vendor.listeners = engines_.back()->addresses();
    SLUICE_CHECK(platform_->AddVendor(vendor).ok());
  }
}

void Run::Connect(std::size_t index) {
  const Plan& plan = scenario_.plans[index];
  const auto tcp_port = static_cast<std::uint16_t>(kFirstServer + index);
  const Address server = Address::Loopback(Family::kV4, tcp_port);
  const Address to = platform_ != nullptr ? server : engines_[0]->addresses()[0];
  clients_.push_back(
      std::make_unique<FarEnd>(world_, plan.client, plan.server.stream, to, application_));
  if (random()) clients_.back()->set_model(&random_.model(index, Direction::kDown));
}

// One connection that waits in a server's queue.
bool Run::AcceptOne() {
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    if (listeners_[i] == io::kNoHandle || !world_.CanAccept(listeners_[i])) continue;
    io::AcceptedSocket accepted;
    if (!world_.Accept(listeners_[i], &accepted).ok()) continue;
    const Plan& plan = scenario_.plans[i];
    if (servers_[i] != nullptr) Complain(absl::StrCat("connection ", i, " arrived twice"));
    servers_[i] =
        std::make_unique<FarEnd>(world_, plan.server, plan.client.stream, accepted.handle, nullptr);
    if (random()) servers_[i]->set_model(&random_.model(i, Direction::kUp));
    return true;
  }
  return false;
}

bool Run::TryActor(std::size_t actor) {
  const std::size_t ports = world_.ports().size();
  if (actor < ports) {
    if (world_.ports()[actor] == nullptr || !world_.ports()[actor]->Runnable()) return false;
    runtime_->worker(actor).Turn();
    return true;
  }
  actor -= ports;
  if (actor == 0) return world_.DeliverOne();
  if (actor == 1) {
    if (platform_ != nullptr && platform_->CompletePended(1) != 0) return true;
    if (random_.HasTokens()) {
      random_.AnswerOne();
      return true;
    }
    if (!inspector_.HasTokens()) return false;
    inspector_.AnswerOne(&report_.complaints);
    return true;
  }
  if (actor == 2) return AcceptOne();
  actor -= 3;
  FarEnd* end =
      actor < clients_.size() ? clients_[actor].get() : servers_[actor - clients_.size()].get();
  if (end == nullptr || !end->Ready()) return false;
  end->Step();
  // The table must know a client before its connection is accepted.
  if (actor < clients_.size() && !end->local().empty()) {
    const auto tcp_port = static_cast<std::uint16_t>(kFirstServer + actor);
    table_[end->local().ToString()] = Address::Loopback(Family::kV4, tcp_port);
  }
  return true;
}

bool Run::StepAny() {
  const std::size_t count = actors();
  for (int i = 0; i < 3; ++i) {
    if (TryActor(static_cast<std::size_t>(world_.prng().Below(count)))) return true;
  }
  const auto first = static_cast<std::size_t>(world_.prng().Below(count));
  for (std::size_t i = 0; i < count; ++i) {
    if (TryActor((first + i) % count)) return true;
  }
  return false;
}

// To the next moment at which somebody has something to do; false when there is none.
bool Run::MoveClock() {
  Instant next = std::min(world_.NextDelivery(), terminate_at_);
  for (io::sim::Stepped* port : world_.ports()) {
    if (port != nullptr) next = std::min(next, port->WakesAt());
  }
  for (const auto* ends : {&clients_, &servers_}) {
    for (const auto& end : *ends) {
      if (end != nullptr) next = std::min(next, end->WakesAt());
    }
  }
  if (next == Instant::Never()) return false;
  if (scenario_.jumps && jumps_ < kJumpsMax && world_.Chance(5)) {
    // The machine slept.
    ++jumps_;
    world_.CountFault();
    next = next + static_cast<Nanos>(world_.prng().Below(200 * kSecond));
  }
  world_.MoveClock(std::max(next, world_.now()));
  return true;
}

void Run::StopEarly() {
  if (!stopping_ && scenario_.stops_early && report_.steps >= scenario_.stop_after) {
    stopping_ = true;
    for (const auto& engine : engines_) engine->BeginStop();
    terminate_at_ = world_.now() + static_cast<Nanos>(world_.prng().Below(2 * kSecond));
  }
  if (world_.now() >= terminate_at_) {
    terminate_at_ = Instant::Never();
    for (const auto& engine : engines_) engine->TerminateFlows();
  }
}

void Run::RunUntil(bool (Run::*done)()) {
  const Instant end = world_.now() + kDurationMax;
  while (!(this->*done)() && !stuck_) {
    ++report_.steps;
    StopEarly();
    if (StepAny()) {
      if (report_.steps < kStepsMax) continue;
      stuck_ = true;
      return Complain("spins: too many steps");
    }
    if (!MoveClock() || world_.now() > end) {
      stuck_ = true;
      return Complain(absl::StrCat("hangs after ", (world_.now().ns) / kMillisecond, " ms"));
    }
  }
}

bool Run::TrafficIsOver() {
  for (const auto& client : clients_) {
    if (!client->story().done) return false;
  }
  for (const auto& server : servers_) {
    if (server != nullptr && !server->story().done) return false;
  }
  for (const io::NativeHandle listener : listeners_) {
    if (listener != io::kNoHandle && world_.CanAccept(listener)) return false;
  }
  for (const auto& engine : engines_) {
    if (engine->flows() != 0) return false;
  }
  // Flows not yet accepted, or on their way between workers.
  return world_.NextDelivery() == Instant::Never() && Idle();
}

bool Run::Idle() {
  for (io::sim::Stepped* port : world_.ports()) {
    if (port != nullptr && port->Runnable()) return false;
  }
  return true;
}

bool Run::EnginesAreDrained() {
  for (const auto& engine : engines_) {
    if (!engine->drained()) return false;
  }
  return true;
}

void Run::CheckTap(SimTap& tap, const metrics::Snapshot& metrics) {
  tap.CheckTotals(metrics);
  for (const std::string& complaint : tap.complaints()) Complain(complaint);
}

void Run::EndEverything() {
  for (const auto& engine : engines_) engine->BeginStop();
  RunUntil(&Run::EnginesAreDrained);
  if (stuck_) return Complain("an engine that stops never ends");
  for (const auto& engine : engines_) {
    engine->Stop(0);
    const metrics::Snapshot metrics = engine->Metrics();
    CheckCounters(*engine, random(), &report_.complaints);
    if (scenario_.tapped)
      CheckTap(*taps_[static_cast<std::size_t>(&engine - &engines_[0])], metrics);
    for (std::size_t i = 0; i < metrics::kCounterCount; ++i) {
      report_.metrics.values[i] += metrics.values[i];
    }
  }
  inspector_.ForgetAll();
  random_.ForgetAll();
  if (random_.open() != 0) Complain(absl::StrCat(random_.open(), " flows had no OnEnd"));
  for (const std::string& complaint : random_.complaints()) Complain(complaint);
  CheckNothingIsLeft(runtime_->Live(), &report_.complaints);
  engines_.clear();
  runtime_->Stop();
  for (const io::NativeHandle listener : listeners_) {
    if (listener != io::kNoHandle) world_.Abort(listener);
  }
  if (platform_ != nullptr && platform_->pended() != 0) Complain("a control is still pended");
  if (world_.handles() != 0) Complain(absl::StrCat(world_.handles(), " handles were never closed"));
  if (world_.tcp_ports() != 0) Complain("a local TCP port was never given back");
}

void Run::CheckConnections() {
  Surroundings around;
  around.metrics = &report_.metrics;
  around.policy = &scenario_.policy;
  around.disturbed = world_.faults() != 0 || scenario_.stops_early;
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    const Story none;
    const Story& client = clients_[i]->story();
    const Story& server = servers_[i] != nullptr ? servers_[i]->story() : none;
    report_.stories.push_back(absl::StrCat(i, " client: ", client.ToString(), "; server: ",
                                           servers_[i] != nullptr ? server.ToString() : "none"));
    if (random()) {
      around.up = &random_.model(i, Direction::kUp);
      around.down = &random_.model(i, Direction::kDown);
    }
    CheckConnection(i, scenario_.plans[i], client, server, around, &report_.complaints);
  }
  if (!around.disturbed) CheckUndisturbed(report_.metrics, &report_.complaints);
}

Report Run::Play() {
  RunUntil(&Run::TrafficIsOver);
  if (stuck_) {
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      if (!clients_[i]->story().done) Complain(absl::StrCat("client ", i, " waits for ever"));
      if (servers_[i] != nullptr && !servers_[i]->story().done) {
        Complain(absl::StrCat("server ", i, " waits for ever"));
      }
    }
  }
  if (!stuck_) EndEverything();
  report_.duration = world_.now().ns - kSecond;
  report_.faults = world_.faults();
  CheckConnections();
  report_.fingerprint = world_.fingerprint();
  return std::move(report_);
}

}  // namespace

std::string Report::ToString() const {
  return absl::StrCat(
      "steps ", steps, ", faults ", faults, ", ", duration / kMillisecond, " ms, fingerprint ",
      absl::Hex(fingerprint), "\n  ", absl::StrJoin(stories, "\n  "),
      complaints.empty() ? "" : "\n  FAILED: ", absl::StrJoin(complaints, "\n  FAILED: "), "\n");
}

Report Play(const Scenario& scenario) {
  auto run = std::make_unique<Run>(scenario);
  Report report = run->Play();
  // Left as it is: the swarm ends here.
  if (run->stuck()) static_cast<void>(run.release());
  return report;
}

}  // namespace sluice::sim
