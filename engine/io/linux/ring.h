// SPDX-License-Identifier: Apache-2.0
//
// Ring: one io_uring and the eventfd that ends its sleep. All entering of the kernel's side is
// here.
//
// Owner thread only, but for Kick. SINGLE_ISSUER and DEFER_TASKRUN: the kernel refuses every other
// thread, and completions are worked on only inside Submit..., never between. The ring is made
// disabled and belongs to the thread that enables it.
#ifndef SLUICE_IO_LINUX_RING_H_
#define SLUICE_IO_LINUX_RING_H_

#include <liburing.h>

#include <cstdint>

#include "absl/status/status.h"
#include "engine/base/clock.h"
#include "engine/io/call_counts.h"

namespace sluice::io {

// What a completion's user_data holds when it is not the address of an operation.
inline constexpr std::uint64_t kTagWake = 1;
inline constexpr std::uint64_t kTagIgnored = 2;
inline constexpr std::uint64_t kTagCancel = 3;  // only of those that failed

class Ring {
 public:
  // `calls` counts the system calls made here.
  explicit Ring(CallCounts* calls) : calls_(calls) {}
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  // Any thread, once the kernel holds nothing that points into our memory.
  ~Ring();

  // Names the refused call and what to change.
  absl::Status Setup(unsigned depth);
  // From here on the calling thread is the owner.
  void Enable();
  // (Re)arms the poll behind Kick. False if there was no entry for it.
  bool ArmWake();

  // Makes room for an entry, by submitting if need be. False: the kernel takes nothing now.
  bool MakeRoom();
  // REQUIRES: MakeRoom was true and nothing was taken since. Never null.
  io_uring_sqe* Take();
  // Submits what was taken. False if the kernel left some of it, for lack of memory; it then goes
  // with the next call.
  bool Submit();
  // Submits and lets the kernel finish what it can without waiting.
  void SubmitAndCollect();
  // Submits and waits for a completion until `deadline`; `now` is the present.
  void SubmitAndWait(Instant now, Instant deadline);

  bool HasCompletions() const { return io_uring_cq_ready(&ring_) != 0; }
  // Calls `visit(user_data, result, flags)` for each completion at hand when it began. The visitor
  // may take entries and submit.
  template <typename Visit>
  void Reap(Visit visit) {
    for (unsigned left = io_uring_cq_ready(&ring_); left > 0; --left) {
      io_uring_cqe* cqe = nullptr;
      if (io_uring_peek_cqe(&ring_, &cqe) != 0) return;
      const std::uint64_t user_data = cqe->user_data;
      const int result = cqe->res;
      const unsigned flags = cqe->flags;
      io_uring_cqe_seen(&ring_, cqe);
      visit(user_data, result, flags);
    }
  }

  // Ends the owner's wait. Any thread.
  void Kick();

 private:
  void CheckEntered(int result);

  io_uring ring_{};
  CallCounts* const calls_;
  int wake_ = -1;  // eventfd; written by Kick, never read: each write is an edge for the poll
  bool made_ = false;
};

}  // namespace sluice::io

#endif  // SLUICE_IO_LINUX_RING_H_
