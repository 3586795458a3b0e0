// SPDX-License-Identifier: Apache-2.0
//
// The WFP connect-redirect platform in user mode: what runs without a driver, on any OS, and what a
// vendor tests a callout and a proxy against.
//
// A Platform is a machine: processes open sockets on it, vendors' callouts redirect their connects
// to local proxies, and the proxies ask where a connection was going (records and context) and set
// the records on their onward sockets. Sockets are real; the redirect service is this. Give the
// platform to every runtime that shall live on the machine (RuntimeOptions::platform =
// platform.process()).
//
// What the documentation of Windows leaves open is a knob; defaults are the best evidence there is.
// Platform: every method any thread, unless it says otherwise. It must outlive the ports that use
// it.
#ifndef SLUICE_EMULATED_H_
#define SLUICE_EMULATED_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sluice/address.h"
#include "sluice/emulated_callout.h"
#include "sluice/emulated_knobs.h"

namespace sluice::io {
class Platform;  // internal to the engine; a port takes a pointer to one
}

namespace sluice::emulated {

// ---- Processes ----

struct ProcessOptions {
  std::uint32_t pid = 4242;
  std::string path = "proxy";  // shown in records as the application's path
  bool elevated = true;        // may set records
  // True for a proxy: a connect of it without records that is redirected again is a symptom of a
  // loop and counts towards `redirect_budget`. False for applications.
  bool proxy = true;
};

// ---- Vendors: a callout and where its proxy listens ----

// What a vendor's callout attaches for its proxy.
enum class ContextLayout : std::uint8_t {
  kSluice,        // the layout of this engine: destination, source, pid
  kSockaddr,      // one Windows socket address
  kSockaddrPair,  // two 128-byte storages, remote and local
};

// How well a vendor's callout behaves; all but the first are there to break chains in tests.
enum class Personality : std::uint8_t {
  kCooperative,      // redirects in states 0 and 2, respects earlier redirections, always applies
  kGreedy,           // ignores state and earlier redirections
  kTrusting,         // leaves connections that another proxy made (state 2) alone
  kPerFamilyHandle,  // one handle for IPv4 and one for IPv6
  kNoApply,          // acquires and neither applies nor releases
  kHardPermit,       // redirects and keeps the write right
  kVeto,             // blocks, also without the right to
  kZeroPid,          // redirects without a target process
  kNullHandle,       // redirects without a handle
  kRemoteOnly,       // rewrites the destination to a remote one: no handle, no context
  kNoContext,        // redirects without a context
  kBigContext,       // attaches 4,096 bytes
  kDoubleFree,       // frees the context that the platform owns by then
};

struct VendorOptions {
  std::string name;  // for traces: "A"
  // Higher sublayers see a connect first; filters are ordered the same way inside one sublayer.
  std::uint16_t sublayer_weight = 0x8000;
  std::uint64_t filter_weight = 0;
  // Where the vendor's proxy listens: the first of the connect's family is used (a v6 connect can
  // be sent to a v4 listener in its mapped form). The proxy must listen before applications
  // connect.
  std::vector<Address> listeners;
  // Nonzero, as the platform demands; it need not name the real process.
  std::uint32_t target_pid = 4242;
  // What it redirects (v4-mapped is the same as v4). Empty: every destination that is not a
  // vendor's listener.
  std::vector<Address> destinations;
  ContextLayout context = ContextLayout::kSluice;
  // Instead of `context`, when given. Runs on connecting threads.
  std::function<std::string(const ClassifyValues&)> make_context;
  Personality personality = Personality::kCooperative;
};

using VendorId = std::uint32_t;

// ---- What happened ----

// A broken rule of the callout interface, or a loop guard that fired. Never raised by good vendors.
enum class Fault : std::uint8_t {
  kNotApplied,           // a request was acquired and not applied: the classify never ends
  kNotReleased,          // a classify handle was not released
  kAcquireWithoutRight,  // acquired after an earlier callout decided hard
  kPermitWithoutRight,   // wrote an action without the right to; has crashed real machines
  kContextDoubleFree,    // freed a context that the platform owned, or twice
  kContextLeak,          // a context neither applied nor freed
  kTooManyVersions,      // more redirections in one evaluation than can be meant
  kMaxHops,              // loop guard: more hops than knobs.max_hops
  kRedirectBudget,       // loop guard: more fresh redirections to one destination than the budget
};
inline constexpr int kFaults = static_cast<int>(Fault::kRedirectBudget) + 1;
// Static text.
const char* FaultText(Fault fault);

struct Statistics {
  std::uint64_t connects = 0;    // evaluated
  std::uint64_t redirected = 0;  // ... and sent to a local proxy
  std::uint64_t remote_redirects = 0;
  std::uint64_t blocked = 0;      // by a callout or filter
  std::uint64_t refused = 0;      // by the platform: bad handle or target process, loop guards
  std::uint64_t vetoes = 0;       // blocks without the right to; audited by Windows
  std::uint64_t auth_passes = 0;  // AUTH_CONNECT evaluations
  std::uint64_t delivered = 0;    // records that reached an accepted socket
  std::uint64_t stripped = 0;     // records lost on the way (strip_tag)
  std::uint64_t foreign = 0;      // connections of other programs that were adopted
  std::uint64_t queries_records = 0;
  std::uint64_t queries_context = 0;
  std::uint64_t sets = 0;  // ... that installed records
  std::uint64_t sets_failed = 0;
  std::uint64_t pended = 0;  // controls that were not answered at once
  std::uint64_t faults[kFaults] = {};

  std::uint64_t FaultCount() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t count : faults) sum += count;
    return sum;
  }
};

// What one vendor did with one connect.
enum class TraceAction : std::uint8_t {
  kPermit,  // looked and let it be
  kRedirect,
  kLeave,  // another vendor redirected it in this evaluation
  kBlock,
  kContinue,  // no opinion: condition or rights did not allow one
};

struct TraceRecord {
  struct Step {
    VendorId vendor = 0;
    RedirectState state = RedirectState::kNotRedirected;
    TraceAction action = TraceAction::kContinue;
  };
  static constexpr int kStepsMax = 8;

  std::uint64_t sequence = 0;     // of this connect; from 1
  std::uint64_t application = 0;  // sequence of the application's connect that this one stands for
  std::uint32_t hops = 0;         // in the records it carried: the k of "Ck"
  std::uint32_t step_count = 0;
  std::uint32_t steps_left_out = 0;
  VendorId hop_vendors[kStepsMax] = {};  // whose hops, oldest first (the first kStepsMax)
  Step steps[kStepsMax];
  Address source;  // empty if it never got one
  Address destination;
  Address effective;     // where it was sent
  bool refused = false;  // blocked or refused
};

// ---- The machine ----

struct PlatformOptions {
  Knobs knobs;
  std::size_t trace_capacity = 0;  // records kept; 0: no tracing, no cost
  // Pended controls wait for CompletePended instead of the platform's own thread.
  bool manual_completion = false;
  // Addresses of this machine besides loopback, so that a redirection to one counts as local.
  std::vector<Address> local_addresses;
};

class Machine;  // internal

class Platform {
 public:
  explicit Platform(const PlatformOptions& options = PlatformOptions());
  ~Platform();
  Platform(const Platform&) = delete;
  Platform& operator=(const Platform&) = delete;

  // What a port is given, so that its sockets belong to the default process, or to another one.
  // Lives as long as the platform.
  io::Platform* process();
  io::Platform* AddProcess(const ProcessOptions& options);

  // Installs the vendor's callout at the connect redirection layers with a redirect handle of its
  // own. Fails with a text that says which field is wrong.
  absl::StatusOr<VendorId> AddVendor(const VendorOptions& options);
  // Its driver unloads: filter and handle go, hops it made stay in records.
  void RemoveVendor(VendorId vendor);

  // For a vendor's own callout. Handles are never reused.
  HandleId CreateHandle();
  void DestroyHandle(HandleId handle);
  // `options.callout` runs on connecting threads, several at a time, and must not call the
  // platform.
  FilterId AddFilter(const FilterOptions& options);
  void RemoveFilter(FilterId filter);

  // Programs that know nothing of the platform: one that connects straight to `listener` counts as
  // an application whose connect to `destination` was redirected there, if the callouts decide so;
  // if not, it gets no record. Replaces an earlier destination of the same listener.
  void AdoptForeign(const Address& listener, const Address& destination);
  void ForgetForeign(const Address& listener);

  Knobs knobs() const;
  void SetKnobs(const Knobs& knobs);

  // Ends up to `limit` pended controls now, oldest first (in random order with
  // Completion::kRandom). Returns how many. For manual_completion.
  std::size_t CompletePended(std::size_t limit = static_cast<std::size_t>(-1));
  std::size_t pended() const;

  Statistics statistics() const;
  // Forgets what loop guards have counted.
  void ResetGuards();

  // Oldest first. Empty without trace_capacity.
  std::vector<TraceRecord> trace() const;
  // One line for each connect, those of one application connection together:
  //   C0 127.0.0.1:51234 -> 127.0.0.1:8080 records=[]  A: state 0 redirect -> 127.0.0.1:7001  ...
  std::string TraceText() const;
  void ClearTrace();

 private:
  friend Machine& MachineOf(Platform& platform);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::emulated

#endif  // SLUICE_EMULATED_H_
