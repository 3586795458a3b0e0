// SPDX-License-Identifier: Apache-2.0
#include "engine/redirect/emulated/trace.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace sluice::emulated {
namespace {

const char* ActionText(TraceAction action) {
  switch (action) {
    case TraceAction::kPermit:
      return "permit";
    case TraceAction::kRedirect:
      return "redirect";
    case TraceAction::kLeave:
      return "leave";
    case TraceAction::kBlock:
      return "block";
    case TraceAction::kContinue:
      return "continue";
  }
  return "unknown";
}

absl::string_view LabelOf(VendorId vendor, absl::Span<const std::string> labels) {
  if (vendor == 0 || vendor >= labels.size()) return "?";
  return labels[vendor];
}

void AppendLine(const TraceRecord& record, absl::Span<const std::string> labels,
                std::string* text) {
  absl::StrAppend(text, "C", record.hops, " ",
                  record.source.empty() ? std::string("?") : record.source.ToString(), " -> ",
                  record.destination.ToString(), " records=[");
  const std::uint32_t shown = std::min<std::uint32_t>(record.hops, TraceRecord::kStepsMax);
  for (std::uint32_t i = 0; i < shown; ++i) {
    absl::StrAppend(text, i == 0 ? "" : ",", LabelOf(record.hop_vendors[i], labels));
  }
  absl::StrAppend(text, shown < record.hops ? ",...]" : "]");
  for (std::uint32_t i = 0; i < record.step_count; ++i) {
    const TraceRecord::Step& step = record.steps[i];
    absl::StrAppend(text, "  ", LabelOf(step.vendor, labels), ": state ",
                    static_cast<int>(step.state), " ", ActionText(step.action));
    if (step.action == TraceAction::kRedirect)
      absl::StrAppend(text, " -> ", record.effective.ToString());
  }
  if (record.steps_left_out != 0) absl::StrAppend(text, "  (", record.steps_left_out, " more)");
  if (record.refused) absl::StrAppend(text, "  refused");
  absl::StrAppend(text, "\n");
}

}  // namespace

void TraceRing::Add(const TraceRecord& record) {
  if (!enabled()) return;
  MutexLock lock(mutex_);
  if (records_.size() < capacity_) {
    records_.push_back(record);
    return;
  }
  records_[next_] = record;
  next_ = (next_ + 1) % capacity_;
}

void TraceRing::SetSource(std::uint64_t sequence, const Address& source) {
  if (!enabled()) return;
  MutexLock lock(mutex_);
  // Newest first: the connect is one of the last.
  for (std::size_t i = records_.size(); i > 0; --i) {
    TraceRecord& record = records_[(next_ + i - 1) % records_.size()];
    if (record.sequence != sequence) continue;
    record.source = source;
    return;
  }
}

std::vector<TraceRecord> TraceRing::Records() const {
  MutexLock lock(mutex_);
  std::vector<TraceRecord> records;
  records.reserve(records_.size());
  for (std::size_t i = 0; i < records_.size(); ++i)
    records.push_back(records_[(next_ + i) % records_.size()]);
  return records;
}

void TraceRing::Clear() {
  MutexLock lock(mutex_);
  records_.clear();
  next_ = 0;
}

std::string FormatTrace(absl::Span<const TraceRecord> records,
                        absl::Span<const std::string> labels) {
  std::vector<const TraceRecord*> order;
  order.reserve(records.size());
  for (const TraceRecord& record : records) order.push_back(&record);
  std::stable_sort(order.begin(), order.end(), [](const TraceRecord* a, const TraceRecord* b) {
    if (a->application != b->application) return a->application < b->application;
    return a->sequence < b->sequence;
  });
  std::string text;
  for (const TraceRecord* record : order) AppendLine(*record, labels, &text);
  return text;
}

}  // namespace sluice::emulated
