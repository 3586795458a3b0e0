// SPDX-License-Identifier: Apache-2.0
//
// The JSON half of load_report.h.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/io/port.h"
#include "nlohmann/json.hpp"
#include "sluice/version.h"
#include "tools/sluice/load_report.h"

namespace sluice::tool {
namespace {

using Json = nlohmann::ordered_json;

double Seconds(Nanos nanos) { return static_cast<double>(nanos) / static_cast<double>(kSecond); }
double Micros(std::uint64_t nanos) { return static_cast<double>(nanos) / 1000; }

Json LatencyJson(const Histogram& latency) {
  Json json;
  json["count"] = latency.count();
  json["min"] = Micros(latency.min());
  json["mean"] = latency.mean() / 1000;
  json["p50"] = Micros(latency.Percentile(50));
  json["p90"] = Micros(latency.Percentile(90));
  json["p99"] = Micros(latency.Percentile(99));
  json["p999"] = Micros(latency.Percentile(99.9));
  json["max"] = Micros(latency.max());
  return json;
}

std::string TargetText(const LoadOptions& options) {
  return absl::StrJoin(options.targets, ",", [](std::string* out, const Address& target) {
    out->append(target.ToString());
  });
}

void AddAsked(const LoadOptions& options, Json& json) {
  json["program"] = absl::StrCat("sluice ", kVersionText);
  json["backend"] = io::Port::BackendName();
  json["mode"] = options.mode_name();
  json["target"] = TargetText(options);
  if (!options.transfers()) json["payload_bytes"] = options.bytes;
  json["connections"] = options.connections;
  json["requests_per_connection"] = options.requests;
  json["threads"] = options.threads;
  json["close"] = options.close_name();
  json["source_addresses"] = options.sources.size();
  json["warmup_seconds"] = Seconds(options.warmup);
  json["timeout_seconds"] = Seconds(options.timeout);
}

void AddCounts(const LoadOptions& options, const LoadTotals& totals, Json& json) {
  const LoadStats& stats = totals.stats;
  const bool requests = options.mode == LoadMode::kRequests;
  json["connections_opened"] = stats.opened;
  json["connections_succeeded"] = requests ? totals.finished : stats.succeeded;
  json["connections_failed"] = stats.error_count();
  json["connections_outside_measured_time"] = requests ? 0 : stats.late;
  if (requests) {
    json["requests_succeeded"] = stats.succeeded;
    json["requests_outside_measured_time"] = stats.late;
  }
  if (options.mode == LoadMode::kIdle) json["connections_held"] = totals.held;
  json["success_ratio"] = LoadSuccessRatio(stats);
}

void AddRates(const LoadOptions& options, const LoadResult& result, Json& json) {
  const LoadTotals& totals = result.totals;
  const double rate = LoadRate(options, result);
  const std::uint64_t connections =
      options.mode == LoadMode::kRequests ? totals.finished : totals.stats.succeeded;
  json["connections_per_second"] =
      result.seconds <= 0 ? 0 : static_cast<double>(connections) / result.seconds;
  if (options.mode != LoadMode::kIdle) {
    json["rate_unit"] = options.unit();
    json["rate_per_second"] = rate;
  }
  json["rate_wanted_per_second"] = options.rate;
  json["late_starts"] = totals.late_starts;
  json["missed_starts"] = totals.missed_starts;
  if (options.rate != 0 && options.mode != LoadMode::kIdle)
    json["start_delay_microseconds"] = LatencyJson(totals.start_delay);
  if (options.transfers()) json["gigabits_per_second"] = rate * 8 / 1e9;
  json["bytes_sent"] = totals.stats.bytes_sent;
  json["bytes_received"] = totals.stats.bytes_received;
  if (options.mode == LoadMode::kDownload) json["bytes_received_in_all"] = totals.moved;
  if (options.mode != LoadMode::kUpload) return;
  json["bytes_sent_in_all"] = totals.moved;
  json["bytes_confirmed_in_all"] = totals.confirmed;
  json["connections_unconfirmed"] = totals.unconfirmed_connections;
}

}  // namespace

std::string LoadSecondJson(std::uint64_t second, const LoadBoard::Second& what,
                           const LoadSoFar& so_far) {
  const LoadStats& stats = what.stats;
  Json json;
  json["event"] = "second";
  json["time_seconds"] = second + 1;
  json["connections"] = what.live;
  json["connections_opened"] = so_far.opened;
  json["exchanges_succeeded"] = so_far.succeeded;
  json["bytes"] = so_far.bytes;
  json["errors"] = so_far.errors;
  json["connections_per_second"] = stats.opened;
  json["exchanges_per_second"] = stats.succeeded;
  json["bits_per_second"] = 8 * std::max(stats.bytes_sent, stats.bytes_received);
  json["first_byte_mean_microseconds"] = stats.first_byte_mean() / 1000;
  json["latency_microseconds"] = LatencyJson(stats.latency);
  return json.dump();
}

std::string LoadJson(const LoadOptions& options, const LoadResult& result) {
  const LoadTotals& totals = result.totals;
  Json json;
  if (options.json_stream) json["event"] = "end";
  AddAsked(options, json);
  json["measured_seconds"] = result.seconds;
  AddCounts(options, totals, json);
  AddRates(options, result, json);
  if (!options.transfers()) json["latency_microseconds"] = LatencyJson(totals.stats.latency);
  json["phases_microseconds"]["connect"] = LatencyJson(totals.connect);
  if (options.mode != LoadMode::kUpload)
    json["phases_microseconds"]["first_byte"] = LatencyJson(totals.first_byte);
  json["phases_microseconds"]["close"] = LatencyJson(totals.close);
  for (std::size_t i = 0; i < kLoadErrorKinds; ++i) {
    json["errors"][kLoadErrorNames[i].field] = totals.stats.errors[i];
  }
  json["first_unexplained_error"] =
      totals.stats.first_other.ok() ? "" : totals.stats.first_other.ToString();
  json["thresholds_missed"] = result.thresholds_missed;
  json["cpu_seconds"] = result.cpu_seconds;
  return json.dump(options.json_stream ? -1 : 2);
}

}  // namespace sluice::tool
