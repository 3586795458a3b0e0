// SPDX-License-Identifier: Apache-2.0
#include "sluice/address.h"

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"

namespace sluice {
namespace {

using Groups = std::array<std::uint16_t, 8>;

constexpr char kExamples[] = "write address:port, such as 127.0.0.1:80, [::1]:80 or :80";
// Longest text quoted in an error; what is longer is not an address by mistake.
constexpr std::size_t kQuotedMax = 64;

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Reads one address text from left to right. Positions in errors count from 1.
class Reader {
 public:
  explicit Reader(absl::string_view text) : text_(text) {}

  bool AtEnd() const { return at_ == text_.size(); }
  // NUL at the end: no rule accepts it.
  char Peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool Take(char c) {
    if (AtEnd() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  std::size_t at() const { return at_; }
  void Rewind(std::size_t at) { at_ = at; }

  absl::Status Error(std::size_t at, absl::string_view what, absl::string_view right) const {
    absl::string_view quoted = text_.substr(0, kQuotedMax);
    return absl::InvalidArgumentError(absl::StrCat(
        "address \"", absl::CHexEscape(quoted), quoted.size() < text_.size() ? "..." : "",
        "\": ", what, " at position ", at + 1, "; ", right));
  }
  // "unexpected 'x' at position 3; right", or "text ends at position 3; right".
  absl::Status Unexpected(absl::string_view right) const {
    if (AtEnd()) return Error(at_, "the text ends", right);
    return Error(at_, absl::StrCat("unexpected '", absl::CHexEscape(text_.substr(at_, 1)), "'"),
                 right);
  }

  // A decimal number in [0, limit] without leading zeros. `name` is how the error calls it.
  absl::StatusOr<std::uint32_t> Decimal(std::uint32_t limit, absl::string_view name) {
    const std::size_t start = at_;
    std::uint64_t value = 0;
    while (IsDigit(Peek()) && value <= limit) {
      value = value * 10 + static_cast<unsigned>(text_[at_++] - '0');
    }
    if (at_ == start)
      return Unexpected(absl::StrCat(name, " is a decimal number from 0 to ", limit));
    if (value > limit) {
      return Error(start, absl::StrCat(name, " is too large"),
                   absl::StrCat("the largest is ", limit));
    }
    // Some readers take 010 for eight.
    if (at_ - start > 1 && text_[start] == '0') {
      return Error(start, absl::StrCat(name, " begins with 0"), "write it without leading zeros");
    }
    return static_cast<std::uint32_t>(value);
  }

  // `:port`, then nothing.
  absl::StatusOr<std::uint16_t> PortToEnd() {
    if (!Take(':'))
      return Unexpected("a colon and a TCP port belong here, as in 127.0.0.1:80 or [::1]:80");
    const absl::StatusOr<std::uint32_t> tcp_port = Decimal(65535, "the TCP port");
    if (!tcp_port.ok()) return tcp_port.status();
    if (!AtEnd()) return Unexpected("the address ends after the TCP port");
    return static_cast<std::uint16_t>(*tcp_port);
  }

  absl::StatusOr<std::array<std::uint8_t, 4>> V4() {
    std::array<std::uint8_t, 4> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (i > 0 && !Take('.'))
        return Unexpected("an IPv4 address has four numbers, as in 127.0.0.1");
      const absl::StatusOr<std::uint32_t> number = Decimal(255, "a number of an IPv4 address");
      if (!number.ok()) return number.status();
      bytes[i] = static_cast<std::uint8_t>(*number);
    }
    return bytes;
  }

  absl::StatusOr<Groups> V6();

 private:
  absl::Status V6Group(Groups& groups, std::size_t& count);

  absl::string_view text_;
  std::size_t at_ = 0;
};

constexpr char kV6Shape[] = "an IPv6 address has eight groups, or fewer and one \"::\"";

// One group of up to four hexadecimal digits, or the dotted IPv4 tail, which counts as two.
absl::Status Reader::V6Group(Groups& groups, std::size_t& count) {
  const std::size_t start = at_;
  unsigned value = 0;
  while (HexValue(Peek()) >= 0 && at_ - start < 4) {
    value = value * 16 + static_cast<unsigned>(HexValue(text_[at_++]));
  }
  if (at_ == start)
    return Unexpected("a group of an IPv6 address has one to four hexadecimal digits");
  if (HexValue(Peek()) >= 0)
    return Unexpected("a group of an IPv6 address has at most four digits");
  if (Peek() == '.') {
    Rewind(start);
    if (count > groups.size() - 2) return Error(start, "no room for an IPv4 address", kV6Shape);
    const absl::StatusOr<std::array<std::uint8_t, 4>> tail = V4();
    if (!tail.ok()) return tail.status();
    groups[count++] = static_cast<std::uint16_t>((*tail)[0] << 8 | (*tail)[1]);
    groups[count++] = static_cast<std::uint16_t>((*tail)[2] << 8 | (*tail)[3]);
    if (Peek() == ']' || Peek() == '%') return absl::OkStatus();
    return Unexpected("an IPv4 address is the last part of an IPv6 address");
  }
  if (count == groups.size()) return Error(start, "a ninth group", kV6Shape);
  groups[count++] = static_cast<std::uint16_t>(value);
  return absl::OkStatus();
}

// RFC 4291, 2.2. Stops before the `%` or `]` behind the address.
absl::StatusOr<Groups> Reader::V6() {
  constexpr std::size_t kNoGap = 9;
  const std::size_t start = at_;
  Groups groups{};
  std::size_t count = 0;
  std::size_t gap = kNoGap;  // groups before the "::"
  for (;;) {
    if (Peek() == ':' && Peek(1) == ':') {
      if (gap != kNoGap) return Error(at_, "a second \"::\"", kV6Shape);
      at_ += 2;
      gap = count;
      if (Peek() == ']' || Peek() == '%') break;
    } else if (count > 0) {
      if (Peek() == ']' || Peek() == '%') break;
      if (!Take(':'))
        return Unexpected("groups of an IPv6 address are separated by colons and end with ]");
    }
    if (const absl::Status status = V6Group(groups, count); !status.ok()) return status;
  }
  if (gap == kNoGap) {
    if (count == groups.size()) return groups;
    return Error(start, absl::StrCat("only ", count, " groups"), kV6Shape);
  }
  if (count == groups.size()) return Error(start, "eight groups and a \"::\"", kV6Shape);
  Groups spread{};
  for (std::size_t i = 0; i < gap; ++i) spread[i] = groups[i];
  for (std::size_t i = gap; i < count; ++i) spread[groups.size() - count + i] = groups[i];
  return spread;
}

absl::StatusOr<Address> ParseV6(Reader& reader) {
  SLUICE_CHECK(reader.Take('['));
  const absl::StatusOr<Groups> groups = reader.V6();
  if (!groups.ok()) return groups.status();
  std::uint32_t scope_id = 0;
  if (reader.Take('%')) {
    const absl::StatusOr<std::uint32_t> scope =
        reader.Decimal(0xFFFFFFFF, "a scope id (an interface's number, not its name)");
    if (!scope.ok()) return scope.status();
    scope_id = *scope;
  }
  if (!reader.Take(']')) return reader.Unexpected("a ] ends an IPv6 address, as in [::1]:80");
  const absl::StatusOr<std::uint16_t> tcp_port = reader.PortToEnd();
  if (!tcp_port.ok()) return tcp_port.status();
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i < groups->size(); ++i) {
    bytes[2 * i] = static_cast<std::uint8_t>((*groups)[i] >> 8);
    bytes[2 * i + 1] = static_cast<std::uint8_t>((*groups)[i] & 0xFF);
  }
  return Address::V6(bytes, *tcp_port, scope_id);
}

// The longest run of two or more zero groups, the first of equals (RFC 5952, 4.2).
void LongestZeros(const Groups& groups, std::size_t* first, std::size_t* length) {
  *first = groups.size();
  *length = 0;
  for (std::size_t i = 0; i < groups.size();) {
    std::size_t end = i;
    while (end < groups.size() && groups[end] == 0) ++end;
    if (end - i >= 2 && end - i > *length) {
      *first = i;
      *length = end - i;
    }
    i = end + 1;
  }
}

std::string V4Text(const std::uint8_t* bytes) {
  return absl::StrCat(bytes[0], ".", bytes[1], ".", bytes[2], ".", bytes[3]);
}

std::string V6Text(const Address& address) {
  const std::array<std::uint8_t, 16>& bytes = address.bytes();
  if (address.IsV4Mapped()) return absl::StrCat("::ffff:", V4Text(&bytes[12]));
  Groups groups{};
  for (std::size_t i = 0; i < groups.size(); ++i) {
    groups[i] = static_cast<std::uint16_t>(bytes[2 * i] << 8 | bytes[2 * i + 1]);
  }
  std::size_t first = 0;
  std::size_t length = 0;
  LongestZeros(groups, &first, &length);
  std::string text;
  for (std::size_t i = 0; i < groups.size();) {
    if (i == first) {
      absl::StrAppend(&text, "::");
      i += length;
      continue;
    }
    if (i > 0 && i != first + length) absl::StrAppend(&text, ":");
    absl::StrAppend(&text, absl::Hex(groups[i]));
    ++i;
  }
  return text;
}

}  // namespace

Address Address::V4(std::array<std::uint8_t, 4> bytes, std::uint16_t tcp_port) {
  Address address;
  for (std::size_t i = 0; i < bytes.size(); ++i) address.bytes_[i] = bytes[i];
  address.tcp_port_ = tcp_port;
  address.family_ = Family::kV4;
  return address;
}

Address Address::V6(const std::array<std::uint8_t, 16>& bytes, std::uint16_t tcp_port,
                    std::uint32_t scope_id) {
  Address address;
  address.bytes_ = bytes;
  address.scope_id_ = scope_id;
  address.tcp_port_ = tcp_port;
  address.family_ = Family::kV6;
  return address;
}

Address Address::Loopback(Family family, std::uint16_t tcp_port) {
  SLUICE_CHECK(family != Family::kNone);
  if (family == Family::kV4) return V4({127, 0, 0, 1}, tcp_port);
  return V6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, tcp_port);
}

Address Address::Wildcard(Family family, std::uint16_t tcp_port) {
  SLUICE_CHECK(family != Family::kNone);
  if (family == Family::kV4) return V4({0, 0, 0, 0}, tcp_port);
  return V6({}, tcp_port);
}

absl::StatusOr<Address> Address::Parse(absl::string_view text) {
  Reader reader(text);
  if (text.empty()) return reader.Error(0, "nothing", kExamples);
  if (reader.Peek() == '[') return ParseV6(reader);
  if (reader.Peek() == ':' && reader.Peek(1) != ':') {
    const absl::StatusOr<std::uint16_t> tcp_port = reader.PortToEnd();
    if (!tcp_port.ok()) return tcp_port.status();
    return Wildcard(Family::kV4, *tcp_port);
  }
  // Two colons can only be an IPv6 address without its brackets.
  const std::size_t colon = text.find(':');
  if (colon != absl::string_view::npos && text.find(':', colon + 1) != absl::string_view::npos) {
    return reader.Error(0, "an IPv6 address without brackets", "write it as in [::1]:80");
  }
  if (!IsDigit(reader.Peek())) {
    return reader.Error(0, "no IP address",
                        absl::StrCat("names are not resolved here; ", kExamples));
  }
  const absl::StatusOr<std::array<std::uint8_t, 4>> bytes = reader.V4();
  if (!bytes.ok()) return bytes.status();
  const absl::StatusOr<std::uint16_t> tcp_port = reader.PortToEnd();
  if (!tcp_port.ok()) return tcp_port.status();
  return V4(*bytes, *tcp_port);
}

bool Address::IsV4Mapped() const {
  if (family_ != Family::kV6) return false;
  for (std::size_t i = 0; i < 10; ++i) {
    if (bytes_[i] != 0) return false;
  }
  return bytes_[10] == 0xFF && bytes_[11] == 0xFF;
}

Address Address::Canonical() const {
  if (!IsV4Mapped()) return *this;
  return V4({bytes_[12], bytes_[13], bytes_[14], bytes_[15]}, tcp_port_);
}

bool Address::IsLoopback() const {
  const Address canonical = Canonical();
  if (canonical.family_ == Family::kV4) return canonical.bytes_[0] == 127;
  return canonical.family_ == Family::kV6 && canonical.bytes_ == Loopback(Family::kV6, 0).bytes_;
}

bool Address::IsWildcard() const {
  const Address canonical = Canonical();
  return canonical.family_ != Family::kNone && canonical.bytes_ == std::array<std::uint8_t, 16>{};
}

Address Address::WithPort(std::uint16_t tcp_port) const {
  Address address = *this;
  address.tcp_port_ = tcp_port;
  return address;
}

std::string Address::ToString() const {
  if (empty()) return "none";
  if (family_ == Family::kV4) return absl::StrCat(V4Text(bytes_.data()), ":", tcp_port_);
  std::string scope;
  if (scope_id_ != 0) scope = absl::StrCat("%", scope_id_);
  return absl::StrCat("[", V6Text(*this), scope, "]:", tcp_port_);
}

}  // namespace sluice
