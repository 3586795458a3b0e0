// SPDX-License-Identifier: Apache-2.0
//
// Leg: one side of a flow: a socket and the operations that a connected socket can have in flight.
// Owned by its flow; freed only when the kernel holds none of them (law 4). What waits for long, as
// most do, is a member; what moves bytes is taken from the worker's pools when it is started and
// given back when its handler begins.
#ifndef SLUICE_FLOW_LEG_H_
#define SLUICE_FLOW_LEG_H_

#include "engine/flow/flow_pools.h"
#include "engine/io/operation.h"
#include "engine/io/socket.h"

namespace sluice::flow {

struct Leg {
  io::Socket socket;
  io::AwaitReadableOp readable;
  // Non-null exactly while armed, or done and not delivered.
  Landing* landing = nullptr;
  io::SendOp* send = nullptr;

  // True when this leg may be freed.
  bool joined() const {
    return landing == nullptr && readable.idle() && send == nullptr && socket.is_joined();
  }
};

}  // namespace sluice::flow

#endif  // SLUICE_FLOW_LEG_H_
