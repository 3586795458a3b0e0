// SPDX-License-Identifier: Apache-2.0
#include "tools/sluice/trace_report.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"

namespace sluice::tool {
namespace {

using emulated::TraceAction;
using emulated::TraceRecord;

// What became of one application connection; `records` are its connects in order.
std::string Verdict(absl::Span<const TraceRecord> records, const Address& destination) {
  std::multiset<emulated::VendorId> redirectors;
  for (const TraceRecord& record : records) {
    for (std::uint32_t i = 0; i < record.step_count; ++i) {
      if (record.steps[i].action == TraceAction::kRedirect)
        redirectors.insert(record.steps[i].vendor);
    }
  }
  for (const emulated::VendorId vendor : redirectors) {
    if (redirectors.count(vendor) > 1) return "LOOP: one vendor redirected it more than once";
  }
  const TraceRecord& last = records.back();
  if (last.refused) return absl::StrCat("refused after ", redirectors.size(), " redirections");
  if (last.effective.Canonical() != destination.Canonical()) {
    return absl::StrCat("ended at ", last.effective.ToString(), ", which is not the destination");
  }
  return absl::StrCat("reached the destination ", destination.ToString(), " after ",
                      redirectors.size(), " redirections, no loop");
}

}  // namespace

std::size_t TraceCapacity(std::uint64_t connections, std::uint64_t hops) {
  if (connections == 0) return 0;
  return static_cast<std::size_t>((connections + 1000) * (hops + 1));
}

std::string TraceReport(const std::vector<TraceRecord>& records, absl::string_view text,
                        std::uint64_t connections, const Address& destination) {
  // The order in which TraceText writes them, so that record i is line i.
  std::vector<TraceRecord> sorted = records;
  std::stable_sort(sorted.begin(), sorted.end(), [](const TraceRecord& a, const TraceRecord& b) {
    return a.application != b.application ? a.application < b.application : a.sequence < b.sequence;
  });
  const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
  std::string report;
  std::uint64_t shown = 0;
  for (std::size_t begin = 0; begin < sorted.size() && shown < connections;) {
    std::size_t end = begin + 1;
    while (end < sorted.size() && sorted[end].application == sorted[begin].application) ++end;
    // Without its first connect, the rest is what a full ring has left of a connection.
    if (sorted[begin].hops == 0 && end <= lines.size()) {
      absl::StrAppend(&report, report.empty() ? "" : "\n", "trace: application connection ",
                      ++shown);
      for (std::size_t i = begin; i < end; ++i) absl::StrAppend(&report, "\n  ", lines[i]);
      absl::StrAppend(
          &report, "\n  => ",
          Verdict(absl::MakeConstSpan(sorted).subspan(begin, end - begin), destination));
    }
    begin = end;
  }
  if (shown < connections) {
    absl::StrAppend(&report, report.empty() ? "" : "\n", "trace: ", shown, " connections came, ",
                    connections, " were asked for");
  }
  return report;
}

std::string PlatformLine(const emulated::Statistics& statistics) {
  std::string line = absl::StrCat(
      "platform: connects=", statistics.connects, " redirected=", statistics.redirected,
      " delivered=", statistics.delivered, " sets=", statistics.sets,
      " refused=", statistics.refused, " faults=", statistics.FaultCount());
  for (int i = 0; i < emulated::kFaults; ++i) {
    if (statistics.faults[i] == 0) continue;
    absl::StrAppend(&line, " (", statistics.faults[i], " times ",
                    emulated::FaultText(static_cast<emulated::Fault>(i)), ")");
  }
  return line;
}

}  // namespace sluice::tool
