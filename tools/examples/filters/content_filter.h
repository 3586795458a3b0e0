// SPDX-License-Identifier: Apache-2.0
//
// ContentFilter: replaces a pattern by another text, of any length, in either direction, wherever
// the network cut the bytes. Bytes outside of matches are passed on where they lie; only the new
// text is copied, and the few bytes between two matches that are close to each other. It keeps
// nothing of its own: a tail that may be the beginning of a match stays with the engine and comes
// again with what follows.
#ifndef SLUICE_EXAMPLES_FILTERS_CONTENT_FILTER_H_
#define SLUICE_EXAMPLES_FILTERS_CONTENT_FILTER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "sluice/inspector.h"

namespace sluice::examples {

// Matches do not overlap; the leftmost one counts, as in an editor. A pattern longer than what a
// policy lets an inspector keep (more_bytes_max) is found only where it came at once.
class ContentFilter final : public Inspector {
 public:
  // REQUIRES: pattern is not empty.
  ContentFilter(std::string pattern, std::string text, bool up, bool down);

  const char* name() const override { return "content filter"; }
  Verdict OnOpen(InspectedFlow& flow, OpenCall& call) override;
  Verdict OnData(InspectedFlow& flow, Direction direction, Bytes& data, DataCall& call) override;

  // Any thread.
  std::uint64_t replaced() const { return replaced_.load(std::memory_order_relaxed); }

 private:
  // How long a beginning of the pattern the bytes before `c` and `c` end with, when those before it
  // ended with one of `matched` bytes.
  std::size_t Step(std::size_t matched, char c) const;

  const std::string pattern_;
  const std::string text_;
  const bool up_;
  const bool down_;
  // borders_[n]: of the pattern's first n bytes, the longest end that is their beginning, too, and
  // not all of them (Knuth, Morris, Pratt).
  std::vector<std::size_t> borders_;
  std::atomic<std::uint64_t> replaced_{0};
};

}  // namespace sluice::examples

#endif  // SLUICE_EXAMPLES_FILTERS_CONTENT_FILTER_H_
