// SPDX-License-Identifier: Apache-2.0
#include "tools/sluice/load_report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace sluice::tool {
namespace {

double Micros(double nanos) { return nanos / 1000; }
double Millis(std::uint64_t nanos) { return static_cast<double>(nanos) / 1e6; }

std::string ErrorSummary(const LoadStats& stats) {
  std::string text;
  for (std::size_t i = 0; i < kLoadErrorKinds; ++i) {
    if (stats.errors[i] == 0) continue;
    absl::StrAppend(&text, text.empty() ? "" : "; ", stats.errors[i], " ", kLoadErrorNames[i].text);
  }
  if (text.empty()) return "none";
  if (!stats.first_other.ok())
    absl::StrAppend(&text, "; the first of those: ", stats.first_other.ToString());
  return text;
}

// Empty if there was none.
std::string LatencyLine(const char* name, const Histogram& latency) {
  if (latency.count() == 0) return "";
  return absl::StrFormat("%-12s p50 %.3f ms, p90 %.3f, p99 %.3f, p99.9 %.3f, max %.3f, mean %.3f\n",
                         name, Millis(latency.Percentile(50)), Millis(latency.Percentile(90)),
                         Millis(latency.Percentile(99)), Millis(latency.Percentile(99.9)),
                         Millis(latency.max()), latency.mean() / 1e6);
}

std::string RateLine(const LoadOptions& options, const LoadResult& result) {
  if (options.mode == LoadMode::kIdle) {
    return absl::StrFormat("idle         %d connections held\n", result.totals.held);
  }
  const double rate = LoadRate(options, result);
  if (options.transfers()) {
    return absl::StrFormat("rate         %.3f Gbit/s over %.3f s\n", rate * 8 / 1e9,
                           result.seconds);
  }
  return absl::StrFormat("rate         %.1f %s a second over %.3f s\n", rate, options.unit(),
                         result.seconds);
}

std::string ModeLines(const LoadOptions& options, const LoadTotals& totals) {
  std::string text;
  if (options.rate != 0 && options.mode != LoadMode::kIdle) {
    absl::StrAppendFormat(
        &text, "open loop    %d a second wanted; %d starts late, %d never made, p99 %.3f ms late\n",
        options.rate, totals.late_starts, totals.missed_starts,
        Millis(totals.start_delay.Percentile(99)));
  }
  if (options.mode == LoadMode::kUpload) {
    absl::StrAppendFormat(&text, "confirmed    %d of %d bytes sent in all\n", totals.confirmed,
                          totals.moved);
  }
  return text;
}

}  // namespace

double LoadRate(const LoadOptions& options, const LoadResult& result) {
  if (result.seconds <= 0 || options.mode == LoadMode::kIdle) return 0;
  const LoadStats& stats = result.totals.stats;
  const std::uint64_t units =
      options.transfers() ? stats.bytes_sent + stats.bytes_received : stats.succeeded;
  return static_cast<double>(units) / result.seconds;
}

double LoadSuccessRatio(const LoadStats& stats) {
  const std::uint64_t good = stats.succeeded + stats.late;
  const std::uint64_t tried = good + stats.error_count();
  return tried == 0 ? 0 : static_cast<double>(good) / static_cast<double>(tried);
}

void LoadSoFar::Add(const LoadStats& second) {
  opened += second.opened;
  succeeded += second.succeeded;
  bytes += std::max(second.bytes_sent, second.bytes_received);
  errors += second.error_count();
}

std::string LoadHeader() {
  return absl::StrFormat("#%7s %7s %10s %10s %14s %7s %8s %8s %12s %9s %9s %9s", "time_s", "conns",
                         "tot_conn", "tot_req", "tot_bytes", "err", "cps", "rps", "bps", "ttfb_us",
                         "p50_us", "p99_us");
}

std::string LoadSecondLine(std::uint64_t second, const LoadBoard::Second& what,
                           const LoadSoFar& so_far) {
  const LoadStats& stats = what.stats;
  return absl::StrFormat(
      "%8d %7d %10d %10d %14d %7d %8d %8d %12d %9.0f %9.0f %9.0f", second + 1, what.live,
      so_far.opened, so_far.succeeded, so_far.bytes, so_far.errors, stats.opened, stats.succeeded,
      8 * std::max(stats.bytes_sent, stats.bytes_received), Micros(stats.first_byte_mean()),
      Micros(static_cast<double>(stats.latency.Percentile(50))),
      Micros(static_cast<double>(stats.latency.Percentile(99))));
}

std::string LoadText(const LoadOptions& options, const LoadResult& result) {
  const LoadTotals& totals = result.totals;
  const LoadStats& stats = totals.stats;
  std::string text = absl::StrFormat(
      "%-12s %d succeeded, %d failed, %d outside the measured time (%.4f %%)\n",
      options.mode == LoadMode::kRequests ? "requests" : "connections", stats.succeeded,
      stats.error_count(), stats.late, 100 * LoadSuccessRatio(stats));
  absl::StrAppend(&text, RateLine(options, result));
  absl::StrAppend(&text, LatencyLine("latency", stats.latency));
  absl::StrAppend(&text, LatencyLine("- connect", totals.connect));
  absl::StrAppend(&text, LatencyLine("- first byte", totals.first_byte));
  absl::StrAppend(&text, LatencyLine("- close", totals.close));
  absl::StrAppend(&text, ModeLines(options, totals));
  absl::StrAppendFormat(&text, "bytes        %d sent, %d received\n", stats.bytes_sent,
                        stats.bytes_received);
  absl::StrAppendFormat(&text, "errors       %s\n", ErrorSummary(stats));
  if (!result.thresholds_missed.empty()) {
    absl::StrAppend(&text, "missed       ", absl::StrJoin(result.thresholds_missed, "; "), "\n");
  }
  absl::StrAppendFormat(&text, "processor    %.2f s used by this program", result.cpu_seconds);
  return text;
}

}  // namespace sluice::tool
