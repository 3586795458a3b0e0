// SPDX-License-Identifier: Apache-2.0
#include "tools/sluice/serve.h"

#include <algorithm>
#include <cstdio>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "engine/runtime/memory_bound.h"
#include "tools/sluice/cli.h"
#include "tools/sluice/exit_codes.h"

namespace sluice::tool {
namespace {

std::string LiveLine(absl::string_view title, const runtime::LiveCounts& live) {
  return absl::StrCat(title, ": flows=", live.flows, " sockets=", live.sockets,
                      " operations=", live.operations, " chunks=", live.chunks,
                      " buffers=", live.buffers, " pooled=", live.pooled, " timers=", live.timers,
                      " verdicts=", live.verdicts);
}

// Every counter of traffic, and of the others those that counted something.
std::string TotalsLine(absl::string_view name, const metrics::Snapshot& snapshot) {
  using metrics::Counter;
  std::string line = absl::StrCat("totals: engine=", name);
  for (std::size_t i = 0; i < metrics::kCounterCount; ++i) {
    const auto counter = static_cast<Counter>(i);
    const bool traffic = counter == Counter::k_accepted || counter == Counter::k_connected ||
                         absl::StartsWith(metrics::CounterName(counter), "bytes_");
    if (traffic || snapshot[counter] != 0) {
      absl::StrAppend(&line, " ", metrics::CounterName(counter), "=", snapshot[counter]);
    }
  }
  return line;
}

// System calls of all workers, by kind, for each accepted connection. Start and end of the workers
// are in it, so it says little of few connections.
std::string CallsLine(const io::CallCounts& calls, std::uint64_t accepted, std::uint64_t copied) {
  std::string line = absl::StrCat("calls: total=", calls.total());
  if (accepted == 0) return line;
  const auto per_connection = [&](std::uint64_t count) {
    return absl::StrFormat("%.2f", static_cast<double>(count) / static_cast<double>(accepted));
  };
  absl::StrAppend(&line, " per_connection=", per_connection(calls.total()));
  for (std::size_t i = 0; i < io::kCallKinds; ++i) {
    const std::uint64_t count = calls[static_cast<io::Call>(i)];
    if (count != 0) absl::StrAppend(&line, " ", io::kCallNames[i], "=", per_connection(count));
  }
  absl::StrAppend(&line, " bytes_copied=", per_connection(copied));
  return line;
}

}  // namespace

Serving::Serving(const ProxyOptions& options)
    : options_(options), watcher_([this](int requests) { gate_.Request(requests); }) {}

Serving::~Serving() = default;

absl::Status Serving::Begin(io::Platform* platform) {
  runtime_options_.workers = static_cast<int>(options_.workers);
  runtime_options_.worker.port.platform = platform;
  absl::StatusOr<std::unique_ptr<runtime::Runtime>> runtime =
      runtime::Runtime::Create(runtime_options_);
  if (!runtime.ok()) return runtime.status();
  runtime_ = *std::move(runtime);
  return absl::OkStatus();
}

absl::StatusOr<Address> Serving::AddFirst(const std::string& name, const Address& listen,
                                          std::unique_ptr<redirect::Redirector> redirector) {
  runtime::EngineOptions options;
  options.name = name;
  options.listen = {listen};
  options.policy = options_.policy;
  options.policy.splice = options_.splice;
  options.policy.queue_high = static_cast<std::size_t>(options_.queue_high);
  options.limits = options_.limits;
  options.buffered_max = static_cast<std::size_t>(options_.buffered_max);
  options.sources = options_.sources;
  options.redirector = std::move(redirector);
  absl::StatusOr<std::unique_ptr<runtime::Engine>> engine =
      runtime::Engine::Create(*runtime_, std::move(options));
  if (!engine.ok()) return engine.status();
  const absl::Status started = (*engine)->Start();
  if (!started.ok()) return started;
  const Address local = (*engine)->addresses().front();
  engines_.push_back(*std::move(engine));
  return local;
}

void Serving::PrintMemoryBound() {
  std::vector<const runtime::EngineOptions*> engines;
  for (const auto& engine : engines_) engines.push_back(&engine->options());
  const runtime::MemoryBound bound = runtime::WorstCaseMemory(runtime_options_, engines);
  PrintLine(absl::StrCat("memory: ", bound.ToString(), "; sockets' own buffers not counted"));
}

void Serving::Serve() {
  if (options_.verbose) PrintMemoryBound();
  PrintLine(absl::StrCat("listening on ", engines_.back()->addresses().front().ToString()));
  if (options_.stats_every > 0) {
    while (!gate_.WaitFirst(options_.stats_every)) PrintStats();
  }
  gate_.WaitFirst();
  std::thread hurrier([this] {
    if (!gate_.WaitSecond(options_.drain)) return;
    for (const auto& engine : engines_) engine->HurryStop();
  });
  Drain();
  gate_.Finish();
  hurrier.join();
  runtime_->Stop();
}

void Serving::PrintStats() {
  std::uint64_t accepted = 0;
  std::uint64_t joined = 0;
  for (const auto& engine : engines_) {
    const metrics::Snapshot snapshot = engine->Metrics();
    accepted += snapshot[metrics::Counter::k_accepted];
    joined += snapshot[metrics::Counter::k_joined];
  }
  const std::string line =
      absl::StrCat(LiveLine("stats", runtime_->Live()), " handles=", ProcessHandles(),
                   " accepted=", accepted, " joined=", joined, "\n");
  std::fputs(line.c_str(), stderr);
  std::fflush(stderr);
}

// From the first hop on: once its flows have ended, those of the hops behind it are about to.
void Serving::Drain() {
  const Instant deadline = Instant::Now() + options_.drain;
  for (auto engine = engines_.rbegin(); engine != engines_.rend(); ++engine) {
    (*engine)->Stop(std::max<Nanos>(0, deadline - Instant::Now()));
  }
}

int Serving::PrintAccounts() {
  const runtime::LiveCounts live = runtime_->Live();
  PrintLine(LiveLine("live", live));
  std::uint64_t accepted = 0;
  std::uint64_t copied = 0;
  for (auto engine = engines_.rbegin(); engine != engines_.rend(); ++engine) {
    const metrics::Snapshot snapshot = (*engine)->Metrics();
    accepted += snapshot[metrics::Counter::k_accepted];
    copied += snapshot[metrics::Counter::k_bytes_copied];
    PrintLine(TotalsLine((*engine)->options().name, snapshot));
  }
  PrintLine(CallsLine(runtime_->PortTotals().calls, accepted, copied));
  if (live.AllZero()) return kExitOk;
  PrintError("something was still held when everything had stopped: see the line 'live:'");
  return kExitFatal;
}

}  // namespace sluice::tool
