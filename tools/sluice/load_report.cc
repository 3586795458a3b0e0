// SPDX-License-Identifier: Apache-2.0
#include "tools/sluice/load_report.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "engine/io/port.h"
#include "nlohmann/json.hpp"
#include "sluice/version.h"

namespace sluice::tool {
namespace {

double Seconds(Nanos nanos) { return static_cast<double>(nanos) / static_cast<double>(kSecond); }
double Micros(std::uint64_t nanos) { return static_cast<double>(nanos) / 1000; }
double Millis(std::uint64_t nanos) { return static_cast<double>(nanos) / 1e6; }

std::string ErrorSummary(const LoadStats& stats) {
  std::string text;
  for (std::size_t i = 0; i < kLoadErrorKinds; ++i) {
    if (stats.errors[i] == 0) continue;
    absl::StrAppend(&text, text.empty() ? "" : "; ", stats.errors[i], " ", kLoadErrorNames[i].text);
  }
  if (text.empty()) return "none";
  if (!stats.first_other.ok()) absl::StrAppend(&text, "; the first of those: ", stats.first_other.ToString());
  return text;
}

nlohmann::ordered_json LatencyJson(const Histogram& latency) {
  nlohmann::ordered_json json;
  json["min"] = Micros(latency.min());
  json["mean"] = latency.mean() / 1000;
  json["p50"] = Micros(latency.Percentile(50));
  json["p90"] = Micros(latency.Percentile(90));
  json["p99"] = Micros(latency.Percentile(99));
  json["p99_9"] = Micros(latency.Percentile(99.9));
  json["max"] = Micros(latency.max());
  return json;
}

}  // namespace

double LoadRate(const LoadResult& result) {
  return result.seconds <= 0 ? 0 : static_cast<double>(result.stats.succeeded) / result.seconds;
}

double LoadSuccessRatio(const LoadResult& result) {
  const std::uint64_t good = result.stats.succeeded + result.stats.late;
  const std::uint64_t tried = good + result.stats.error_count();
  return tried == 0 ? 0 : static_cast<double>(good) / static_cast<double>(tried);
}

std::string LoadHeader() {
  return absl::StrFormat("#%7s %7s %10s %12s %7s %8s %9s %9s", "time_s", "conns", "tot_conn", "bytes", "err",
                         "cps", "p50_us", "p99_us");
}

std::string LoadSecondLine(std::uint64_t second, const LoadBoard::Second& what, std::uint64_t succeeded_so_far,
                           std::uint64_t errors_so_far) {
  const LoadStats& stats = what.stats;
  return absl::StrFormat("%8d %7d %10d %12d %7d %8d %9.0f %9.0f", second + 1, what.live, succeeded_so_far,
                         stats.bytes_received, errors_so_far, stats.succeeded,
                         Micros(stats.latency.Percentile(50)), Micros(stats.latency.Percentile(99)));
}

std::string LoadText(const LoadResult& result) {
  const LoadStats& stats = result.stats;
  const Histogram& latency = stats.latency;
  std::string text = absl::StrFormat("connections  %d succeeded, %d failed, %d outside the measured time (%.4f %%)\n",
                                     stats.succeeded, stats.error_count(), stats.late,
                                     100 * LoadSuccessRatio(result));
  absl::StrAppendFormat(&text, "rate         %.1f connections a second over %.3f s\n", LoadRate(result),
                        result.seconds);
  absl::StrAppendFormat(&text, "latency      p50 %.3f ms, p90 %.3f, p99 %.3f, p99.9 %.3f, max %.3f, mean %.3f\n",
                        Millis(latency.Percentile(50)), Millis(latency.Percentile(90)),
                        Millis(latency.Percentile(99)), Millis(latency.Percentile(99.9)), Millis(latency.max()),
                        latency.mean() / 1e6);
  absl::StrAppendFormat(&text, "bytes        %d sent, %d received\n", stats.bytes_sent, stats.bytes_received);
  absl::StrAppendFormat(&text, "errors       %s\n", ErrorSummary(stats));
  absl::StrAppendFormat(&text, "processor    %.2f s used by this program", result.cpu_seconds);
  return text;
}

std::string LoadJson(const LoadOptions& options, const LoadResult& result) {
  const LoadStats& stats = result.stats;
  nlohmann::ordered_json json;
  json["program"] = absl::StrCat("sluice ", kVersionText);
  json["backend"] = io::Port::BackendName();
  json["target"] = options.target.ToString();
  json["payload_bytes"] = options.bytes;
  json["connections"] = options.connections;
  json["threads"] = options.threads;
  json["source_addresses"] = options.sources.size();
  json["warmup_seconds"] = Seconds(options.warmup);
  json["timeout_seconds"] = Seconds(options.timeout);
  json["measured_seconds"] = result.seconds;
  json["connections_succeeded"] = stats.succeeded;
  json["connections_failed"] = stats.error_count();
  json["connections_outside_measured_time"] = stats.late;
  json["success_ratio"] = LoadSuccessRatio(result);
  json["connections_per_second"] = LoadRate(result);
  json["bytes_sent"] = stats.bytes_sent;
  json["bytes_received"] = stats.bytes_received;
  json["latency_microseconds"] = LatencyJson(stats.latency);
  nlohmann::ordered_json errors;
  for (std::size_t i = 0; i < kLoadErrorKinds; ++i) errors[kLoadErrorNames[i].field] = stats.errors[i];
  json["errors"] = errors;
  json["first_unexplained_error"] = stats.first_other.ok() ? "" : stats.first_other.ToString();
  json["cpu_seconds"] = result.cpu_seconds;
  return json.dump(2);
}

}  // namespace sluice::tool
