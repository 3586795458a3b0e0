// SPDX-License-Identifier: Apache-2.0
//
// NameFilter: lets clients go where a decider says they may: by the server name of a TLS hello, or
// the host of an HTTP request. The decider runs on a thread of its own and may take its time: it
// may ask a service. Meanwhile the client's first bytes are held, and nothing else: a server that
// speaks first is heard, other connections go on.
//
//   allowed            the engine looks away: the rest of the connection costs nothing
//   blocked, TLS       reset
//   blocked, HTTP      "403 Forbidden" to the client, then closed
//   neither of the two, or without a name
//                      allowed: this is a filter by names
//   malformed, too long
//                      reset: two readers could take it for two names
#ifndef SLUICE_EXAMPLES_FILTERS_NAME_FILTER_H_
#define SLUICE_EXAMPLES_FILTERS_NAME_FILTER_H_

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "sluice/inspector.h"

namespace sluice::examples {

class NameFilter final : public Inspector {
 public:
  // Whether a name, in lower case and without a dot at its end, may be gone to. Called on the
  // decider's thread only.
  using Decider = std::function<bool(const std::string& name)>;

  // No more than `waiting_max` wait for the decider: who comes then is refused.
  explicit NameFilter(Decider decider, std::size_t waiting_max = 1024);
  // Ends the thread; those who wait get the engine's default verdict.
  ~NameFilter() override;

  const char* name() const override { return "name filter"; }
  Verdict OnOpen(InspectedFlow& flow, OpenCall& call) override;
  Verdict OnData(InspectedFlow& flow, Direction direction, Bytes& data, DataCall& call) override;

  // Any thread.
  std::uint64_t allowed() const { return allowed_.load(std::memory_order_relaxed); }
  std::uint64_t blocked() const { return blocked_.load(std::memory_order_relaxed); }

 private:
  struct Question {
    std::string name;
    bool http = false;
    Pending token;
  };

  Verdict Ask(absl::string_view name, bool http, DataCall& call);
  void Run();
  void Answer(Question& question);

  const Decider decider_;
  const std::size_t waiting_max_;
  std::atomic<std::uint64_t> allowed_{0};
  std::atomic<std::uint64_t> blocked_{0};
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<Question> questions_;  // under mutex_
  bool stopping_ = false;           // under mutex_
  std::thread thread_;
};

// A decider by list: a name is blocked when it, or a domain it is in, is in `blocked`.
NameFilter::Decider AllBut(std::vector<std::string> blocked);

}  // namespace sluice::examples

#endif  // SLUICE_EXAMPLES_FILTERS_NAME_FILTER_H_
