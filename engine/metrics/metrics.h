// SPDX-License-Identifier: Apache-2.0
//
// Counters: what happened, counted where it happened. One Counters object a worker and engine; its
// owner thread adds, any thread reads. A Snapshot is the sum over workers: each number is exact,
// but the numbers of one snapshot are not of one instant.
//
// Every counter stands once, in SLUICE_COUNTERS: name, text for people. Names in reports are the
// ones here without the k.
#ifndef SLUICE_METRICS_METRICS_H_
#define SLUICE_METRICS_METRICS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace sluice::metrics {

#define SLUICE_COUNTERS(X)                                                                 \
  X(accepted, "connections accepted")                                                      \
  X(accept_errors, "accepts that failed and were tried again")                             \
  X(handed_over, "accepted connections given to another worker")                           \
  X(refused_flows, "connections refused because there were too many flows")                \
  X(refused_source, "connections refused because their source had too many flows")         \
  X(refused_memory, "connections refused because there was no memory for them")            \
  X(paused_rate, "times accepting paused because the accept rate was reached")             \
  X(connected, "onward connections established")                                           \
  X(connect_errors, "onward connections that failed")                                      \
  X(bytes_up, "payload bytes from clients to destinations")                                \
  X(bytes_down, "payload bytes from destinations to clients")                              \
  X(bytes_spliced, "of these, moved from socket to socket inside the kernel")              \
  X(bytes_copied, "payload bytes copied in user space")                                    \
  X(joined, "flows that ended")                                                            \
  X(closed_finished, "flows that ended with both directions finished")                     \
  X(closed_reset, "flows ended by a reset of either side")                                 \
  X(closed_connect_failed, "flows ended because the destination was not reached")          \
  X(closed_connect_timeout, "flows ended by the connect timeout")                          \
  X(closed_query_timeout, "flows ended because the platform did not answer in time")       \
  X(closed_not_redirected, "connections that no redirection delivered")                    \
  X(closed_query_failed, "flows ended because the redirect query failed")                  \
  X(closed_bad_context, "flows ended because the redirect context was not understood")     \
  X(closed_carry_failed, "flows ended because the records could not be set")               \
  X(closed_loop_guard, "flows ended because they would have come back to us")              \
  X(closed_hop_budget, "connections that came through too many of our own hops")           \
  X(closed_storm, "connections refused by the storm breaker of their destination")         \
  X(direct_without_query, "connections sent on although their query failed, by policy")    \
  X(sent_without_records, "connections sent on without records, by policy")                \
  X(closed_idle, "flows ended by the idle timeout")                                        \
  X(closed_half_closed, "flows ended by the half-closed timeout")                          \
  X(closed_lifetime, "flows ended because they had lasted long enough")                    \
  X(closed_inspector, "flows ended by an inspector")                                       \
  X(closed_no_resources, "flows ended for want of a socket, a chunk or memory")            \
  X(closed_stalled, "flows ended because they held memory for long while others had none") \
  X(closed_drain, "flows ended because the engine stopped")                                \
  X(inspected, "connections that an inspector was asked about")                            \
  X(detached, "connections that an inspector no longer wanted to see")                     \
  X(opaque, "directions no longer looked at because nothing was decided in time")          \
  X(bytes_injected, "payload bytes that inspectors sent of their own")                     \
  X(bad_verdict, "calls of inspectors that threw or said what is not allowed there")       \
  X(slow_callbacks, "calls of inspectors that took too long")                              \
  X(refused_opens, "connections that an inspector was not asked about: too many a second") \
  X(paused_pace, "times a flow stopped reading because of a rate of bytes")                \
  X(pended, "verdicts that inspectors gave later")                                         \
  X(pending_expired, "pending verdicts that did not come in time")                         \
  X(refused_pending, "pending verdicts refused because too many were waited for")          \
  X(bytes_tapped, "payload bytes copied for the tap")                                      \
  X(bytes_untapped, "payload bytes that the tap missed because its ring was full")         \
  X(records_untapped, "records that the tap missed because its ring was full")             \
  X(tap_threw, "records that the tap threw at")                                            \
  X(paused_buffered, "times a flow stopped reading because too much was buffered")         \
  X(starved, "times a flow stopped reading because the slab was empty")

enum class Counter : std::uint8_t {
#define SLUICE_X(name, text) k_##name,
  SLUICE_COUNTERS(SLUICE_X)
#undef SLUICE_X
      kCount
};

inline constexpr std::size_t kCounterCount = static_cast<std::size_t>(Counter::kCount);

// Static text. Any thread.
absl::string_view CounterName(Counter counter);
absl::string_view CounterHelp(Counter counter);

struct Snapshot {
  std::array<std::uint64_t, kCounterCount> values{};
  std::uint64_t operator[](Counter counter) const {
    return values[static_cast<std::size_t>(counter)];
  }
};

class Counters {
 public:
  // Owner thread only: a plain load and store, no locked instruction.
  void Add(Counter counter, std::uint64_t count = 1) {
    std::atomic<std::uint64_t>& value = values_[static_cast<std::size_t>(counter)];
    value.store(value.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }
  // Any thread.
  void AddTo(Snapshot& snapshot) const {
    for (std::size_t i = 0; i < kCounterCount; ++i) {
      snapshot.values[i] += values_[i].load(std::memory_order_relaxed);
    }
  }

 private:
  std::array<std::atomic<std::uint64_t>, kCounterCount> values_{};
};

}  // namespace sluice::metrics

#endif  // SLUICE_METRICS_METRICS_H_
