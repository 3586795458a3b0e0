// SPDX-License-Identifier: Apache-2.0
#include "engine/capi/border.h"

#include <array>
#include <cstddef>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace sluice::capi {
namespace {

thread_local int callbacks = 0;

std::int32_t CodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return SLUICE_BAD_ARGUMENT;
    case absl::StatusCode::kFailedPrecondition:
      return SLUICE_BAD_STATE;
    case absl::StatusCode::kResourceExhausted:
      return SLUICE_NO_MEMORY;
    case absl::StatusCode::kNotFound:
      return SLUICE_NOT_FOUND;
    case absl::StatusCode::kAborted:
      return SLUICE_WRONG_THREAD;
    default:
      return SLUICE_SYSTEM;
  }
}

}  // namespace

std::int32_t Fail(sluice_error* error, std::int32_t code, absl::string_view text,
                  std::int32_t os_code) {
  if (error == nullptr) return code;
  std::uint32_t size = 0;
  std::memcpy(&size, error, sizeof size);
  // Without room for at least one byte of text nothing can be said.
  if (size <= offsetof(sluice_error, text)) return code;
  error->code = code;
  error->os_code = os_code;
  error->reserved = 0;
  WriteText(text, error->text,
            std::min<std::size_t>(size, sizeof(sluice_error)) - offsetof(sluice_error, text));
  return code;
}

std::int32_t Fail(sluice_error* error, const absl::Status& status) {
  std::int32_t os_code = 0;
  if (const auto payload = status.GetPayload("sluice.os_error"); payload.has_value()) {
    if (!absl::SimpleAtoi(std::string(*payload), &os_code)) os_code = 0;
  }
  return Fail(error, CodeOf(status), status.message(), os_code);
}

CallbackScope::CallbackScope() { ++callbacks; }
CallbackScope::~CallbackScope() { --callbacks; }

absl::Status CheckControl() {
  if (callbacks == 0) return absl::OkStatus();
  return absl::AbortedError(
      "called from inside a callback, where it would wait for itself; call it on a thread of your "
      "own");
}

std::size_t WriteText(absl::string_view text, char* buffer, std::size_t capacity) {
  if (buffer != nullptr && capacity != 0) {
    const std::size_t count = std::min(text.size(), capacity - 1);
    if (count != 0) std::memcpy(buffer, text.data(), count);
    buffer[count] = '\0';
  }
  return text.size();
}

sluice_address ToC(const Address& address) {
  sluice_address out{};
  std::copy(address.bytes().begin(), address.bytes().end(), out.bytes);
  out.scope_id = address.scope_id();
  out.tcp_port = address.tcp_port();
  out.family = static_cast<std::uint8_t>(address.family());
  return out;
}

bool FromC(const sluice_address& address, Address* out) {
  *out = Address();
  switch (address.family) {
    case SLUICE_FAMILY_NONE:
      break;
    case SLUICE_FAMILY_V4:
      *out = Address::V4({address.bytes[0], address.bytes[1], address.bytes[2], address.bytes[3]},
                         address.tcp_port);
      break;
    case SLUICE_FAMILY_V6: {
      std::array<std::uint8_t, 16> bytes{};
      std::copy(address.bytes, address.bytes + 16, bytes.begin());
      *out = Address::V6(bytes, address.tcp_port, address.scope_id);
      break;
    }
    default:
      return false;
  }
  // Bytes, a scope or a port where the family has none are somebody's mistake.
  const sluice_address back = ToC(*out);
  return std::memcmp(&back, &address, sizeof back) == 0;
}

absl::Status CheckSize(const void* given, std::uint32_t size, std::size_t known,
                       absl::string_view name) {
  const std::string field = name.empty() ? "size" : absl::StrCat(name, ".size");
  if (size < kSizeMin) {
    return absl::InvalidArgumentError(absl::StrCat(field, ": is ", size,
                                                   "; set it to the size of the struct, ", known,
                                                   " here, or let its _init function do it"));
  }
  const auto* bytes = static_cast<const unsigned char*>(given);
  for (std::size_t i = known; i < size; ++i) {
    if (bytes[i] == 0) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(field, ": is ", size, ", this library knows ", known, " bytes, and byte ", i,
                     " behind them is not 0: it asks for something newer"));
  }
  return absl::OkStatus();
}

void Reader::Need(bool holds, absl::string_view field, absl::string_view right) {
  if (holds || !status_.ok()) return;
  status_ = absl::InvalidArgumentError(absl::StrCat(prefix_, field, ": ", right));
}

void Reader::Also(const absl::Status& status) {
  if (status_.ok()) status_ = status;
}

bool Reader::Bool(std::uint32_t value, absl::string_view field) {
  Need(value <= 1, field, absl::StrCat(value, " is neither 0 nor 1"));
  return value != 0;
}

std::int32_t Reader::Choice(std::int32_t value, std::int32_t last, absl::string_view field,
                            absl::string_view choices) {
  const bool known = value >= 0 && value <= last;
  if (!known) {
    Need(false, field, absl::StrCat(value, " is none of ", choices, ", which are 0 to ", last));
  }
  return known ? value : 0;
}

std::uint16_t Reader::Short(std::uint32_t value, absl::string_view field) {
  if (value > 0xFFFF) Need(false, field, absl::StrCat(value, " is more than 65535"));
  return static_cast<std::uint16_t>(value);
}

Address Reader::OneAddress(const sluice_address& address, absl::string_view field) {
  Address out;
  if (!FromC(address, &out)) {
    Need(false, field,
         address.family != 0 && address.family != 4 && address.family != 6
             ? absl::StrCat("family ", address.family, " is none of SLUICE_FAMILY_NONE, V4, V6")
             : absl::StrCat("members that family ", address.family, " does not have are not 0"));
  }
  return out;
}

std::string Reader::Text(const sluice_view& view, absl::string_view field) {
  if (!List(view.data, view.size, field)) return std::string();
  return std::string(ViewOf(view));
}

bool Reader::List(const void* data, std::size_t count, absl::string_view field) {
  Need(data != nullptr || count == 0, field, "is NULL and its count is not 0");
  return data != nullptr && count != 0;
}

}  // namespace sluice::capi
