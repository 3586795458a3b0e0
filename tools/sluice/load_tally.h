// SPDX-License-Identifier: Apache-2.0
//
// LoadTally: what one worker saw, sorted into the second that runs and the measured time.
// Worker-only.
#ifndef SLUICE_TOOLS_LOAD_TALLY_H_
#define SLUICE_TOOLS_LOAD_TALLY_H_

#include <cstdint>

#include "tools/sluice/load_plan.h"
#include "tools/sluice/load_stats.h"

namespace sluice::tool {

// The moments of one exchange.
struct ExchangeTimes {
  Instant due;         // when it should have begun; in a closed loop, when it did
  Instant asked;       // when the request was sent
  Instant first_byte;  // of the answer
  Instant answered;    // the last byte
};

class LoadTally {
 public:
  explicit LoadTally(const LoadPlan& plan) : plan_(plan) {}

  const LoadStats& second() const { return second_; }
  void NextSecond() { second_.Clear(); }
  const LoadTotals& total() const { return total_; }

  void Opened(Instant begun, Instant now) {
    ++second_.opened;
    ++total_.stats.opened;
    if (plan_.InMeasuredTime(now)) total_.connect.Record(Nanoseconds(now - begun));
  }
  // Open loop: what was due at `due` begins only now.
  void Begun(Instant due, Instant now) {
    if (!plan_.InMeasuredTime(due)) return;
    total_.start_delay.Record(Nanoseconds(now - due));
    if (now - due > LoadTotals::kLateStart) ++total_.late_starts;
  }
  // An exchange was answered: its latency.
  void Timed(const ExchangeTimes& times) {
    const std::uint64_t latency = Nanoseconds(times.answered - times.due);
    second_.latency.Record(latency);
    if (!plan_.CountsForLatency(times.due, times.answered)) return;
    total_.stats.latency.Record(latency);
    total_.first_byte.Record(Nanoseconds(times.first_byte - times.asked));
  }
  // It is complete, and `bytes` went each way.
  void Counted(const ExchangeTimes& times, std::uint64_t bytes) {
    Add(second_, times, bytes);
    if (!plan_.CountsForRate(times.due, times.answered)) {
      ++total_.stats.late;
      return;
    }
    Add(total_.stats, times, bytes);
    total_.stats.last_success = times.answered;
  }
  // A transfer went on.
  void Moved(Instant now, std::uint64_t sent, std::uint64_t received) {
    second_.bytes_sent += sent;
    second_.bytes_received += received;
    total_.moved += sent + received;
    if (!plan_.InMeasuredTime(now)) return;
    total_.stats.bytes_sent += sent;
    total_.stats.bytes_received += received;
  }
  void FirstByte(Instant asked, Instant now) {
    if (plan_.InMeasuredTime(now)) total_.first_byte.Record(Nanoseconds(now - asked));
  }
  // A transfer came to its planned end.
  void Transferred(Instant now) {
    ++second_.succeeded;
    ++total_.stats.succeeded;
    total_.stats.last_success = now;
  }
  void Confirmed(std::uint64_t bytes) { total_.confirmed += bytes; }
  void Unconfirmed() { ++total_.unconfirmed_connections; }

  // A connection ended as planned. `last_byte`: when nothing was left but to close it.
  void Finished(Instant last_byte, Instant now) {
    ++total_.finished;
    if (plan_.CountsForRate(last_byte, now)) total_.close.Record(Nanoseconds(now - last_byte));
  }
  void Failed(LoadError kind, OsError error) {
    second_.Count(kind, error);
    total_.stats.Count(kind, error);
  }
  void Held(std::uint64_t connections) { total_.held = connections; }
  void Missed(std::uint64_t starts) { total_.missed_starts = starts; }

 private:
  static std::uint64_t Nanoseconds(Nanos nanos) {
    return nanos < 0 ? 0 : static_cast<std::uint64_t>(nanos);
  }
  static void Add(LoadStats& stats, const ExchangeTimes& times, std::uint64_t bytes) {
    ++stats.succeeded;
    stats.bytes_sent += bytes;
    stats.bytes_received += bytes;
    stats.first_byte_nanos += Nanoseconds(times.first_byte - times.asked);
  }

  const LoadPlan& plan_;
  LoadStats second_;  // since the last report, warm-up too
  LoadTotals total_;
};

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_LOAD_TALLY_H_
