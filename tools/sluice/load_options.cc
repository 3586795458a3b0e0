// SPDX-License-Identifier: Apache-2.0
#include "tools/sluice/load_options.h"

#include "absl/strings/str_cat.h"

namespace sluice::tool {
namespace {

std::string AddressConflict(const LoadOptions& options) {
  const Address& first = options.targets.front();
  for (const Address& target : options.targets) {
    if (target.family() == first.family()) continue;
    return absl::StrCat("--connect: ", target.ToString(), " is not of the family of ",
                        first.ToString());
  }
  if (!options.sources.empty() && options.sources.front().family() != first.family()) {
    return absl::StrCat("--source: ", options.sources.front().ToString(),
                        " is not of the family of --connect ", first.ToString());
  }
  return "";
}

// A flag that this mode would have to ignore.
std::string ModeConflict(const LoadOptions& options) {
  const auto no = [&](const char* flag, const char* why) {
    return absl::StrCat(flag, ": not with --mode ", options.mode_name(), why);
  };
  const bool one_by_one =
      options.mode == LoadMode::kExchange || options.mode == LoadMode::kRequests;
  const LoadThresholds& thresholds = options.thresholds;
  if (options.requests != 0 && options.mode != LoadMode::kRequests) return no("--requests", "");
  if (options.rate != 0 && options.transfers())
    return no("--rate", ", which has no starts to space");
  if (options.count != 0 && !one_by_one) return no("--count", "; give --duration");
  if (options.mode == LoadMode::kIdle) {
    if (options.warmup != 0) return no("--warmup", "");
    if (thresholds.rate_min != 0) return no("--min-rate", ", which has no rate");
  }
  if (!options.transfers()) return "";
  if (options.bytes_given) return no("--bytes", ", which ends with --duration");
  if (options.close == LoadClose::kPeer)
    return no("--close peer", ", which ends when the client does");
  if (thresholds.LimitsLatency())
    return no("--max-p50, --max-p99 and --max-p999", ", which has no latency");
  if (!options.hdr.empty()) return no("--hdr", ", which has no latency");
  return "";
}

}  // namespace

std::string LoadConflict(const LoadOptions& options) {
  if (options.threads > options.connections) {
    return absl::StrCat("--threads: ", options.threads, " threads for ", options.connections,
                        " connections; give at least as many --connections");
  }
  std::string conflict = AddressConflict(options);
  if (conflict.empty()) conflict = ModeConflict(options);
  if (!conflict.empty()) return conflict;
  if (options.mode == LoadMode::kRequests && options.close == LoadClose::kPeer &&
      options.requests == 0) {
    return "--close peer: with --mode requests give --requests too, and the origin --close-after "
           "that many answers";
  }
  if (options.json && options.json_stream) return "--json-stream: not together with --json";
  if (options.allow_errors && options.thresholds.errors_max != LoadThresholds::kAnyErrors) {
    return "--max-errors: not together with --allow-errors";
  }
  return "";
}

}  // namespace sluice::tool
