// SPDX-License-Identifier: Apache-2.0
#include "tools/examples/filters/content_filter.h"

#include <algorithm>
#include <utility>

namespace sluice::examples {

ContentFilter::ContentFilter(std::string pattern, std::string text, bool up, bool down)
    : pattern_(std::move(pattern)),
      text_(std::move(text)),
      up_(up),
      down_(down),
      borders_(pattern_.size() + 1, 0) {
  for (std::size_t i = 1; i < pattern_.size(); ++i) {
    borders_[i + 1] = Step(borders_[i], pattern_[i]);
  }
}

// REQUIRES: matched < pattern_.size().
std::size_t ContentFilter::Step(std::size_t matched, char c) const {
  while (matched > 0 && pattern_[matched] != c) matched = borders_[matched];
  return pattern_[matched] == c ? matched + 1 : 0;
}

namespace {

// What lies between two matches is shared, or, when it is so short that a link to it would cost
// more, copied like they are. Unmeasured.
constexpr std::size_t kShort = 256;

bool PassOn(const Bytes& data, std::size_t offset, std::size_t count, Bytes& replacement) {
  char bytes[kShort];
  if (offset == 0 || count > sizeof bytes) return replacement.Append(data, offset, count);
  data.CopyOut(offset, bytes, count);
  return replacement.AppendCopy(absl::string_view(bytes, count));
}

}  // namespace

Verdict ContentFilter::OnOpen(InspectedFlow&, OpenCall& call) {
  call.Look(up_, down_);
  return Verdict::kPass;
}

Verdict ContentFilter::OnData(InspectedFlow&, Direction, Bytes& data, DataCall& call) {
  std::size_t matched = 0;
  std::size_t position = 0;  // behind the byte that was looked at
  std::size_t done = 0;      // what is before it is in the replacement
  Bytes& replacement = call.replacement();
  Bytes::Position at;
  for (absl::string_view slice; data.Next(&at, &slice);) {
    for (const char c : slice) {
      ++position;
      matched = Step(matched, c);
      if (matched < pattern_.size()) continue;
      matched = 0;
      const std::size_t begin = position - pattern_.size();
      // Out of links or chunks: what should go must not pass.
      if (!PassOn(data, done, begin - done, replacement) || !replacement.AppendCopy(text_)) {
        return Verdict::kReset;
      }
      done = position;
      replaced_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  // What may be the beginning of a match, if it may wait.
  const std::size_t tail = matched <= call.keep_max() ? matched : 0;
  call.Keep(tail);
  if (done == 0) return Verdict::kPass;
  if (!replacement.Append(data, done, position - done - tail)) return Verdict::kReset;
  return Verdict::kReplace;
}

}  // namespace sluice::examples
