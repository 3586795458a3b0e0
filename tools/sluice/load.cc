// SPDX-License-Identifier: Apache-2.0
//
// The verb `load`: connections against an echo server, a sink or a source, verified byte by byte
// and measured.
#include <fstream>
#include <memory>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tools/sluice/cli.h"
#include "tools/sluice/exit_codes.h"
#include "tools/sluice/load_plan.h"
#include "tools/sluice/load_report.h"
#include "tools/sluice/load_thresholds.h"
#include "tools/sluice/load_worker.h"
#include "tools/sluice/os.h"
#include "tools/sluice/percentile_file.h"

namespace sluice::tool {
namespace {

constexpr Nanos kDefaultDuration = 10 * kSecond;

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
  const LoadOptions& options = plan.options();
  const bool text = !options.json && !options.json_stream;
  if (text) PrintLine(LoadHeader());
  LoadSoFar so_far;
  LoadBoard::Second what;
  for (std::uint64_t second = 0;; ++second) {
    const bool more = plan.board().Wait(second, &what);
    // Once all workers have ended this second may have been reported by some only.
    if (!more && what.reports == 0) return;
    so_far.Add(what.stats);
    if (text) PrintLine(LoadSecondLine(second, what, so_far));
    if (options.json_stream) PrintLine(LoadSecondJson(second, what, so_far));
  }
}

double MeasuredSeconds(const LoadPlan& plan, const LoadStats& total, Instant ended) {
  // A run bounded by a count ends with its last success; one bounded by time, or stopped, ends
  // then.
  Instant until = std::min(plan.end(), ended);
  if (plan.options().count != 0 && plan.end() > total.last_success && total.last_success.ns != 0) {
    until = total.last_success;
  }
  return static_cast<double>(std::max<Nanos>(0, until - plan.measured_from())) /
         static_cast<double>(kSecond);
}

// Scripts wait for it to look at those who hold the other ends.
void SayIdle(const LoadOptions& options, std::uint64_t held) {
  PrintLine(options.json_stream
                ? absl::StrCat("{\"event\":\"idle\",\"connections_held\":", held, "}")
                : absl::StrCat("idle ", held));
}

void RunWorkers(LoadPlan& plan, const Workers& workers) {
  const auto wake_all = [&workers] {
    for (const auto& worker : workers) worker->Wake();
  };
  plan.set_on_idle([&plan, wake_all](std::uint64_t held) {
    SayIdle(plan.options(), held);
    wake_all();
  });
  const StopWatcher watcher([&](int requests) {
    plan.RequestStop(requests);
    wake_all();
  });
  std::vector<std::thread> threads;
  plan.BeginAt(Instant::Now());
  for (const auto& worker : workers) threads.emplace_back([&worker] { worker->Run(); });
  FollowSeconds(plan);
  for (std::thread& thread : threads) thread.join();
}

int ExitCode(const LoadOptions& options, const LoadResult& result) {
  const LoadStats& stats = result.totals.stats;
  // With no success at all the run proved nothing, whatever errors are allowed.
  if (stats.succeeded + stats.late == 0 || !result.thresholds_missed.empty()) return kExitErrors;
  const bool errors_allowed =
      options.allow_errors || options.thresholds.errors_max != LoadThresholds::kAnyErrors;
  return stats.error_count() == 0 || errors_allowed ? kExitOk : kExitErrors;
}

// True if all of it was written.
bool WritePercentiles(const LoadOptions& options, const Histogram& latency, std::ofstream& file) {
  if (options.hdr.empty()) return true;
  file << PercentileFile(latency);
  file.close();
  if (!file.fail()) return true;
  PrintError(absl::StrCat("--hdr: cannot write '", options.hdr, "'"));
  return false;
}

int RunLoad(LoadOptions options) {
  const std::string conflict = LoadConflict(options);
  if (!conflict.empty()) {
    PrintError(conflict);
    return kExitUsage;
  }
  if (options.count == 0 && options.duration == 0) options.duration = kDefaultDuration;
  // Opened at once: a long run should not end with a file that cannot be written.
  std::ofstream hdr;
  if (!options.hdr.empty()) hdr.open(options.hdr, std::ios::binary);
  if (hdr.fail()) {
    PrintError(absl::StrCat("--hdr: cannot write '", options.hdr, "'"));
    return kExitFatal;
  }

  LoadPlan plan(options, Instant::Now());
  absl::StatusOr<Workers> workers = MakeWorkers(plan);
  if (!workers.ok()) {
    PrintError(workers.status().message());
    return kExitFatal;
  }
  RunWorkers(plan, *workers);

  LoadResult result;
  result.totals = plan.board().total();
  result.seconds = MeasuredSeconds(plan, result.totals.stats, Instant::Now());
  result.cpu_seconds = ProcessCpuSeconds();
  result.thresholds_missed = MissedThresholds(options, result);
  for (const std::string& missed : result.thresholds_missed) PrintError(missed);
  PrintLine(options.json || options.json_stream ? LoadJson(options, result)
                                                : LoadText(options, result));
  if (!WritePercentiles(options, result.totals.stats.latency, hdr)) return kExitFatal;
  return ExitCode(options, result);
}

void AddWorkFlags(CLI::App* verb, LoadOptions* o, std::size_t* mode, std::size_t* close) {
  AddAddresses(verb, "--connect,TARGET", &o->targets, AddressUse::kConnect,
               "The origin, or the proxy before it; several are used in turn")
      ->required();
  AddChoice(verb, "--mode", kLoadModeNames, mode,
            "A connection for each exchange, requests on kept connections, bytes one way, or "
            "connections that idle");
  AddSize(verb, "--bytes", &o->bytes, {1, std::uint64_t{1} << 40},
          "Bytes to send, and to receive back");
  AddCount(verb, "--connections,-c", &o->connections, {1, 100000}, "Connections at the same time");
  AddCount(verb, "--requests", &o->requests, {0, std::uint64_t{1} << 62},
           "With --mode requests: close, and connect anew, after so many; 0 for never");
  AddCount(verb, "--rate,-R", &o->rate, {1, 10000000},
           "Open loop: so many connections, or requests, a second in all, with latencies from when "
           "they were due. With --mode idle: open so many a second")
      ->default_str("");
  AddChoice(verb, "--close", kLoadCloseNames, close,
            "Who ends a connection first: this program, with FIN or RST, or its peer");
  AddCount(verb, "--count,-n", &o->count, {1, std::uint64_t{1} << 62},
           "End after so many connections, or requests")
      ->default_str("");
  AddDuration(verb, "--duration,-d", &o->duration,
              "Measure, or hold, for so long [10s, unless --count is given]")
      ->default_str("");
  AddCount(verb, "--threads", &o->threads, {1, 256}, "Threads, with a port each");
  AddDuration(verb, "--warmup", &o->warmup, "Run so long before measuring");
  AddDuration(verb, "--timeout", &o->timeout,
              "Give an exchange up after that, or a transfer that stands still");
  AddSources(verb, "--source", &o->sources,
             "Local addresses to connect from in turn, 127.0.1.1-127.0.1.50 too");
}

void AddReportFlags(CLI::App* verb, LoadOptions* o) {
  LoadThresholds* limits = &o->thresholds;
  verb->add_flag("--json,-J", o->json, "Print one JSON document instead of text");
  verb->add_flag("--json-stream", o->json_stream,
                 "Print one JSON object a line each second, the document last");
  verb->add_option(
          "--hdr", o->hdr,
          "Write the percentiles of the latency to a file, as HdrHistogram's tools read it")
      ->type_name("FILE");
  AddCount(verb, "--min-rate", &limits->rate_min, {1, std::uint64_t{1} << 62},
           "Exit with 2 below that many connections, requests or bytes a second")
      ->default_str("");
  AddDuration(verb, "--max-p50", &limits->p50_max,
              "Exit with 2 if half of the latencies are longer")
      ->default_str("");
  AddDuration(verb, "--max-p99", &limits->p99_max, "The same for one in a hundred")
      ->default_str("");
  AddDuration(verb, "--max-p999", &limits->p999_max, "The same for one in a thousand")
      ->default_str("");
  AddCount(verb, "--max-errors", &limits->errors_max, {0, LoadThresholds::kAnyErrors - 1},
           "Exit with 2 only if more connections failed")
      ->default_str("");
  verb->add_flag("--allow-errors", o->allow_errors, "Exit with 0 although some connections failed");
}

}  // namespace

void AddLoadVerb(CLI::App& app, Action& action) {
  CLI::App* verb =
      app.add_subcommand("load", "Make verified connections to an origin and measure them");
  auto options = std::make_shared<LoadOptions>();
  auto mode = std::make_shared<std::size_t>(0);
  auto close = std::make_shared<std::size_t>(0);
  AddWorkFlags(verb, options.get(), mode.get(), close.get());
  AddReportFlags(verb, options.get());
  verb->callback([&action, verb, options, mode, close] {
    options->mode = static_cast<LoadMode>(*mode);
    options->close = static_cast<LoadClose>(*close);
    options->bytes_given = verb->count("--bytes") != 0;
    action = [options] { return RunLoad(*options); };
  });
}

}  // namespace sluice::tool
