// SPDX-License-Identifier: Apache-2.0
//
// Pipe: bytes on their way from one socket to another that stay in the kernel. Nobody sees them and
// nobody copies them: what a relay is for that only passes on. Linux: pipe(2), moved by splice(2).
// Windows has nothing of the kind for two sockets (TransmitFile takes a file), so none can be
// opened there.
#ifndef SLUICE_IO_PIPE_H_
#define SLUICE_IO_PIPE_H_

#include <cstddef>

#include "engine/base/check.h"
#include "engine/io/socket.h"

namespace sluice::io {

class Pipe {
 public:
  Pipe() = default;
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  // REQUIRES: closed. Two descriptors would leak.
  ~Pipe() { SLUICE_CHECK(!is_open()); }

  bool is_open() const { return in_ != kNoHandle; }
  // Bytes received into it and not sent on.
  std::size_t size() const { return size_; }

 private:
  friend class Port;

  NativeHandle in_ = kNoHandle;
  NativeHandle out_ = kNoHandle;
  std::size_t size_ = 0;
  void* bytes_ = nullptr;  // the simulator's
};

}  // namespace sluice::io

#endif  // SLUICE_IO_PIPE_H_
