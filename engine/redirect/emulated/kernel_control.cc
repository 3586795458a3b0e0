// SPDX-License-Identifier: Apache-2.0
//
// The three control codes of the emulated kernel, each step in the order that decides which error
// wins when several apply.
#include <cstring>

#include "absl/types/span.h"
#include "engine/redirect/control_codes.h"
#include "engine/redirect/emulated/kernel.h"

namespace sluice::emulated {
namespace {

io::ControlReply Status(io::NtStatus status) { return io::ControlReply{status, 0, 0}; }

io::ControlReply Success(std::uint64_t information) {
  return io::ControlReply{io::kStatusSuccess, static_cast<std::uint32_t>(information), 0};
}

io::ControlReply Absent(const Knobs& knobs) {
  switch (knobs.absent_code) {
    case AbsentCode::kNotFound:
      return Status(io::kStatusNotFound);
    case AbsentCode::kFwpNotFound:
      return Status(io::kStatusFwpNotFound);
    case AbsentCode::kSuccessEmpty:
      return Success(0);
  }
  return Status(io::kStatusNotFound);
}

io::ControlReply BufferTooSmall(const Knobs& knobs, std::uint64_t need) {
  const std::uint32_t information = knobs.report_need ? static_cast<std::uint32_t>(need) : 0;
  switch (knobs.too_small) {
    case TooSmall::kBufferTooSmall:
      return io::ControlReply{io::kStatusBufferTooSmall, information, 0};
    case TooSmall::kLiteral122:
      return io::ControlReply{io::kStatusBufferTooSmall, information, 122};
    case TooSmall::kInvalid:
      return io::ControlReply{io::kStatusInvalidParameter, information, 0};
    case TooSmall::kBufferOverflow:
      return io::ControlReply{io::kStatusBufferOverflow, information, 0};
  }
  return Status(io::kStatusBufferTooSmall);
}

// Something is there, `need` bytes of it: may it be copied to a buffer of `capacity`?
bool Fits(const Knobs& knobs, std::uint64_t need, std::uint32_t capacity, io::ControlReply* reply) {
  if (capacity >= need) return true;
  if (capacity == 0 && knobs.zero_probe == ZeroProbe::kSuccessWithNeed) {
    *reply = Success(need);
  } else if (capacity == 0 && knobs.zero_probe == ZeroProbe::kNotFound) {
    *reply = Status(io::kStatusNotFound);
  } else if (capacity > 0 && capacity < sizeof(std::uint32_t) && !knobs.tiny_is_too_small) {
    *reply = Status(io::kStatusInvalidParameter);
  } else {
    *reply = BufferTooSmall(knobs, need);
  }
  return false;
}

}  // namespace

io::ControlReply Kernel::Control(Endpoint* endpoint, const io::ControlRequest& request) {
  const Config& config = this->config();
  if (endpoint == nullptr || endpoint->state == Endpoint::State::kClosed)
    return Status(io::kStatusInvalidHandle);
  if (!endpoint->provider_has_codes) return Status(io::kStatusNotSupported);
  switch (request.code) {
    case redirect::kQueryRedirectRecords:
    case redirect::kQueryRedirectContext:
      return Query(config, *endpoint, request);
    case redirect::kSetRedirectRecords:
      return Set(config, *endpoint, request);
    default:
      return Status(io::kStatusNotSupported);
  }
}

io::ControlReply Kernel::Query(const Config& config, const Endpoint& endpoint,
                               const io::ControlRequest& request) {
  const Knobs& knobs = config.knobs;
  const bool records = request.code == redirect::kQueryRedirectRecords;
  Counters::Add(records ? counters_.queries_records : counters_.queries_context);
  if (request.out == nullptr && request.out_size != 0) return Status(io::kStatusAccessViolation);
  if (knobs.query_requires_admin && !endpoint.process->elevated)
    return Status(io::kStatusAccessDenied);
  if (endpoint.state != Endpoint::State::kConnected) {
    return Status(knobs.unconnected_is_invalid ? io::kStatusInvalidParameter
                                               : io::kStatusInvalidConnection);
  }
  HopList none;
  const HopList& own = knobs.client_side_query ? endpoint.outgoing : none;
  const HopList& list = endpoint.accepted ? endpoint.inbound : own;
  if (list == nullptr) return Absent(knobs);
  io::ControlReply reply;
  if (!records) {
    const std::string& context = list->context;
    if (context.empty()) return Absent(knobs);
    if (!Fits(knobs, context.size(), request.out_size, &reply)) return reply;
    std::memcpy(request.out, context.data(), context.size());
    return Success(context.size());
  }
  const BlobFormat format{nonce_, knobs.record_pad, knobs.scramble};
  const std::uint64_t need = BlobSize(list, format);
  if (!Fits(knobs, need, request.out_size, &reply)) return reply;
  EncodeBlob(list, format,
             absl::MakeSpan(static_cast<std::byte*>(request.out), static_cast<std::size_t>(need)));
  return Success(need);
}

io::ControlReply Kernel::Set(const Config& config, Endpoint& endpoint,
                             const io::ControlRequest& request) {
  const Knobs& knobs = config.knobs;
  const auto fail = [this](io::NtStatus status) {
    Counters::Add(counters_.sets_failed);
    return Status(status);
  };
  if (request.out_size != 0) return fail(io::kStatusInvalidParameter);
  if (request.in == nullptr && request.in_size != 0) return fail(io::kStatusAccessViolation);
  if (knobs.set_requires_admin && !endpoint.process->elevated) return fail(io::kStatusAccessDenied);
  HopList list;
  if (request.in_size == 0) {
    if (!knobs.set_empty_clears) return fail(io::kStatusInvalidParameter);
  } else {
    const BlobFormat format{nonce_, knobs.record_pad, knobs.scramble};
    const auto bytes =
        absl::MakeConstSpan(static_cast<const std::byte*>(request.in), request.in_size);
    const io::NtStatus status = ParseBlob(bytes, format, &list);
    if (status != io::kStatusSuccess) return fail(status);
  }
  switch (endpoint.state) {
    case Endpoint::State::kCreated:
      break;
    case Endpoint::State::kBound:
      if (knobs.set_after_bind == SetAfterBind::kInvalid) return fail(io::kStatusInvalidParameter);
      if (knobs.set_after_bind == SetAfterBind::kIgnored) return Success(0);
      break;
    default:
      // Too late: the connect was classified with what was there.
      return knobs.set_late_is_ignored ? Success(0) : fail(io::kStatusInvalidParameter);
  }
  endpoint.installed = std::move(list);
  Counters::Add(counters_.sets);
  return Success(0);
}

}  // namespace sluice::emulated
