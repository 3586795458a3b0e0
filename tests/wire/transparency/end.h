// SPDX-License-Identifier: Apache-2.0
//
// End: one end of a play: takes its steps and writes down what it sees. Each on a thread of its
// own; what the two share is in Stage.
#ifndef SLUICE_TESTS_WIRE_TRANSPARENCY_END_H_
#define SLUICE_TESTS_WIRE_TRANSPARENCY_END_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <random>
#include <string>

#include "tests/wire/program.h"
#include "tests/wire/transparency/net.h"
#include "tests/wire/transparency/script.h"

namespace sluice::wire::transparency {

// What the ends of one play tell each other past the connection. `end` is 0 or 1.
class Stage {
 public:
  void Tell(int end, char mark);
  void SetBlocked(int end);
  void SetThrough(int end);
  // Each returns when the other end did so, is through, or time is up.
  void Hear(int end, char mark, TimePoint deadline);
  void HearBlocked(int end, TimePoint deadline);
  void AddSent(int end, std::size_t bytes) { sent_[end] += bytes; }
  std::size_t sent(int end) const { return sent_[end]; }

 private:
  struct Said {
    std::string marks;
    bool blocked = false;
    bool through = false;
  };
  template <typename Condition>
  void WaitFor(TimePoint deadline, Condition condition);

  std::mutex mutex_;
  std::condition_variable changed_;
  Said said_[2];
  std::atomic<std::size_t> sent_[2] = {0, 0};
};

struct Conditions {
  // A random delay of up to so much goes before each step; what a network would do.
  std::chrono::microseconds jitter_max{0};
  std::uint32_t seed = 0;
  Duration step_limit{3000};  // for a step in which nothing moves
};

class End {
 public:
  enum Role { kClient = 0, kServer = 1 };
  // The client connects to `address`, the server accepts from `listener`.
  End(Role role, Stage& stage, const Conditions& conditions, std::string address,
      Listener* listener);
  ~End();
  End(const End&) = delete;
  End& operator=(const End&) = delete;

  void Run(const Steps& steps);
  // "connected, 1000 bytes, FIN".
  const std::string& events() const { return events_; }

 private:
  void Take(const Step& step);
  void TakeControl(const Step& step);
  void Connect();
  void Accept();
  void Send(std::size_t bytes, std::size_t piece_max);
  void SendUntilBlocked();
  void SendUntilReset(std::size_t piece);
  void Exchange(std::size_t bytes);
  void Receive(std::size_t bytes);
  void ReceiveEnd(Verb verb);
  void AwaitReset();
  void ExpectQuiet(std::size_t milliseconds);
  // One call each. Returns bytes, 0 if it would block or ended; notes ends and errors.
  std::size_t SendOnce(std::size_t size_max);
  std::size_t ReceiveOnce(std::size_t size_max);
  // Writes an event down, after the bytes that came before it.
  void Note(const std::string& event);
  void NoteReceived();
  // Further steps make no sense.
  void Break(const std::string& event);
  void BreakByErrno();
  void Leave(bool reset);
  void Jitter();
  TimePoint StepDeadline() const { return In(conditions_.step_limit); }

  const Role role_;
  Stage& stage_;
  const Conditions conditions_;
  const std::string address_;
  Listener* const listener_;
  std::mt19937 random_;
  int fd_ = -1;
  bool small_buffer_ = false;
  bool broken_ = false;  // only Tell still has a meaning
  bool fin_seen_ = false;
  std::size_t sent_ = 0;
  std::size_t received_ = 0;       // in all
  std::size_t noted_ = 0;          // of them are in events_
  Verb reading_ = Verb::kReceive;  // how bytes are written down
  std::string events_;
};

}  // namespace sluice::wire::transparency

#endif  // SLUICE_TESTS_WIRE_TRANSPARENCY_END_H_
