// SPDX-License-Identifier: Apache-2.0
#include "sluice/client_hello.h"

#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "engine/memory/chain_reader.h"

namespace sluice {
namespace {

// RFC 8446: record 5.1, handshake 4, extensions 4.2.
constexpr std::uint8_t kHandshakeRecord = 22;
constexpr std::uint8_t kMajorVersion = 3;
constexpr std::size_t kRecordMax = 16 * 1024 + 256;  // what old stacks may send
constexpr std::uint8_t kClientHello = 1;
constexpr std::uint16_t kServerName = 0;
constexpr std::uint16_t kProtocols = 16;
constexpr std::uint8_t kHostName = 0;

// One hello. A step that fails leaves why in `reading_`, and every later one fails too.
class HelloReader {
 public:
  HelloReader(const Bytes& bytes, ClientHello* hello) : in_(bytes.chain()), hello_(*hello) {}

  Reading Read() {
    hello_ = ClientHello{};
    if (Hello()) reading_ = Reading::kFound;
    return reading_;
  }

 private:
  bool Fail(Reading why) {
    reading_ = why;
    return false;
  }

  // A byte of the handshake, past the headers of records.
  bool Byte(std::uint8_t* byte) {
    while (record_left_ == 0) {
      if (!RecordHeader()) return false;
    }
    if (in_.left() == 0) return Fail(Reading::kMore);
    *byte = in_.Next();
    --record_left_;
    return true;
  }

  bool RecordHeader() {
    // Each byte as soon as it is there: who speaks something else is not waited for.
    std::uint8_t header[5];
    for (std::size_t i = 0; i < sizeof header; ++i) {
      if (in_.left() == 0) return Fail(Reading::kMore);
      header[i] = in_.Next();
      if (i == 0 && header[0] != kHandshakeRecord) return Fail(NotARecord());
      if (i == 1 && header[1] != kMajorVersion) return Fail(NotARecord());
    }
    record_left_ = std::size_t{header[3]} << 8 | header[4];
    // An empty record of a handshake is forbidden, and endless.
    if (record_left_ == 0 || record_left_ > kRecordMax) return Fail(NotARecord());
    first_record_ = false;
    return true;
  }
  Reading NotARecord() const { return first_record_ ? Reading::kOther : Reading::kMalformed; }

  bool Number(int bytes, std::size_t* number) {
    *number = 0;
    for (int i = 0; i < bytes; ++i) {
      std::uint8_t byte = 0;
      if (!Byte(&byte)) return false;
      *number = *number << 8 | byte;
    }
    return true;
  }

  // As Number and Byte, out of the `*left` bytes that a length before allowed.
  bool Take(int bytes, std::size_t* left, std::size_t* number) {
    if (*left < static_cast<std::size_t>(bytes)) return Fail(Reading::kMalformed);
    *left -= static_cast<std::size_t>(bytes);
    return Number(bytes, number);
  }
  // A length of `bytes` bytes, and what it allows out of `*left`.
  bool Enter(int bytes, std::size_t* left, std::size_t* inner) {
    if (!Take(bytes, left, inner)) return false;
    if (*inner > *left) return Fail(Reading::kMalformed);
    *left -= *inner;
    return true;
  }
  bool Skip(std::size_t count) {
    std::uint8_t byte = 0;
    while (count-- > 0) {
      if (!Byte(&byte)) return false;
    }
    return true;
  }
  bool SkipField(int bytes, std::size_t* left) {
    std::size_t inner = 0;
    return Enter(bytes, left, &inner) && Skip(inner);
  }

  bool Hello() {
    std::size_t type = 0;
    std::size_t left = 0;
    if (!Number(1, &type)) return false;
    if (type != kClientHello) return Fail(Reading::kOther);
    if (!Number(3, &left)) return false;
    if (left > ClientHello::kBytesMax) return Fail(Reading::kTooLong);
    constexpr std::size_t kVersionAndRandom = 2 + 32;
    if (left < kVersionAndRandom) return Fail(Reading::kMalformed);
    left -= kVersionAndRandom;
    if (!Skip(kVersionAndRandom)) return false;
    // Session id, cipher suites, compression methods.
    if (!SkipField(1, &left) || !SkipField(2, &left) || !SkipField(1, &left)) return false;
    if (left == 0) return true;  // no extensions, as before TLS 1.2
    std::size_t extensions = 0;
    if (!Enter(2, &left, &extensions)) return false;
    if (left != 0) return Fail(Reading::kMalformed);
    while (extensions > 0) {
      if (!Extension(&extensions)) return false;
    }
    return true;
  }

  bool Extension(std::size_t* left) {
    std::size_t type = 0;
    std::size_t inner = 0;
    if (!Take(2, left, &type) || !Enter(2, left, &inner)) return false;
    if (type == kServerName) return ServerNames(inner);
    if (type == kProtocols) return Protocols(inner);
    return Skip(inner);
  }

  // An extension that is one list and not empty. Twice would let two readers see two names.
  bool EnterList(bool* seen, std::size_t left, std::size_t* names) {
    if (std::exchange(*seen, true)) return Fail(Reading::kMalformed);
    if (!Enter(2, &left, names)) return false;
    return (left == 0 && *names > 0) || Fail(Reading::kMalformed);
  }

  bool ServerNames(std::size_t left) {
    std::size_t names = 0;
    if (!EnterList(&server_name_seen_, left, &names)) return false;
    while (names > 0) {
      std::size_t type = 0;
      std::size_t size = 0;
      if (!Take(1, &names, &type) || !Enter(2, &names, &size)) return false;
      if (type != kHostName) {
        if (!Skip(size)) return false;
      } else if (!HostName(size)) {
        return false;
      }
    }
    return true;
  }

  bool HostName(std::size_t size) {
    if (size == 0 || size > decltype(hello_.server_name)::kSizeMax || !hello_.server_name.empty()) {
      return Fail(Reading::kMalformed);
    }
    for (std::uint8_t byte = 0; size > 0; --size) {
      if (!Byte(&byte)) return false;
      // No name has a blank, a control character or a zero, and what prints it should not meet one.
      if (byte <= ' ' || byte >= 0x7F) return Fail(Reading::kMalformed);
      hello_.server_name.Add(absl::ascii_tolower(byte));
    }
    if (hello_.server_name.view().back() == '.') hello_.server_name.RemoveLast();
    return !hello_.server_name.empty() || Fail(Reading::kMalformed);
  }

  bool Protocols(std::size_t left) {
    std::size_t names = 0;
    if (!EnterList(&protocols_seen_, left, &names)) return false;
    while (names > 0) {
      std::size_t size = 0;
      if (!Enter(1, &names, &size)) return false;
      if (size == 0) return Fail(Reading::kMalformed);
      if (!Protocol(size)) return false;
    }
    return true;
  }

  bool Protocol(std::size_t size) {
    const std::size_t room = decltype(hello_.protocols)::kSizeMax - hello_.protocols.view().size();
    if (room < 1 + size) {
      hello_.protocols_cut = true;
      return Skip(size);
    }
    hello_.protocols.Add(static_cast<char>(size));
    for (std::uint8_t byte = 0; size > 0; --size) {
      if (!Byte(&byte)) return false;
      hello_.protocols.Add(static_cast<char>(byte));
    }
    return true;
  }

  memory::ChainReader in_;
  ClientHello& hello_;
  Reading reading_ = Reading::kMore;
  std::size_t record_left_ = 0;
  bool first_record_ = true;
  bool server_name_seen_ = false;
  bool protocols_seen_ = false;
};

}  // namespace

bool ClientHello::Offers(absl::string_view protocol) const {
  absl::string_view left = protocols.view();
  while (!left.empty()) {
    const std::size_t size = static_cast<unsigned char>(left.front());
    left.remove_prefix(1);
    if (left.substr(0, size) == protocol) return true;
    left.remove_prefix(size);
  }
  return false;
}

Reading ReadClientHello(const Bytes& bytes, ClientHello* hello) {
  return HelloReader(bytes, hello).Read();
}

}  // namespace sluice
