// SPDX-License-Identifier: Apache-2.0
#include "engine/redirect/emulated/kernel.h"

#include <optional>
#include <random>
#include <utility>

#include "engine/base/prng.h"
#include "engine/redirect/emulated/evaluation.h"

namespace sluice::emulated {
namespace {

// Blobs of another process's machine must be foreign here, so this is the one thing no seed
// decides.
std::uint64_t MakeNonce() {
  static std::atomic<std::uint64_t> machines{0};
  std::random_device device;
  const std::uint64_t random = (std::uint64_t{device()} << 32) ^ device();
  return Prng(random ^ machines.fetch_add(1)).Next();
}

Layer RedirectLayer(const Address& remote) {
  return remote.family() == Family::kV6 ? Layer::kConnectRedirectV6 : Layer::kConnectRedirectV4;
}

// v4-mapped destinations are authorised at the v4 layer, although they are redirected at the v6
// one.
Layer AuthLayer(const Address& remote) {
  return remote.Canonical().family() == Family::kV6 ? Layer::kAuthConnectV6 : Layer::kAuthConnectV4;
}

void DescribeRecords(const Config& config, const HopList& records, TraceRecord* trace) {
  trace->hops = CountOf(records);
  std::uint32_t index = trace->hops;
  for (const Hop* hop = records.get(); hop != nullptr; hop = hop->older.get()) {
    --index;
    if (index >= static_cast<std::uint32_t>(TraceRecord::kStepsMax)) continue;
    const auto label = config.handle_labels.find(hop->handle);
    trace->hop_vendors[index] = label == config.handle_labels.end() ? 0 : label->second;
  }
}

}  // namespace

// One connect on its way through the layers.
struct Kernel::Pass {
  const Config& config;
  const Endpoint& endpoint;
  const Address& remote;   // as asked for
  const HopList& records;  // R, before redirection
  Evaluation& evaluation;
  HopList carried;  // R', after it
  std::uint32_t target_pid = 0;

  ClassifyValues Values(Layer layer) const {
    ClassifyValues values;
    values.layer = layer;
    values.local = endpoint.local;
    values.remote = remote;
    values.pid = endpoint.process->pid;
    values.path = endpoint.process->path;
    values.has_records = records != nullptr;
    return values;
  }
};

Kernel::Kernel(const Knobs& knobs, std::size_t trace_capacity)
    : trace_(trace_capacity), nonce_(MakeNonce()) {
  auto first = std::make_unique<Config>();
  first->knobs = knobs;
  MutexLock lock(mutex_);
  config_.store(first.get(), std::memory_order_release);
  snapshots_.push_back(std::move(first));
}

void Kernel::Mutate(const std::function<void(Config&)>& change) {
  MutexLock lock(mutex_);
  auto next = std::make_unique<Config>(*snapshots_.back());
  change(*next);
  config_.store(next.get(), std::memory_order_release);
  snapshots_.push_back(std::move(next));
}

HandleId Kernel::CreateHandle() {
  const HandleId handle = next_handle_.fetch_add(1, std::memory_order_relaxed);
  Mutate([&](Config& config) { config.handles.insert(handle); });
  return handle;
}

void Kernel::DestroyHandle(HandleId handle) {
  Mutate([&](Config& config) { config.handles.erase(handle); });
}

FilterId Kernel::AddFilter(const FilterOptions& options) {
  Filter filter;
  filter.id = NewFilterId();
  filter.handle = options.handle;
  filter.weight = options.weight;
  filter.action = options.action;
  filter.hard_permit = options.hard_permit;
  filter.callout = options.callout;
  filter.condition = options.condition;
  Mutate([&](Config& config) {
    if (!options.name.empty()) {
      filter.label = static_cast<VendorId>(config.labels.size());
      config.labels.push_back(options.name);
      if (options.handle != 0) config.handle_labels.emplace(options.handle, filter.label);
    }
    config.Insert(options.at_auth, options.sublayer_weight, filter);
  });
  return filter.id;
}

void Kernel::RemoveFilter(FilterId id) {
  Mutate([&](Config& config) { config.Remove(id); });
}

std::uint64_t Kernel::Draw() {
  const std::uint64_t seed = config().knobs.seed;
  // A generator's state after n steps is a function of n, so threads can share it without a lock.
  return Prng(seed + draws_.fetch_add(1, std::memory_order_relaxed) * 0x9E3779B97F4A7C15ULL).Next();
}

bool Kernel::Chance(double share) {
  if (share <= 0.0) return false;
  if (share >= 1.0) return true;
  return static_cast<double>(Draw() >> 11) * 0x1.0p-53 < share;
}

BlobFormat Kernel::blob_format() const {
  const Knobs& knobs = config().knobs;
  return BlobFormat{nonce_, knobs.record_pad, knobs.scramble};
}

void Kernel::ResetGuards() {
  MutexLock lock(guard_mutex_);
  fresh_.clear();
}

ConnectResult Kernel::Refuse(ConnectResult::Kind kind, ConnectResult result) {
  Counters::Add(kind == ConnectResult::Kind::kBlocked ? counters_.blocked : counters_.refused);
  result.kind = kind;
  result.tag = nullptr;
  return result;
}

ConnectResult Kernel::Connect(Endpoint& endpoint, const Address& remote) {
  const Config& config = this->config();
  Counters::Add(counters_.connects);
  ConnectResult result;
  result.remote = remote;
  result.sequence = next_sequence_.fetch_add(1, std::memory_order_relaxed);
  endpoint.sequence = result.sequence;

  std::optional<TraceRecord> trace;
  if (trace_.enabled()) trace.emplace();
  Evaluation evaluation(config, endpoint.installed, counters_,
                        trace.has_value() ? &*trace : nullptr);
  Pass pass{config, endpoint, remote, endpoint.installed, evaluation, endpoint.installed};
  const Action action = evaluation.Run(config.redirect, pass.Values(RedirectLayer(remote)));
  if (evaluation.stuck()) {
    result = Refuse(ConnectResult::Kind::kStuck, result);
  } else if (action == Action::kBlock) {
    result = Refuse(ConnectResult::Kind::kBlocked, result);
  } else if (!Redirect(pass, result) || !GuardsHold(pass, result)) {
    result = Refuse(ConnectResult::Kind::kRefused, result);
  } else if (!Authorise(pass, result, pass.target_pid)) {
    result = Refuse(ConnectResult::Kind::kBlocked, result);
  } else {
    Tag(pass, result);
    endpoint.remote = remote;
    endpoint.outgoing = result.redirected ? pass.carried : nullptr;
    endpoint.state = Endpoint::State::kConnecting;
    if (result.redirected) Counters::Add(counters_.redirected);
  }
  if (trace.has_value()) {
    DescribeRecords(config, endpoint.installed, &*trace);
    trace->sequence = result.sequence;
    trace->application =
        endpoint.installed == nullptr ? result.sequence : endpoint.installed->application;
    trace->source = endpoint.local;
    trace->destination = remote;
    trace->effective = result.remote;
    trace->refused = result.kind != ConnectResult::Kind::kProceed;
    trace_.Add(*trace);
  }
  return result;
}

// Turns the winning version into a hop. False: the platform refuses the connect.
bool Kernel::Redirect(Pass& pass, ConnectResult& result) {
  const ConnectRequest* winner = pass.evaluation.winner();
  if (winner == nullptr) return true;
  const bool changed = winner->remote != pass.remote;
  if (!changed && winner->handle == 0) return true;
  if (winner->remote.empty()) return false;
  if (winner->handle == 0) {
    // Since Windows 8 a redirection to this machine needs a handle; one to elsewhere carries
    // nothing.
    if (pass.config.IsLocal(winner->remote)) return false;
    Counters::Add(counters_.remote_redirects);
    result.remote = winner->remote;
    return true;
  }
  if (!pass.config.IsAlive(winner->handle) || winner->target_pid == 0) return false;
  Hop hop;
  hop.handle = winner->handle;
  hop.filter = winner->modifier;
  hop.sequence = result.sequence;
  hop.app_pid = pass.endpoint.process->pid;
  hop.target_pid = winner->target_pid;
  hop.app_path = pass.endpoint.process->path;
  hop.context = pass.evaluation.TakeContext(winner->context);
  hop.original_remote = pass.remote;
  hop.original_local = pass.endpoint.local;
  hop.effective_remote = winner->remote;
  pass.carried = Extend(pass.records, std::move(hop));
  pass.target_pid = winner->target_pid;
  result.remote = winner->remote;
  result.redirected = true;
  return true;
}

bool Kernel::GuardsHold(const Pass& pass, const ConnectResult& result) {
  if (!result.redirected) return true;
  const Knobs& knobs = pass.config.knobs;
  if (knobs.max_hops != 0 && CountOf(pass.carried) > knobs.max_hops) {
    counters_.Add(Fault::kMaxHops);
    return false;
  }
  // A loop for want of SET makes no hops pile up: each round looks like a fresh connect of a proxy.
  // A good chain never makes one.
  if (knobs.redirect_budget == 0 || pass.records != nullptr || !pass.endpoint.process->proxy)
    return true;
  MutexLock lock(guard_mutex_);
  if (++fresh_[KeyOf(pass.remote)] <= knobs.redirect_budget) return true;
  counters_.Add(Fault::kRedirectBudget);
  return false;
}

bool Kernel::Authorise(const Pass& pass, const ConnectResult& result, std::uint32_t target_pid) {
  const bool moved = result.remote != pass.remote;
  const bool twice = moved && !result.remote.IsLoopback();
  if (pass.config.auth.empty()) {
    counters_.auth_passes.fetch_add(twice ? 2 : 1, std::memory_order_relaxed);
    return true;
  }
  // Twice for a redirected connect that leaves the machine: as asked for, then as it will be.
  if (twice) {
    Counters::Add(counters_.auth_passes);
    Evaluation first(pass.config, pass.records, counters_, nullptr);
    if (first.Run(pass.config.auth, pass.Values(AuthLayer(pass.remote))) == Action::kBlock)
      return false;
  }
  Counters::Add(counters_.auth_passes);
  ClassifyValues values = pass.Values(AuthLayer(result.remote));
  values.remote = result.remote;
  values.redirected = moved;
  if (moved) {
    values.target_pid = target_pid;
    // Seen on Windows: a mapped original shows as unspecified at the v4 layer.
    values.original_remote = pass.remote.IsV4Mapped()
                                 ? Address::Wildcard(Family::kV4, pass.remote.tcp_port())
                                 : pass.remote;
  }
  Evaluation second(pass.config, pass.records, counters_, nullptr);
  return second.Run(pass.config.auth, values) != Action::kBlock;
}

// What rides on the SYN.
void Kernel::Tag(const Pass& pass, ConnectResult& result) {
  const Config& config = pass.config;
  if (pass.carried == nullptr || !config.IsLocal(result.remote)) return;
  if (!result.redirected && !config.knobs.deliver_inherited) return;
  const bool loopback = result.remote.IsLoopback() || result.remote.IsWildcard();
  const bool local_unspecified = pass.endpoint.local.empty() || pass.endpoint.local.IsWildcard();
  if (!loopback && local_unspecified && config.knobs.lan_target_loses_records) return;
  if (Chance(config.knobs.strip_tag)) {
    Counters::Add(counters_.stripped);
    return;
  }
  result.tag = pass.carried;
}

}  // namespace sluice::emulated
