// SPDX-License-Identifier: Apache-2.0
//
// Chain: engines behind each other on one runtime of one worker, in front of `destination`. On the
// emulated platform each is a vendor's, and only the callouts decide who comes next; without one
// each hop's upstream is the next hop. Ends the program if it cannot be built.
#ifndef SLUICE_TESTS_COST_CHAIN_H_
#define SLUICE_TESTS_COST_CHAIN_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/runtime/engine.h"
#include "engine/runtime/runtime.h"
#include "sluice/emulated.h"

namespace sluice::cost {

struct ChainOptions {
  int depth = 1;
  bool emulated = false;
  bool caller_driven = false;
  Inspector* inspector = nullptr;  // of every engine
};

class Chain {
 public:
  Chain(const ChainOptions& options, const Address& destination);
  // Ends flows that are left.
  ~Chain();
  Chain(const Chain&) = delete;
  Chain& operator=(const Chain&) = delete;

  // Where clients connect.
  const Address& front() const { return front_; }
  runtime::Worker& worker() { return runtime_->worker(0); }

  // What the engines have spent so far. Not for a caller-driven chain while it is in a turn.
  struct Spent {
    std::uint64_t allocations = 0;  // of the worker's thread
    std::uint64_t calls = 0;        // system calls of its port
    double cpu_seconds = 0;         // of the worker's thread; 0 where that cannot be asked
    std::uint64_t joined = 0;       // flows
    std::uint64_t copied = 0;       // payload bytes in user space
    std::uint64_t spliced = 0;      // payload bytes that never came there
  };
  Spent spent();

 private:
  Address AddEngine(int hop, const Address& destination, const Address& next);

  const ChainOptions options_;
  std::unique_ptr<emulated::Platform> platform_;  // outlives the runtime
  std::unique_ptr<runtime::Runtime> runtime_;
  std::vector<std::unique_ptr<runtime::Engine>> engines_;
  Address front_;
};

}  // namespace sluice::cost

#endif  // SLUICE_TESTS_COST_CHAIN_H_
