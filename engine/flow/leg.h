// SPDX-License-Identifier: Apache-2.0
//
// Leg: one side of a flow: a socket and the operations that a connected socket can have in flight.
// Owned by its flow; freed only when the kernel holds none of them (law 4).
#ifndef SLUICE_FLOW_LEG_H_
#define SLUICE_FLOW_LEG_H_

#include "engine/io/operation.h"
#include "engine/io/socket.h"

namespace sluice::flow {

struct Leg {
  io::Socket socket;
  io::RecvOp recv;
  io::AwaitReadableOp readable;
  io::SendOp send;

  // True when this leg may be freed.
  bool joined() const {
    return recv.idle() && readable.idle() && send.idle() && socket.is_joined();
  }
};

}  // namespace sluice::flow

#endif  // SLUICE_FLOW_LEG_H_
