// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/sim_tap.h"

#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "tests/sim/stream_model.h"

namespace sluice::sim {

using metrics::Counter;

void SimTap::Complain(const TapRecord& record, const char* what) {
  complaints_.push_back(absl::StrCat("tap, flow ", record.flow, ": ", what));
}

void SimTap::OnRecord(const TapRecord& record) {
  const auto found = flows_.find(record.flow);
  if (record.kind == TapRecord::Kind::kOpen) {
    if (found != flows_.end()) return Complain(record, "opened twice");
    flows_[record.flow].connection =
        static_cast<std::uint64_t>(record.destination.tcp_port()) - first_port_;
  } else if (found == flows_.end()) {
    return Complain(record, "was not opened");
  } else if (found->second.ended) {
    return Complain(record, "goes on behind its end");
  } else if (record.kind == TapRecord::Kind::kData) {
    OnData(found->second, record);
  } else {
    Heard& flow = found->second;
    flow.ended = true;
    if (record.bytes_up < flow.offset[0] || record.bytes_down < flow.offset[1]) {
      return Complain(record, "had more than it had in all");
    }
    missed_ += record.bytes_up - flow.offset[0] + record.bytes_down - flow.offset[1];
  }
  if (!throws_ || !world_.Chance(100)) return;
  ++threw_;
  throw std::runtime_error("of the simulation");
}

void SimTap::OnData(Heard& flow, const TapRecord& record) {
  const auto side = static_cast<std::size_t>(record.direction);
  if (record.offset != flow.offset[side] + record.missed) Complain(record, "offsets do not add up");
  flow.offset[side] = record.offset + record.bytes.size();
  bytes_ += record.bytes.size();
  missed_ += record.missed;
  if (!raw_[side]) return;
  for (std::size_t i = 0; i < record.bytes.size(); ++i) {
    const auto offset = static_cast<std::size_t>(record.offset) + i;
    if (record.bytes[i] == ByteOf(flow.connection * 2 + side, offset)) continue;
    return Complain(record, "bytes differ");
  }
}

void SimTap::CheckTotals(const metrics::Snapshot& metrics) {
  for (const auto& [id, flow] : flows_) {
    if (!flow.ended) complaints_.push_back(absl::StrCat("tap, flow ", id, ": had no end"));
  }
  const std::uint64_t untapped = metrics[Counter::k_bytes_untapped];
  if (bytes_ != metrics[Counter::k_bytes_tapped]) {
    complaints_.push_back(
        absl::StrCat("tap: heard ", bytes_, " bytes of ", metrics[Counter::k_bytes_tapped]));
  }
  // Flows that were never told of are missed as a whole, and only the counter knows.
  if (missed_ > untapped || (metrics[Counter::k_records_untapped] == 0 && missed_ != 0)) {
    complaints_.push_back(absl::StrCat("tap: missed ", missed_, " bytes, counted ", untapped));
  }
  if (threw_ != metrics[Counter::k_tap_threw]) {
    complaints_.push_back(
        absl::StrCat("tap: threw ", threw_, " times, counted ", metrics[Counter::k_tap_threw]));
  }
}

}  // namespace sluice::sim
