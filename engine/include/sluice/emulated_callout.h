// SPDX-License-Identifier: Apache-2.0
//
// The callout interface of the emulated platform: what FWPS gives a classify function at the
// connect redirection and connect authorisation layers, with its rules. A vendor's decision logic
// written against it can be run in chains with others; rules it breaks are reported as faults.
#ifndef SLUICE_EMULATED_CALLOUT_H_
#define SLUICE_EMULATED_CALLOUT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "sluice/address.h"

namespace sluice::emulated {

using HandleId = std::uint64_t;  // a redirect handle; 0 is none
using FilterId = std::uint64_t;
using ContextId = std::uint32_t;  // a context block within one classify; 0 is none

// FWPS_CONNECTION_REDIRECT_STATE, same numbers.
enum class RedirectState : std::uint8_t {
  kNotRedirected = 0,
  kRedirectedBySelf = 1,
  kRedirectedByOther = 2,
  kPreviouslyRedirectedBySelf = 3,
};

enum class Layer : std::uint8_t {
  kConnectRedirectV4,
  kConnectRedirectV6,
  kAuthConnectV4,
  kAuthConnectV6
};
enum class Action : std::uint8_t { kContinue, kPermit, kBlock };

// Fixed values and metadata of one classify.
struct ClassifyValues {
  Layer layer = Layer::kConnectRedirectV4;
  FilterId filter = 0;
  Address local;  // may be empty: not bound yet
  Address
      remote;  // what the application asked for (redirect layers), or the pass's destination (auth)
  std::uint32_t pid = 0;
  absl::string_view path;
  bool has_records = false;  // the redirect-records metadata field is present
  // AUTH_CONNECT of a redirected connect only.
  bool redirected = false;
  Address original_remote;
  std::uint32_t target_pid = 0;
};

// FWPS_CONNECT_REQUEST0. `modifier` and `previous` are the platform's; the rest may be written.
struct ConnectRequest {
  Address local;
  Address remote;
  std::uint64_t port_reservation_token = 0;
  std::uint32_t target_pid = 0;
  HandleId handle = 0;
  ContextId context = 0;
  FilterId modifier = 0;                     // whose callout wrote this version
  const ConnectRequest* previous = nullptr;  // earlier version in this evaluation; null if first
};

struct ClassifyOut {
  Action action = Action::kContinue;
  bool write_right = true;  // returned absent: the decision is hard
};

// What a callout may ask of the platform while it classifies. Valid only during Classify.
class RequestAccess {
 public:
  // The connect's records seen from `self`. `context`, if given, receives the context of the newest
  // hop made by `self` (states 1 and 3).
  virtual RedirectState QueryState(HandleId self, std::string* context) = 0;
  // Classify handle and writable layer data. Sets the action to BLOCK and takes the write right:
  // the callout must set both as it wants them afterwards. Null without the write right, at auth
  // layers, and when it was acquired already.
  virtual ConnectRequest* Acquire() = 0;
  // Commits what was written; always, also if nothing was. From here on a context belongs to the
  // platform.
  virtual void Apply() = 0;
  virtual void Release() = 0;
  // Pool memory for a context. Free only what was not applied.
  virtual ContextId AllocateContext(absl::string_view bytes) = 0;
  virtual void FreeContext(ContextId context) = 0;

 protected:
  ~RequestAccess() = default;
};

// Any thread, several at a time.
class Callout {
 public:
  virtual ~Callout() = default;
  virtual void Classify(const ClassifyValues& values, RequestAccess& access, ClassifyOut& out) = 0;
};

struct FilterOptions {
  std::string name;      // for traces; empty: not traced
  bool at_auth = false;  // AUTH_CONNECT instead of CONNECT_REDIRECT; both families
  std::uint16_t sublayer_weight = 0x8000;
  std::uint64_t weight = 0;
  // Null: every connect.
  std::function<bool(const ClassifyValues&)> condition;
  // Null: `action` alone decides; then a block is hard, a permit soft unless hard_permit.
  std::shared_ptr<Callout> callout;
  Action action = Action::kPermit;
  bool hard_permit = false;
  HandleId handle = 0;  // whose state the trace shows
};

}  // namespace sluice::emulated

#endif  // SLUICE_EMULATED_CALLOUT_H_
