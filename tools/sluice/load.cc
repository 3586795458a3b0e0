// SPDX-License-Identifier: Apache-2.0
//
// The verb `load`: a closed loop of short connections against an echo server, verified byte by byte.
#include <memory>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tools/sluice/cli.h"
#include "tools/sluice/exit_codes.h"
#include "tools/sluice/load_plan.h"
#include "tools/sluice/load_report.h"
#include "tools/sluice/load_worker.h"
#include "tools/sluice/os.h"

namespace sluice::tool {
namespace {

constexpr Nanos kDefaultDuration = 10 * kSecond;

// Empty if the options fit together.
std::string Conflict(const LoadOptions& options) {
  if (options.threads > options.connections) {
    return absl::StrCat("--threads: ", options.threads, " threads for ", options.connections,
                        " connections; give at least as many --connections");
  }
  if (!options.sources.empty() && options.sources.front().family() != options.target.family()) {
    return absl::StrCat("--source: ", options.sources.front().ToString(), " is not of the family of --connect ",
                        options.target.ToString());
  }
  return "";
}

using Workers = std::vector<std::unique_ptr<LoadWorker>>;

absl::StatusOr<Workers> MakeWorkers(LoadPlan& plan) {
  Workers workers;
  const std::uint64_t threads = plan.options().threads;
  const std::uint64_t connections = plan.options().connections;
  for (std::uint64_t i = 0; i < threads; ++i) {
    const std::uint64_t share = connections / threads + (i < connections % threads ? 1 : 0);
    absl::StatusOr<std::unique_ptr<LoadWorker>> worker = LoadWorker::Create(plan, i, share);
    if (!worker.ok()) return worker.status();
    workers.push_back(*std::move(worker));
  }
  return workers;
}

// Prints the seconds as they pass; returns when all workers have ended.
void FollowSeconds(LoadPlan& plan) {
  const bool print = !plan.options().json;
  if (print) PrintLine(LoadHeader());
  std::uint64_t succeeded = 0;
  std::uint64_t errors = 0;
  LoadBoard::Second what;
  for (std::uint64_t second = 0;; ++second) {
    const bool more = plan.board().Wait(second, &what);
    // Once all workers have ended this second may have been reported by some only.
    if (!more && what.reports == 0) return;
    succeeded += what.stats.succeeded;
    errors += what.stats.error_count();
    if (print) PrintLine(LoadSecondLine(second, what, succeeded, errors));
  }
}

double MeasuredSeconds(const LoadPlan& plan, const LoadStats& total, Instant ended) {
  // A run bounded by a count ends with its last success; one bounded by time, or stopped, ends then.
  Instant until = std::min(plan.end(), ended);
  if (plan.options().count != 0 && plan.end() > total.last_success && total.last_success.ns != 0) {
    until = total.last_success;
  }
  return static_cast<double>(std::max<Nanos>(0, until - plan.measured_from())) / static_cast<double>(kSecond);
}

int RunLoad(LoadOptions options) {
  const std::string conflict = Conflict(options);
  if (!conflict.empty()) {
    PrintError(conflict);
    return kExitUsage;
  }
  if (options.count == 0 && options.duration == 0) options.duration = kDefaultDuration;

  LoadPlan plan(options, Instant::Now());
  absl::StatusOr<Workers> workers = MakeWorkers(plan);
  if (!workers.ok()) {
    PrintError(workers.status().message());
    return kExitFatal;
  }
  LoadResult result;
  {
    const StopWatcher watcher([&](int requests) {
      plan.RequestStop(requests);
      for (const auto& worker : *workers) worker->Wake();
    });
    std::vector<std::thread> threads;
    for (const auto& worker : *workers) threads.emplace_back([&worker] { worker->Run(); });
    FollowSeconds(plan);
    for (std::thread& thread : threads) thread.join();
  }
  result.stats = plan.board().total();
  result.seconds = MeasuredSeconds(plan, result.stats, Instant::Now());
  result.cpu_seconds = ProcessCpuSeconds();
  PrintLine(options.json ? LoadJson(options, result) : LoadText(result));

  // With no success at all the run proved nothing, whatever errors are allowed.
  if (result.stats.succeeded + result.stats.late == 0) return kExitErrors;
  return result.stats.error_count() == 0 || options.allow_errors ? kExitOk : kExitErrors;
}

}  // namespace

void AddLoadVerb(CLI::App& app, Action& action) {
  CLI::App* verb = app.add_subcommand("load", "Make verified short connections to an echo server and measure them");
  auto options = std::make_shared<LoadOptions>();
  LoadOptions* o = options.get();
  AddAddress(verb, "--connect", &o->target, AddressUse::kConnect, "Echo server, or the proxy before it")->required();
  AddSize(verb, "--bytes", &o->bytes, {1, std::uint64_t{1} << 40}, "Bytes to send, and to receive back");
  AddCount(verb, "--connections,-c", &o->connections, {1, 100000}, "Connections at the same time");
  AddCount(verb, "--count,-n", &o->count, {1, std::uint64_t{1} << 62}, "End after so many connections")
      ->default_str("");
  AddDuration(verb, "--duration,-d", &o->duration, "Measure for so long [10s, unless --count is given]")
      ->default_str("");
  AddCount(verb, "--threads", &o->threads, {1, 256}, "Threads, with a port each");
  AddDuration(verb, "--warmup", &o->warmup, "Run so long before measuring");
  AddDuration(verb, "--timeout", &o->timeout, "Give an exchange up after that");
  AddSources(verb, "--source", &o->sources, "Local addresses to connect from in turn, 127.0.1.1-127.0.1.50 too");
  verb->add_flag("--json,-J", o->json, "Print one JSON document instead of text");
  verb->add_flag("--allow-errors", o->allow_errors, "Exit with 0 although some connections failed");
  verb->callback([&action, options] { action = [options] { return RunLoad(*options); }; });
}

}  // namespace sluice::tool
