// SPDX-License-Identifier: Apache-2.0
//
// What an engine has counted, what a runtime holds, and the most that it can come to hold. Plain
// values.
#ifndef SLUICE_METRICS_H_
#define SLUICE_METRICS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace sluice {

// One counter. It only grows, but for those whose help says "largest".
struct Metric {
  absl::string_view name;  // static: "accepted", "bytes_up", ... and "redirect_..." of a platform
  absl::string_view help;  // static: one line for people
  std::uint64_t value = 0;
};

// Each number is exact, but the numbers of one snapshot are not of one instant.
class Metrics {
 public:
  Metrics() = default;
  explicit Metrics(std::vector<Metric> all) : all_(std::move(all)) {}

  const std::vector<Metric>& all() const { return all_; }
  // Nothing when no counter is called so.
  std::optional<std::uint64_t> Find(absl::string_view name) const;
  // 0 when no counter is called so.
  std::uint64_t operator[](absl::string_view name) const { return Find(name).value_or(0); }

 private:
  std::vector<Metric> all_;
};

// What the workers of a runtime hold; all zero after every engine stopped.
struct LiveCounts {
  std::uint64_t flows = 0;
  std::uint64_t sockets = 0;
  std::uint64_t operations = 0;
  std::uint64_t chunks = 0;
  std::uint64_t buffers = 0;
  std::uint64_t pooled = 0;  // landings, sends and openings of flows
  std::uint64_t timers = 0;
  std::uint64_t verdicts = 0;  // waited for

  bool AllZero() const {
    return flows + sockets + operations + chunks + buffers + pooled + timers + verdicts == 0;
  }
  LiveCounts& operator+=(const LiveCounts& other) {
    flows += other.flows;
    sockets += other.sockets;
    operations += other.operations;
    chunks += other.chunks;
    buffers += other.buffers;
    pooled += other.pooled;
    timers += other.timers;
    verdicts += other.verdicts;
    return *this;
  }
};

// The most memory that a runtime and its engines can come to hold, by their options alone. Bytes.
// Not in it: what the kernel holds for sockets, and what inspectors and taps keep for themselves.
struct MemoryBound {
  std::size_t workers = 0;    // slabs, landings and sends, hand-over rings, ports, stacks
  std::size_t flows = 0;      // and their openings
  std::size_t queries = 0;    // records and contexts
  std::size_t guards = 0;     // loop guard, flows of each source
  std::size_t listeners = 0;  // and their accepts
  std::size_t verdicts = 0;   // what inspection takes
  std::size_t taps = 0;       // rings, and the threads that empty them

  std::size_t total() const {
    return workers + flows + queries + guards + listeners + verdicts + taps;
  }
  // "at most 423 MiB: workers 68 MiB, flows 330 MiB, ..."
  std::string ToString() const;
};

}  // namespace sluice

#endif  // SLUICE_METRICS_H_
