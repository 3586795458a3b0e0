// SPDX-License-Identifier: Apache-2.0
//
// No pipes: Winsock moves nothing from socket to socket without user memory.
#include "engine/base/check.h"
#include "engine/io/pipe.h"
#include "engine/io/port.h"
#include "engine/io/windows/winsock.h"

namespace sluice::io {

OsError Port::OpenPipe(Pipe& pipe) {
  SLUICE_CHECK(!pipe.is_open());
  return OsError{ErrorCode::kNotSupported, WSAEOPNOTSUPP};
}

void Port::ClosePipe(Pipe& pipe) { SLUICE_CHECK(!pipe.is_open()); }

void Port::Recv(RecvOp&, Socket&, Pipe& pipe, std::size_t) { SLUICE_CHECK(pipe.is_open()); }

void Port::Send(SendOp&, Socket&, Pipe& pipe) { SLUICE_CHECK(pipe.is_open()); }

}  // namespace sluice::io
