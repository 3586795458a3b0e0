// SPDX-License-Identifier: Apache-2.0
#include "engine/io/linux/errors.h"

#include <cerrno>
#include <system_error>

namespace sluice::io {
namespace {

ErrorCode CodeOf(int number) {
  switch (number) {
    case 0:
      return ErrorCode::kNone;
    case ECANCELED:
    case EINTR:  // a cancelled request that an io_uring worker was busy with
      return ErrorCode::kAborted;
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:  // a send after the reset was reported; but see Impl::CompleteSend
      return ErrorCode::kReset;
    case ECONNREFUSED:
      return ErrorCode::kRefused;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
    case ENONET:
      return ErrorCode::kUnreachable;
    case ETIMEDOUT:
      return ErrorCode::kTimedOut;
    case EADDRINUSE:
      return ErrorCode::kAddressInUse;
    case EADDRNOTAVAIL:
      return ErrorCode::kAddressNotAvailable;
    case EACCES:
    case EPERM:
      return ErrorCode::kAccessDenied;
    case ENOTCONN:
      return ErrorCode::kNotConnected;
    case EISCONN:
      return ErrorCode::kAlreadyConnected;
    case ESHUTDOWN:
      return ErrorCode::kShutDown;
    case EBADF:
    case ENOTSOCK:
      return ErrorCode::kNotSocket;
    case EINVAL:
    case EALREADY:
    case EDESTADDRREQ:
      return ErrorCode::kInvalid;
    case EFAULT:
      return ErrorCode::kBadPointer;
    case EOPNOTSUPP:
    case EAFNOSUPPORT:
    case EPFNOSUPPORT:
    case EPROTONOSUPPORT:
    case ENOPROTOOPT:
    case ENOSYS:
      return ErrorCode::kNotSupported;
    case ENOBUFS:
      return ErrorCode::kNoBuffers;
    case EMFILE:
    case ENFILE:
      return ErrorCode::kTooManyHandles;
    case ENOMEM:
      return ErrorCode::kOutOfMemory;
    case EMSGSIZE:
      return ErrorCode::kMessageTooLong;
    case ENOENT:
      return ErrorCode::kNotFound;
    default:
      return ErrorCode::kOther;
  }
}

}  // namespace

OsError ErrorOf(int number) { return OsError{CodeOf(number), number}; }

OsError LastError() { return ErrorOf(errno); }

std::string TextOf(int number) { return std::generic_category().message(number); }

}  // namespace sluice::io
