// SPDX-License-Identifier: Apache-2.0
#include "engine/io/control_status.h"

namespace sluice::io {
namespace {

struct Row {
  NtStatus status;
  std::uint32_t winsock;
  std::uint32_t win32;
};

constexpr Row kRows[] = {
    {kStatusSuccess, 0, 0},
    {kStatusBufferTooSmall, 10014, 122},
    {kStatusBufferOverflow, 10040, 234},
    {kStatusInsufficientResources, 10055, 1450},
    {kStatusNotFound, 10022, 1168},
    {kStatusFwpNotFound, 0x80320008, 0x80320008},
    {kStatusIntegerOverflow, 10022, 534},
    {kStatusInvalidParameter, 10022, 87},
    {kStatusAccessDenied, 10013, 5},
    {kStatusNotSupported, 10045, 50},
    {kStatusNotImplemented, 10045, 1},
    {kStatusInvalidConnection, 10057, 59},
    {kStatusAccessViolation, 10014, 998},
    {kStatusInvalidHandle, 10038, 6},
    {kStatusObjectTypeMismatch, 10038, 6},
    {kStatusCancelled, 995, 995},
    {kStatusHandlesClosed, 995, 676},
    // What a stream socket's receive, send, accept and connect meet besides.
    {0x00000102, 10060, 1460},  // STATUS_TIMEOUT
    {0xC00000B5, 10060, 121},   // STATUS_IO_TIMEOUT
    {0xC000013B, 10053, 64},    // STATUS_LOCAL_DISCONNECT
    {0xC000013C, 10054, 64},    // STATUS_REMOTE_DISCONNECT
    {0xC000020A, 10048, 52},    // STATUS_ADDRESS_ALREADY_EXISTS
    {0xC000020C, 10054, 64},    // STATUS_CONNECTION_DISCONNECTED
    {0xC000020D, 10054, 64},    // STATUS_CONNECTION_RESET
    {0xC0000236, 10061, 1225},  // STATUS_CONNECTION_REFUSED
    {0xC0000237, 10101, 1226},  // STATUS_GRACEFUL_DISCONNECT
    {0xC0000238, 10048, 1227},  // STATUS_ADDRESS_ALREADY_ASSOCIATED
    {0xC000023A, 10057, 1229},  // STATUS_CONNECTION_INVALID
    {0xC000023B, 10056, 1230},  // STATUS_CONNECTION_ACTIVE
    {0xC000023C, 10051, 1231},  // STATUS_NETWORK_UNREACHABLE
    {0xC000023D, 10065, 1232},  // STATUS_HOST_UNREACHABLE
    {0xC000023E, 10051, 1233},  // STATUS_PROTOCOL_UNREACHABLE
    {0xC000023F, 10054, 1234},  // STATUS_PORT_UNREACHABLE
    {0xC0000240, 10004, 1235},  // STATUS_REQUEST_ABORTED
    {0xC0000241, 10053, 1236},  // STATUS_CONNECTION_ABORTED
};

struct Code {
  std::uint32_t number;
  ErrorCode code;
};

constexpr Code kCodes[] = {
    {1, ErrorCode::kNotSupported},
    {5, ErrorCode::kAccessDenied},
    {6, ErrorCode::kNotSocket},
    {8, ErrorCode::kOutOfMemory},
    {14, ErrorCode::kOutOfMemory},
    {50, ErrorCode::kNotSupported},
    {52, ErrorCode::kAddressInUse},
    {59, ErrorCode::kNotConnected},
    {64, ErrorCode::kReset},
    {87, ErrorCode::kInvalid},
    {121, ErrorCode::kTimedOut},
    {122, ErrorCode::kBadPointer},
    {234, ErrorCode::kMessageTooLong},
    {258, ErrorCode::kTimedOut},
    {534, ErrorCode::kInvalid},
    {676, ErrorCode::kAborted},
    {995, ErrorCode::kAborted},
    {998, ErrorCode::kBadPointer},
    {1168, ErrorCode::kNotFound},
    {1225, ErrorCode::kRefused},
    {1226, ErrorCode::kReset},
    {1227, ErrorCode::kAddressInUse},
    {1229, ErrorCode::kNotConnected},
    {1230, ErrorCode::kAlreadyConnected},
    {1231, ErrorCode::kUnreachable},
    {1232, ErrorCode::kUnreachable},
    {1233, ErrorCode::kUnreachable},
    {1234, ErrorCode::kRefused},
    {1235, ErrorCode::kAborted},
    {1236, ErrorCode::kReset},
    {1450, ErrorCode::kNoBuffers},
    {1455, ErrorCode::kOutOfMemory},
    {1460, ErrorCode::kTimedOut},
    {1816, ErrorCode::kNoBuffers},
    {10004, ErrorCode::kAborted},
    {10013, ErrorCode::kAccessDenied},
    {10014, ErrorCode::kBadPointer},
    {10022, ErrorCode::kInvalid},
    {10024, ErrorCode::kTooManyHandles},
    {10038, ErrorCode::kNotSocket},
    {10040, ErrorCode::kMessageTooLong},
    {10042, ErrorCode::kNotSupported},
    {10045, ErrorCode::kNotSupported},
    {10047, ErrorCode::kNotSupported},
    {10048, ErrorCode::kAddressInUse},
    {10049, ErrorCode::kAddressNotAvailable},
    {10050, ErrorCode::kUnreachable},
    {10051, ErrorCode::kUnreachable},
    {10052, ErrorCode::kReset},
    {10053, ErrorCode::kReset},
    {10054, ErrorCode::kReset},
    {10055, ErrorCode::kNoBuffers},
    {10056, ErrorCode::kAlreadyConnected},
    {10057, ErrorCode::kNotConnected},
    {10058, ErrorCode::kShutDown},
    {10060, ErrorCode::kTimedOut},
    {10061, ErrorCode::kRefused},
    {10064, ErrorCode::kUnreachable},
    {10065, ErrorCode::kUnreachable},
    {10101, ErrorCode::kReset},
    {0x80320008, ErrorCode::kNotFound},
};

const Row* Find(NtStatus status) {
  for (const Row& row : kRows) {
    if (row.status == status) return &row;
  }
  return nullptr;
}

}  // namespace

std::uint32_t WinsockNumber(NtStatus status) {
  const Row* row = Find(status);
  // Winsock's table maps what it does not know to WSAEINVAL.
  return row != nullptr ? row->winsock : 10022;
}

std::uint32_t Win32Number(NtStatus status) {
  const Row* row = Find(status);
  return row != nullptr ? row->win32 : kUnknownNumber;
}

ErrorCode CodeOfWindowsNumber(std::uint32_t number) {
  if (number == 0) return ErrorCode::kNone;
  for (const Code& entry : kCodes) {
    if (entry.number == number) return entry.code;
  }
  return ErrorCode::kOther;
}

}  // namespace sluice::io
