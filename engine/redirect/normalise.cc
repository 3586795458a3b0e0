// SPDX-License-Identifier: Apache-2.0
#include "engine/redirect/normalise.h"

#include "engine/redirect/control_codes.h"

namespace sluice::redirect {
namespace {

// Numbers of both tables; their ranges do not overlap.
enum class Group {
  kTooSmall,
  kNoResources,
  kNotFound,
  kFwpNotFound,
  kAmbiguous,  // not found, malformed, or the documented "too small" of 10022
  kOverflow,
  kDenied,
  kUnsupported,
  kGone,
  kOther,
};

Group GroupOf(std::uint32_t number) {
  switch (number) {
    case 10014:  // WSAEFAULT: BUFFER_TOO_SMALL at once (and ACCESS_VIOLATION, which we never cause)
    case 122:    // ERROR_INSUFFICIENT_BUFFER: the same by packet
    case 10040:  // WSAEMSGSIZE: BUFFER_OVERFLOW
    case 234:    // ERROR_MORE_DATA
      return Group::kTooSmall;
    case 10055:  // WSAENOBUFS
    case 1450:   // ERROR_NO_SYSTEM_RESOURCES: the same status by packet, so the same meaning
      return Group::kNoResources;
    case 1168:  // ERROR_NOT_FOUND
      return Group::kNotFound;
    case 0x80320008:  // FWP_E_NOT_FOUND
      return Group::kFwpNotFound;
    case 10022:  // WSAEINVAL: what NOT_FOUND becomes at once, as well as INVALID_PARAMETER
    case 87:     // ERROR_INVALID_PARAMETER
      return Group::kAmbiguous;
    case 534:  // ERROR_ARITHMETIC_OVERFLOW
      return Group::kOverflow;
    case 10013:
    case 5:
      return Group::kDenied;
    case 10045:
    case 10042:
    case 50:
    case 1:
      return Group::kUnsupported;
    case 10057:
    case 59:
    case 10038:
    case 6:
    case 995:
    case 10004:  // WSAEINTR: how some tables spell a cancelled request
    case 676:    // ERROR_HANDLES_CLOSED: Wine, a socket closed under a pending request
    case 10054:
    case 64:
    case 1236:
    case 10053:
      return Group::kGone;
    default:
      return Group::kOther;
  }
}

// A port may end an operation itself, without asking the platform; then only `code` says why.
Meaning MeaningOfCode(ErrorCode code) {
  switch (code) {
    case ErrorCode::kAborted:
    case ErrorCode::kReset:
    case ErrorCode::kNotConnected:
    case ErrorCode::kNotSocket:
      return Meaning::kGone;
    case ErrorCode::kNotSupported:
      return Meaning::kUnsupported;
    case ErrorCode::kAccessDenied:
      return Meaning::kDenied;
    default:
      return Meaning::kFailed;
  }
}

// A reported size counts only if it is larger than what was tried: the field may be unwritten or
// zero.
QueryMeaning Grow(std::uint32_t reported, std::uint32_t capacity) {
  if (capacity >= kReplyMax || reported > kReplyMax) return {Meaning::kFailed, 0, false};
  std::uint32_t next = capacity * 2;
  if (reported > next) next = reported;
  if (next > kReplyMax) next = kReplyMax;
  if (next == 0) next = kContextFirst;
  return {Meaning::kGrow, next, false};
}

}  // namespace

const char* MeaningText(Meaning meaning) {
  switch (meaning) {
#define SLUICE_X(name, text) \
  case Meaning::name:        \
    return text;
    SLUICE_REDIRECT_MEANINGS(SLUICE_X)
#undef SLUICE_X
  }
  return "unknown";
}

QueryMeaning NormaliseQuery(const Outcome& outcome, std::uint32_t capacity) {
  const std::uint32_t reported = outcome.bytes;
  if (outcome.ok()) {
    if (reported == 0) return {Meaning::kEmpty, 0, false};
    // A probe may "succeed" with the size it would have needed.
    if (reported > capacity) return Grow(reported, capacity);
    return {Meaning::kOk, 0, false};
  }
  const auto number = static_cast<std::uint32_t>(outcome.error.raw);
  switch (GroupOf(number)) {
    case Group::kTooSmall:
    case Group::kNoResources:
      return Grow(reported, capacity);
    case Group::kNotFound:
      return {Meaning::kAbsent, 0, false};
    case Group::kFwpNotFound:
      if (reported > capacity) return Grow(reported, capacity);
      return {Meaning::kAbsent, 0, false};
    case Group::kAmbiguous:
      if (reported > capacity) return Grow(reported, capacity);
      return {Meaning::kAbsent, 0, capacity < kReplyMax};
    case Group::kDenied:
      return {Meaning::kDenied, 0, false};
    case Group::kUnsupported:
      return {Meaning::kUnsupported, 0, false};
    case Group::kGone:
      return {Meaning::kGone, 0, false};
    case Group::kOverflow:
    case Group::kOther:
      break;
  }
  return {MeaningOfCode(outcome.error.code), 0, false};
}

Meaning NormaliseSet(const Outcome& outcome) {
  // The count is ignored: the documentation's words about it are left over from the query pages.
  if (outcome.ok()) return Meaning::kOk;
  switch (GroupOf(static_cast<std::uint32_t>(outcome.error.raw))) {
    case Group::kAmbiguous:
    case Group::kOverflow:
      return Meaning::kRejected;
    case Group::kDenied:
      return Meaning::kDenied;
    case Group::kUnsupported:
      return Meaning::kUnsupported;
    case Group::kGone:
      return Meaning::kGone;
    case Group::kTooSmall:
    case Group::kNoResources:
    case Group::kNotFound:
    case Group::kFwpNotFound:
      return Meaning::kFailed;
    case Group::kOther:
      break;
  }
  return MeaningOfCode(outcome.error.code);
}

}  // namespace sluice::redirect
