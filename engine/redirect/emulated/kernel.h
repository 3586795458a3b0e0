// SPDX-License-Identifier: Apache-2.0
//
// Kernel: the redirect service as a pure model: no sockets, no threads, no clock. Connects run
// through callouts and get or extend hop lists; control codes read and set them. The machine
// (machine.h) puts it behind real sockets; tests drive it directly.
//
// Any thread, several at a time, on endpoints that the caller serialises.
#ifndef SLUICE_REDIRECT_EMULATED_KERNEL_H_
#define SLUICE_REDIRECT_EMULATED_KERNEL_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "engine/base/mutex.h"
#include "engine/io/platform.h"
#include "engine/redirect/emulated/blob.h"
#include "engine/redirect/emulated/config.h"
#include "engine/redirect/emulated/counters.h"
#include "engine/redirect/emulated/endpoint.h"
#include "engine/redirect/emulated/trace.h"

namespace sluice::emulated {

struct ConnectResult {
  enum class Kind : std::uint8_t {
    kProceed,
    kBlocked,  // by a callout or filter: 10013
    kRefused,  // by the platform: 10061
    kStuck,    // the classify never ends: 10060
  };
  Kind kind = Kind::kProceed;
  bool redirected = false;  // to a local proxy: a hop was made
  Address remote;           // where the SYN goes
  HopList tag;              // what rides on it; empty: nothing
  std::uint64_t sequence = 0;
};

class Kernel {
 public:
  explicit Kernel(const Knobs& knobs, std::size_t trace_capacity);
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;

  // ---- Set-up ----

  // The present snapshot; valid as long as the kernel.
  const Config& config() const { return *config_.load(std::memory_order_acquire); }
  // Makes a new snapshot. `change` must not call the kernel.
  void Mutate(const std::function<void(Config&)>& change) ABSL_LOCKS_EXCLUDED(mutex_);
  HandleId CreateHandle();
  void DestroyHandle(HandleId handle);
  FilterId NewFilterId() { return next_filter_.fetch_add(1, std::memory_order_relaxed); }
  FilterId AddFilter(const FilterOptions& options);
  void RemoveFilter(FilterId id);

  // ---- What sockets do ----

  // The whole of connect up to the SYN. On kProceed the endpoint is connecting.
  ConnectResult Connect(Endpoint& endpoint, const Address& remote);
  // The three control codes. A null endpoint: not an open socket. Never touches `request.out`
  // unless it succeeds with bytes in it. Other codes: kStatusNotSupported.
  io::ControlReply Control(Endpoint* endpoint, const io::ControlRequest& request);

  // Number of draws so far decides; same seed, same sequence of answers.
  bool Chance(double share);
  std::uint64_t Draw();

  Counters& counters() { return counters_; }
  TraceRing& trace() { return trace_; }
  BlobFormat blob_format() const;
  void ResetGuards();

 private:
  struct Pass;

  ConnectResult Refuse(ConnectResult::Kind kind, ConnectResult result);
  bool Redirect(Pass& pass, ConnectResult& result);
  bool Authorise(const Pass& pass, const ConnectResult& result, std::uint32_t target_pid);
  bool GuardsHold(const Pass& pass, const ConnectResult& result);
  void Tag(const Pass& pass, ConnectResult& result);

  io::ControlReply Set(const Config& config, Endpoint& endpoint, const io::ControlRequest& request);
  io::ControlReply Query(const Config& config, const Endpoint& endpoint,
                         const io::ControlRequest& request);

  Counters counters_;
  TraceRing trace_;
  std::atomic<HandleId> next_handle_{1};
  std::atomic<FilterId> next_filter_{1};
  std::atomic<std::uint64_t> next_sequence_{1};
  std::atomic<std::uint64_t> draws_{0};
  const std::uint64_t nonce_;  // of this machine's blobs

  Mutex mutex_;
  // Every snapshot there ever was, so that a reader needs neither lock nor count. Set-up makes a
  // handful.
  std::vector<std::unique_ptr<const Config>> snapshots_ ABSL_GUARDED_BY(mutex_);
  std::atomic<const Config*> config_{nullptr};  // the last of them

  Mutex guard_mutex_;
  // Redirections of connects that a proxy made without records, by destination.
  absl::flat_hash_map<Address, std::uint32_t> fresh_ ABSL_GUARDED_BY(guard_mutex_);
};

}  // namespace sluice::emulated

#endif  // SLUICE_REDIRECT_EMULATED_KERNEL_H_
