// SPDX-License-Identifier: Apache-2.0
//
// Outcome: what the kernel said about one operation. A plain value; no allocation, no text.
//
// `code` is the engine's own name for an error, the same on every OS. `raw` is the number the OS
// gave: errno on Linux; on Windows the Winsock number when the start call failed at once, the Win32
// number (through RtlNtStatusToDosError) when a completion packet carried the failure. Control
// operations keep the two Windows tables on every OS, because the code that reads them must meet
// both.
#ifndef SLUICE_BASE_OUTCOME_H_
#define SLUICE_BASE_OUTCOME_H_

#include <cstdint>
#include <string>

namespace sluice {

// One line each: name, text for people. Order is part of no interface.
#define SLUICE_ERROR_CODES(X)                                   \
  X(kNone, "no error")                                          \
  X(kAborted, "cancelled")                                      \
  X(kReset, "connection reset by peer")                         \
  X(kRefused, "connection refused")                             \
  X(kUnreachable, "host or network unreachable")                \
  X(kTimedOut, "timed out")                                     \
  X(kAddressInUse, "address already in use")                    \
  X(kAddressNotAvailable, "address not available on this host") \
  X(kAccessDenied, "access denied")                             \
  X(kNotConnected, "not connected")                             \
  X(kAlreadyConnected, "already connected")                     \
  X(kShutDown, "already shut down for sending")                 \
  X(kNotSocket, "not an open socket")                           \
  X(kInvalid, "invalid argument")                               \
  X(kBadPointer, "bad buffer address or buffer too small")      \
  X(kNotSupported, "operation not supported")                   \
  X(kNoBuffers, "no buffer space")                              \
  X(kTooManyHandles, "too many open files or handles")          \
  X(kOutOfMemory, "out of memory")                              \
  X(kMessageTooLong, "message too long")                        \
  X(kNotFound, "not found")                                     \
  X(kOther, "other error")

enum class ErrorCode : std::uint8_t {
#define SLUICE_X(name, text) name,
  SLUICE_ERROR_CODES(SLUICE_X)
#undef SLUICE_X
};

// Any thread; static storage.
const char* ErrorText(ErrorCode code);

struct OsError {
  ErrorCode code = ErrorCode::kNone;
  std::int32_t raw = 0;

  bool ok() const { return code == ErrorCode::kNone; }
  // "connection refused (os error 111)". Control plane only: allocates.
  std::string ToString() const;
};

struct Outcome {
  std::uint32_t bytes = 0;  // Also on failure where the OS reports it (control operations).
  OsError error;

  bool ok() const { return error.ok(); }
  static Outcome Done(std::uint32_t bytes) { return Outcome{bytes, OsError{}}; }
  static Outcome Failed(ErrorCode code, std::int32_t raw) { return Outcome{0, OsError{code, raw}}; }
};

}  // namespace sluice

#endif  // SLUICE_BASE_OUTCOME_H_
