// SPDX-License-Identifier: Apache-2.0
//
// PipePool: the pipes of one worker, for flows that move much and that nobody looks into. Made when
// first wanted and then kept, so that a pipe in use costs no call: at most kMax, which is twice as
// many descriptors. A flow has one only while bytes are in it.
#ifndef SLUICE_FLOW_PIPE_POOL_H_
#define SLUICE_FLOW_PIPE_POOL_H_

#include <array>
#include <cstddef>

#include "engine/base/check.h"
#include "engine/io/pipe.h"
#include "engine/io/port.h"

namespace sluice::flow {

class PipePool {
 public:
  static constexpr std::size_t kMax = 64;

  PipePool() {
    for (io::Pipe& pipe : pipes_) free_[free_count_++] = &pipe;
  }
  PipePool(const PipePool&) = delete;
  PipePool& operator=(const PipePool&) = delete;
  // REQUIRES: none is taken.
  ~PipePool() {
    SLUICE_CHECK(taken() == 0);
    for (io::Pipe& pipe : pipes_) io::Port::ClosePipe(pipe);
  }

  // False once the OS said that it has none.
  bool supported() const { return supported_; }
  std::size_t taken() const { return kMax - free_count_; }

  // An open and empty one; null if there is none to be had now.
  io::Pipe* Take(io::Port& port) {
    if (!supported_ || free_count_ == 0) return nullptr;
    io::Pipe* pipe = free_[free_count_ - 1];
    if (!pipe->is_open()) {
      const OsError error = port.OpenPipe(*pipe);
      if (error.code == ErrorCode::kNotSupported) supported_ = false;
      if (!error.ok()) return nullptr;
    }
    --free_count_;
    return pipe;
  }

  // What it still holds is dropped.
  void Give(io::Pipe* pipe) {
    if (pipe->size() > 0) io::Port::ClosePipe(*pipe);
    free_[free_count_++] = pipe;
  }

 private:
  std::array<io::Pipe, kMax> pipes_;
  std::array<io::Pipe*, kMax> free_{};  // the first free_count_; the one used last is the last
  std::size_t free_count_ = 0;
  bool supported_ = true;
};

}  // namespace sluice::flow

#endif  // SLUICE_FLOW_PIPE_POOL_H_
