// SPDX-License-Identifier: Apache-2.0
//
// Overlapped WSAIoctl, or the function that stands in for it.
#include <cstring>

#include "engine/base/check.h"
#include "engine/io/windows/errors.h"
#include "engine/io/windows/impl.h"

namespace sluice::io {

static_assert(sizeof(DWORD) == sizeof(std::uint32_t));

void Port::Impl::Control(ControlOp& operation, Socket& socket, std::uint32_t code,
                         absl::Span<const std::byte> in, absl::Span<std::byte> out) {
  Arm(operation, Verb::kControl, &socket);
  operation.code_ = code;
  operation.inline_failure_ = false;
  operation.bytes_ = 0;
  void* input = const_cast<std::byte*>(in.data());  // WSAIoctl's `in` is not const, but only read
  const auto in_size = static_cast<DWORD>(in.size());
  const auto out_size = static_cast<DWORD>(out.size());
  // Stored in the operation, because it is written as late as a driver pleases (C8).
  auto* count = reinterpret_cast<DWORD*>(&operation.bytes_);
  const SOCKET handle = HandleOf(socket);
  OVERLAPPED* overlapped = Prepare(operation);
  Count(Call::k_control);
  const int result = wsa_ioctl_ != nullptr
                         ? wsa_ioctl_(handle, code, input, in_size, out.data(), out_size, count,
                                      overlapped, nullptr)
                         : SystemWsaIoctl(socket.skip_on_success_, handle, code, input, in_size,
                                          out.data(), out_size, count, overlapped, nullptr);
  const int error = result == 0 ? 0 : WSAGetLastError();
  if (error == WSA_IO_PENDING) return;
  std::uint32_t bytes = 0;
  std::memcpy(&bytes, &operation.bytes_, sizeof(bytes));  // it was written as a DWORD
  if (error != 0) {
    operation.inline_failure_ = true;
    return Finish(operation, Outcome{bytes, ErrorOfNumber(static_cast<std::uint32_t>(error))});
  }
  if (socket.skip_on_success_) Finish(operation, Outcome::Done(bytes));
}

}  // namespace sluice::io
