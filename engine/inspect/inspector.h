// SPDX-License-Identifier: Apache-2.0
//
// Inspector: what looks at bytes between receive and send. It gets the very chain that will be
// sent, so that passing costs nothing and changing means relinking slices.
//
// An inspector is shared by all workers of its engine: its methods run on many threads at once, for
// one flow always on the same one. They must not block. What takes its time answers later:
//
//   Verdict OnData(...) override {
//     Pending token = later.Take();
//     if (!token) return Verdict::kReset;      // too many wait already; kPend would be refused too
//     queue_.Push(std::move(token), CopyOf(data));
//     return Verdict::kPend;
//   }
//   ... on any thread: token.Resolve(Verdict::kPass);
//
// Until then the engine holds the bytes and receives no more in that direction.
#ifndef SLUICE_INSPECT_INSPECTOR_H_
#define SLUICE_INSPECT_INSPECTOR_H_

#include <cstdint>

#include "engine/inspect/pending.h"
#include "engine/inspect/verdict.h"
#include "engine/memory/chain.h"
#include "sluice/address.h"

namespace sluice::inspect {

enum class Direction : std::uint8_t { kUp, kDown };  // to the destination, to the client

struct FlowInfo {
  std::uint64_t id = 0;  // unique in its runtime
  Address client;
  Address destination;
};

class Inspector {
 public:
  virtual ~Inspector() = default;
  // `data` holds what one receive brought, never empty; it may be changed in place. kPend without
  // the token of `later` is the engine's default verdict at once.
  virtual Verdict OnData(const FlowInfo& flow, Direction direction, memory::Chain& data,
                         Later& later) = 0;
};

}  // namespace sluice::inspect

#endif  // SLUICE_INSPECT_INSPECTOR_H_
