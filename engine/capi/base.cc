// SPDX-License-Identifier: Apache-2.0
//
// Results, addresses and the log.
#include "absl/status/statusor.h"
#include "engine/capi/border.h"
#include "engine/capi/table.h"
#include "sluice/address.h"
#include "sluice/log.h"
#include "sluice/runtime.h"
#include "sluice/version.h"

namespace sluice::capi {
namespace {

static_assert(SLUICE_LOG_DEBUG == static_cast<int>(LogLevel::kDebug));
static_assert(SLUICE_LOG_ERROR == static_cast<int>(LogLevel::kError));
static_assert(SLUICE_FAMILY_V4 == static_cast<int>(Family::kV4));
static_assert(SLUICE_FAMILY_V6 == static_cast<int>(Family::kV6));

const char* VersionText() { return kVersionText; }

const char* ResultText(std::int32_t code) {
  switch (code) {
    case SLUICE_OK:
      return "done";
    case SLUICE_BAD_VERSION:
      return "this library does not serve that version";
    case SLUICE_BAD_ARGUMENT:
      return "an argument cannot work";
    case SLUICE_NO_MEMORY:
      return "out of memory";
    case SLUICE_BAD_STATE:
      return "not in this state";
    case SLUICE_WRONG_THREAD:
      return "not inside a callback";
    case SLUICE_SYSTEM:
      return "the operating system refused";
    case SLUICE_NOT_FOUND:
      return "nothing of that name or index";
    case SLUICE_GONE:
      return "nobody waits for it any more";
    case SLUICE_NO_ROOM:
      return "no room in buffers or limits";
    default:
      return "unknown result";
  }
}

std::int32_t AddressParse(const char* text, std::size_t size, sluice_address* address,
                          sluice_error* error) {
  if (text == nullptr && size != 0) return FailNull(error, "text");
  if (address == nullptr) return FailNull(error, "address");
  return Guarded(error, [&] {
    const absl::StatusOr<Address> parsed = Address::Parse(absl::string_view(text, size));
    if (parsed.ok()) *address = ToC(*parsed);
    return Result(error, parsed.status());
  });
}

std::size_t AddressFormat(const sluice_address* address, char* buffer, std::size_t capacity) {
  return GuardedOr<std::size_t>(0, [&] {
    Address parsed;
    const bool right = address != nullptr && FromC(*address, &parsed) && !parsed.empty();
    return WriteText(right ? parsed.ToString() : "", buffer, capacity);
  });
}

std::int32_t Make(std::int32_t family, sluice_address* address, sluice_error* error,
                  const Address& made) {
  if (address == nullptr) return FailNull(error, "address");
  if (family != SLUICE_FAMILY_V4 && family != SLUICE_FAMILY_V6) {
    return Fail(error, SLUICE_BAD_ARGUMENT,
                "family: is neither SLUICE_FAMILY_V4 (4) nor SLUICE_FAMILY_V6 (6)");
  }
  *address = ToC(made);
  return SLUICE_OK;
}

Family FamilyOf(std::int32_t family) {
  return family == SLUICE_FAMILY_V6 ? Family::kV6 : Family::kV4;
}

std::int32_t AddressLoopback(std::int32_t family, std::uint16_t tcp_port, sluice_address* address,
                             sluice_error* error) {
  return Make(family, address, error, Address::Loopback(FamilyOf(family), tcp_port));
}

std::int32_t AddressWildcard(std::int32_t family, std::uint16_t tcp_port, sluice_address* address,
                             sluice_error* error) {
  return Make(family, address, error, Address::Wildcard(FamilyOf(family), tcp_port));
}

std::int32_t AddressCanonical(const sluice_address* from, sluice_address* to, sluice_error* error) {
  if (from == nullptr || to == nullptr) return FailNull(error, from == nullptr ? "from" : "to");
  return Guarded(error, [&]() -> std::int32_t {
    Reader reader;
    const Address address = reader.OneAddress(*from, "from");
    if (!reader.ok()) return Fail(error, reader.status());
    *to = ToC(address.Canonical());
    return SLUICE_OK;
  });
}

std::uint32_t AddressKind(const sluice_address* address) {
  Address parsed;
  if (address == nullptr || !FromC(*address, &parsed) || parsed.empty()) return 0;
  std::uint32_t kind = 0;
  if (parsed.IsLoopback()) kind |= SLUICE_ADDRESS_LOOPBACK;
  if (parsed.IsWildcard()) kind |= SLUICE_ADDRESS_WILDCARD;
  if (parsed.IsV4Mapped()) kind |= SLUICE_ADDRESS_V4_MAPPED;
  return kind;
}

// Set while nobody logs, as SetLogSink demands.
struct {
  sluice_log_sink sink = nullptr;
  void* user = nullptr;
} log_sink;

void SayToSink(void* /*user*/, LogLevel level, absl::string_view line) {
  const CallbackScope scope;
  try {
    log_sink.sink(log_sink.user, static_cast<std::int32_t>(level), line.data(), line.size());
  } catch (...) {
    // The line is lost.
  }
}

void LogSetSink(sluice_log_sink sink, void* user) {
  log_sink.sink = sink;
  log_sink.user = user;
  SetLogSink(sink == nullptr ? nullptr : &SayToSink, nullptr);
}

std::int32_t LogSetLevel(std::int32_t level, sluice_error* error) {
  return Guarded(error, [&]() -> std::int32_t {
    Reader reader;
    reader.Choice(level, SLUICE_LOG_ERROR, "level", "SLUICE_LOG_DEBUG, INFO, WARNING, ERROR");
    if (!reader.ok()) return Fail(error, reader.status());
    SetLogLevel(static_cast<LogLevel>(level));
    return SLUICE_OK;
  });
}

const char* LogLevelText(std::int32_t level) {
  const bool known = level >= SLUICE_LOG_DEBUG && level <= SLUICE_LOG_ERROR;
  return known ? LogLevelName(static_cast<LogLevel>(level)) : "?";
}

}  // namespace

void AddBase(sluice_api& table) {
  table.version_text = &VersionText;
  table.backend_name = &Runtime::BackendName;
  table.result_text = &ResultText;
  table.address_parse = &AddressParse;
  table.address_format = &AddressFormat;
  table.address_loopback = &AddressLoopback;
  table.address_wildcard = &AddressWildcard;
  table.address_canonical = &AddressCanonical;
  table.address_kind = &AddressKind;
  table.log_set_sink = &LogSetSink;
  table.log_set_level = &LogSetLevel;
  table.log_level_name = &LogLevelText;
}

}  // namespace sluice::capi
