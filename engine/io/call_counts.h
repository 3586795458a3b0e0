// SPDX-License-Identifier: Apache-2.0
//
// CallCounts: system calls by kind, so that what a connection costs can be counted instead of
// timed. A kind means the same on every backend; what a backend does without a call of its own (on
// io_uring an accept, a connect, a receive are entries of a turn) stays 0 there. What
// Socket::local() asks is not seen.
#ifndef SLUICE_IO_CALL_COUNTS_H_
#define SLUICE_IO_CALL_COUNTS_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace sluice::io {

// Name, and what it is: io_uring / Windows.
#define SLUICE_CALLS(X)                                                             \
  X(turn)      /* io_uring_enter / GetQueuedCompletionStatusEx */                   \
  X(accept)    /* - / AcceptEx */                                                   \
  X(connect)   /* - / ConnectEx */                                                  \
  X(receive)   /* recv, splice / WSARecv */                                         \
  X(send)      /* send, splice, but a connection's first / WSASend */               \
  X(control)   /* - / WSAIoctl */                                                   \
  X(cancel)    /* - / CancelIoEx */                                                 \
  X(socket)    /* socket / WSASocketW */                                            \
  X(associate) /* - / CreateIoCompletionPort, SetFileCompletionNotificationModes */ \
  X(option)    /* setsockopt / setsockopt, SetHandleInformation */                  \
  X(address)   /* getsockname / getsockname */                                      \
  X(bind)      /* bind, listen / bind, listen */                                    \
  X(shutdown)  /* shutdown / shutdown */                                            \
  X(close)     /* close / closesocket */                                            \
  X(other)     /* what a port calls at its start, and rare questions */

enum class Call : std::uint8_t {
#define SLUICE_X(name) k_##name,
  SLUICE_CALLS(SLUICE_X)
#undef SLUICE_X
};

inline constexpr const char* kCallNames[] = {
#define SLUICE_X(name) #name,
    SLUICE_CALLS(SLUICE_X)
#undef SLUICE_X
};

inline constexpr std::size_t kCallKinds = sizeof(kCallNames) / sizeof(kCallNames[0]);

class CallCounts {
 public:
  void Add(Call call, std::uint64_t count = 1) { of_[static_cast<std::size_t>(call)] += count; }
  std::uint64_t operator[](Call call) const { return of_[static_cast<std::size_t>(call)]; }
  std::uint64_t total() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t count : of_) sum += count;
    return sum;
  }
  CallCounts& operator+=(const CallCounts& other) {
    for (std::size_t i = 0; i < kCallKinds; ++i) of_[i] += other.of_[i];
    return *this;
  }

 private:
  std::array<std::uint64_t, kCallKinds> of_{};
};

}  // namespace sluice::io

#endif  // SLUICE_IO_CALL_COUNTS_H_
