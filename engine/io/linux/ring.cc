// SPDX-License-Identifier: Apache-2.0
#include "engine/io/linux/ring.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/base/check.h"
#include "engine/io/linux/errors.h"

namespace sluice::io {
namespace {

constexpr unsigned kDepthMax = 32768;  // the kernel's

// SINGLE_ISSUER and DEFER_TASKRUN came with Linux 6.1, the oldest kernel that this backend runs on.
constexpr unsigned kSetupFlags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                                 IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_R_DISABLED |
                                 IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;

std::string KernelRelease() {
  utsname name{};
  return uname(&name) == 0 ? name.release : "unknown";
}

absl::Status Refused(absl::string_view call, int error) {
  const std::string what = absl::StrCat(call, ": ", TextOf(error), "; ");
  switch (error) {
    case ENOSYS:
      return absl::UnimplementedError(
          absl::StrCat(what, "Linux 6.1 or newer with io_uring is needed (this is ",
                       KernelRelease(), "), and no seccomp profile that hides it"));
    case EINVAL:
      return absl::UnimplementedError(absl::StrCat(
          what, "this kernel's io_uring is too old: Linux 6.1 or newer is needed (this is ",
          KernelRelease(), ")"));
    case EPERM:
    case EACCES:
      return absl::PermissionDeniedError(absl::StrCat(
          what,
          "allow io_uring: sysctl kernel.io_uring_disabled=0, and a seccomp profile (of the "
          "container or service) with io_uring_setup, io_uring_enter and io_uring_register"));
    case ENOMEM:
      return absl::ResourceExhaustedError(absl::StrCat(
          what,
          "raise the locked-memory limit (ulimit -l, LimitMEMLOCK=) or lower the queue depth"));
    case EMFILE:
    case ENFILE:
      return absl::ResourceExhaustedError(
          absl::StrCat(what, "raise the limit of open files (ulimit -n, LimitNOFILE=)"));
    default:
      return absl::InternalError(absl::StrCat(what,
                                              "the io_uring of this machine is unusable (kernel ",
                                              KernelRelease(), "; 6.1 or newer is needed)"));
  }
}

}  // namespace

absl::Status Ring::Setup(unsigned depth) {
  if (depth == 0 || depth > kDepthMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("PortOptions::queue_depth is ", depth, "; it must be from 1 to ", kDepthMax));
  }
  wake_ = eventfd(0, EFD_CLOEXEC);
  calls_->Add(Call::k_other);
  if (wake_ < 0) return Refused("eventfd", errno);
  io_uring_params params{};
  params.flags = kSetupFlags;
  params.cq_entries = depth * 4;
  const int result = io_uring_queue_init_params(depth, &ring_, &params);
  calls_->Add(Call::k_other);
  if (result < 0) return Refused("io_uring_setup", -result);
  made_ = true;
  // A seccomp profile may let the first call pass and refuse the others. Enter is expected to fail,
  // because the ring is not enabled yet.
  const auto descriptor = static_cast<unsigned>(ring_.ring_fd);
  const int entered = io_uring_enter(descriptor, 0, 0, 0, nullptr);
  const bool forbidden = entered == -EPERM || entered == -EACCES || entered == -ENOSYS;
  if (forbidden) return Refused("io_uring_enter", -entered);
  std::uint64_t probe[sizeof(io_uring_probe) / sizeof(std::uint64_t)] = {};
  const int registered = io_uring_register(descriptor, IORING_REGISTER_PROBE, probe, 0);
  if (registered != 0) return Refused("io_uring_register", -registered);
  calls_->Add(Call::k_other, 2);
  // Both are older than the flags above. Without the first a full completion queue would lose
  // outcomes, without the second a wait could not have a deadline.
  SLUICE_CHECK((params.features & IORING_FEAT_NODROP) != 0);
  SLUICE_CHECK((params.features & IORING_FEAT_EXT_ARG) != 0);
  return absl::OkStatus();
}

Ring::~Ring() {
  if (made_) io_uring_queue_exit(&ring_);
  if (wake_ >= 0) close(wake_);
}

void Ring::Enable() {
  // io_uring_enable_rings, spelled out: liburing 2.3 declares it but its shared library lacks it.
  const auto descriptor = static_cast<unsigned>(ring_.ring_fd);
  const int result = io_uring_register(descriptor, IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
  calls_->Add(Call::k_other);
  SLUICE_CHECK(result == 0);
  // Saves a look-up of the descriptor in each enter. Failing is harmless.
  io_uring_register_ring_fd(&ring_);
  calls_->Add(Call::k_other);
}

bool Ring::ArmWake() {
  if (!MakeRoom()) return false;
  io_uring_sqe* sqe = Take();
  io_uring_prep_poll_multishot(sqe, wake_, POLLIN);
  io_uring_sqe_set_data64(sqe, kTagWake);
  return true;
}

bool Ring::MakeRoom() {
  if (io_uring_sq_space_left(&ring_) != 0) return true;
  Submit();
  return io_uring_sq_space_left(&ring_) != 0;
}

io_uring_sqe* Ring::Take() {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
  SLUICE_CHECK(sqe != nullptr);
  return sqe;
}

bool Ring::Submit() {
  CheckEntered(io_uring_submit(&ring_));
  return io_uring_sq_ready(&ring_) == 0;
}

void Ring::SubmitAndCollect() {
  // TASKRUN: completions wait for this thread to work on them. OVERFLOW: they wait for room.
  const unsigned pending =
      IO_URING_READ_ONCE(*ring_.sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
  if (pending == 0 && io_uring_sq_ready(&ring_) == 0) return;
  CheckEntered(io_uring_submit_and_get_events(&ring_));
}

void Ring::SubmitAndWait(Instant now, Instant deadline) {
  io_uring_cqe* cqe = nullptr;
  if (deadline == Instant::Never()) {
    CheckEntered(io_uring_submit_and_wait_timeout(&ring_, &cqe, 1, nullptr, nullptr));
    return;
  }
  const Nanos left = std::max<Nanos>(deadline - now, 0);
  __kernel_timespec timeout{};
  timeout.tv_sec = left / kSecond;
  timeout.tv_nsec = left % kSecond;
  CheckEntered(io_uring_submit_and_wait_timeout(&ring_, &cqe, 1, &timeout, nullptr));
}

// Of one io_uring_enter. Failures that pass (a signal, a deadline, no memory right now) are left to
// the next turn; the others mean that outcomes are lost or that the contract is broken.
void Ring::CheckEntered(int result) {
  calls_->Add(Call::k_turn);
  const bool wrong_thread = result == -EEXIST;  // a port has one owner thread, see Port
  SLUICE_CHECK(!wrong_thread);
  const bool outcomes_lost = result == -EBADR;  // the kernel had no memory to keep a completion
  SLUICE_CHECK(!outcomes_lost);
  const bool passing = result >= 0 || result == -ETIME || result == -EINTR || result == -EAGAIN ||
                       result == -EBUSY || result == -ENOMEM;
  SLUICE_CHECK(passing);
}

void Ring::Kick() {
  const std::uint64_t one = 1;
  while (write(wake_, &one, sizeof(one)) < 0 && errno == EINTR) {
  }
}

}  // namespace sluice::io
