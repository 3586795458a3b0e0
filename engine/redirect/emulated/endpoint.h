// SPDX-License-Identifier: Apache-2.0
//
// Endpoint: what the emulated kernel knows of one socket. A plain value; whoever owns it serialises
// its use (the machine: under its shard's lock; the pure model: one thread).
#ifndef SLUICE_REDIRECT_EMULATED_ENDPOINT_H_
#define SLUICE_REDIRECT_EMULATED_ENDPOINT_H_

#include <cstdint>

#include "engine/redirect/emulated/hop.h"
#include "sluice/address.h"
#include "sluice/emulated.h"

namespace sluice::emulated {

struct Endpoint {
  enum class State : std::uint8_t {
    kCreated,
    kBound,
    kConnecting,
    kConnected,
    kListening,
    kClosed
  };

  const ProcessOptions* process = nullptr;  // outlives the endpoint; never null in use
  Family family = Family::kV4;
  State state = State::kCreated;
  bool accepted = false;
  bool provider_has_codes = true;  // false: AF_UNIX, or a layered provider that lacks them
  Address local;
  Address remote;
  HopList inbound;    // accepted: what the connection was delivered with
  HopList installed;  // from SET
  HopList outgoing;   // own connect: the list after redirection, empty if it was not redirected
  std::uint64_t sequence = 0;  // of its last connect
};

}  // namespace sluice::emulated

#endif  // SLUICE_REDIRECT_EMULATED_ENDPOINT_H_
