// SPDX-License-Identifier: Apache-2.0
#include "tools/examples/filters/pcapng_tap.h"

#include <algorithm>

namespace sluice::examples {
namespace {

constexpr std::size_t kSegmentMax = 32 * 1024;  // fits an IP packet

// Blocks are in this machine's byte order, which the first one shows; packets in the network's.
template <typename T>
void PutHost(T value, std::string* to) {
  to->append(reinterpret_cast<const char*>(&value), sizeof value);
}
void PutNet16(unsigned value, std::string* to) {
  to->push_back(static_cast<char>(value >> 8));
  to->push_back(static_cast<char>(value));
}
void PutNet32(std::uint32_t value, std::string* to) {
  PutNet16(value >> 16, to);
  PutNet16(value & 0xffff, to);
}

// A block: its type, its length in front and behind, its body on whole words.
std::string Block(std::uint32_t type, std::string body) {
  body.resize((body.size() + 3) / 4 * 4);
  std::string block;
  PutHost(type, &block);
  PutHost(static_cast<std::uint32_t>(body.size() + 12), &block);
  block += body;
  PutHost(static_cast<std::uint32_t>(body.size() + 12), &block);
  return block;
}

std::string FileHead() {
  std::string section;
  PutHost<std::uint32_t>(0x1A2B3C4D, &section);
  PutHost<std::uint16_t>(1, &section);  // version 1.0
  PutHost<std::uint16_t>(0, &section);
  PutHost<std::int64_t>(-1, &section);  // of unknown length
  std::string interface;
  PutHost<std::uint16_t>(101, &interface);  // LINKTYPE_RAW: packets begin with IP
  PutHost<std::uint16_t>(0, &interface);
  PutHost<std::uint32_t>(0, &interface);  // no snap length
  PutHost<std::uint16_t>(9, &interface);  // if_tsresol:
  PutHost<std::uint16_t>(1, &interface);
  interface += std::string("\x09\0\0\0", 4);  // nanoseconds
  PutHost<std::uint32_t>(0, &interface);      // end of options
  return Block(0x0A0D0D0A, section) + Block(1, interface);
}

unsigned Sum(absl::string_view words) {
  unsigned sum = 0;
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
    sum += static_cast<unsigned>(static_cast<unsigned char>(words[i])) << 8 |
           static_cast<unsigned char>(words[i + 1]);
  }
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

std::string BytesOf(const Address& address) {
  return std::string(reinterpret_cast<const char*>(address.bytes().data()),
                     address.family() == Family::kV4 ? 4 : 16);
}

std::string IpHead(const Address& from, const Address& to, std::size_t size) {
  std::string head;
  if (from.family() == Family::kV4) {
    head = std::string("\x45\0", 2);
    PutNet16(static_cast<unsigned>(size + 20), &head);
    head += std::string("\0\0\0\0\x40\x06\0\0", 8);  // 64 hops, TCP
    head += BytesOf(from) + BytesOf(to);
    const unsigned check = ~Sum(head) & 0xffff;
    head[10] = static_cast<char>(check >> 8);
    head[11] = static_cast<char>(check);
    return head;
  }
  head = std::string("\x60\0\0\0", 4);
  PutNet16(static_cast<unsigned>(size), &head);
  head += std::string("\x06\x40", 2);
  return head + BytesOf(from) + BytesOf(to);
}

}  // namespace

PcapngTap::PcapngTap(const char* file) : file_(std::fopen(file, "wb")) {
  if (file_ != nullptr) Write(FileHead());
}

bool PcapngTap::Close() {
  if (file_ != nullptr && std::fclose(file_) != 0) failed_ = true;
  file_ = nullptr;
  return !failed_;
}

void PcapngTap::Write(const std::string& block) {
  if (std::fwrite(block.data(), 1, block.size(), file_) != block.size()) failed_ = true;
}

void PcapngTap::Packet(const Connection& connection, Direction direction, std::uint32_t sequence,
                       unsigned flags, absl::string_view bytes, std::int64_t time_ns) {
  const bool up = direction == Direction::kUp;
  const Address& from = up ? connection.client : connection.server;
  const Address& to = up ? connection.server : connection.client;
  std::string tcp;
  PutNet16(from.tcp_port(), &tcp);
  PutNet16(to.tcp_port(), &tcp);
  PutNet32(sequence, &tcp);
  PutNet32((flags & kAck) != 0 ? connection.next[up ? 1 : 0] : 0, &tcp);
  tcp.push_back('\x50');  // five words
  tcp.push_back(static_cast<char>(flags));
  PutNet16(0xffff, &tcp);  // window
  PutNet32(0, &tcp);       // no checksum, nothing urgent
  const std::string packet = IpHead(from, to, tcp.size() + bytes.size()) + tcp + std::string(bytes);
  std::string body;
  PutHost<std::uint32_t>(0, &body);  // interface
  const auto time = static_cast<std::uint64_t>(time_ns);
  PutHost(static_cast<std::uint32_t>(time >> 32), &body);
  PutHost(static_cast<std::uint32_t>(time), &body);
  PutHost(static_cast<std::uint32_t>(packet.size()), &body);
  PutHost(static_cast<std::uint32_t>(packet.size()), &body);
  Write(Block(6, body + packet));
}

void PcapngTap::OnRecord(const TapRecord& record) {
  if (record.kind == TapRecord::Kind::kOpen) {
    Connection& opened = connections_[record.flow];
    opened.client = record.client.Canonical();
    opened.server = record.destination.Canonical();
    Packet(opened, Direction::kUp, 0, kSyn, "", record.time_ns);
    Packet(opened, Direction::kDown, 0, kSyn | kAck, "", record.time_ns);
    Packet(opened, Direction::kUp, 1, kAck, "", record.time_ns);
    return;
  }
  Connection& connection = connections_[record.flow];
  if (record.kind == TapRecord::Kind::kEnd) {
    const std::uint64_t sent[2] = {record.bytes_up, record.bytes_down};
    for (const Direction direction : {Direction::kUp, Direction::kDown}) {
      const auto end = static_cast<std::uint32_t>(sent[static_cast<int>(direction)] + 1);
      Packet(connection, direction, end, kFin | kAck, "", record.time_ns);
    }
    connections_.erase(record.flow);
    return;
  }
  std::uint32_t& next = connection.next[static_cast<int>(record.direction)];
  next = static_cast<std::uint32_t>(record.offset + 1);
  for (absl::string_view left = record.bytes; !left.empty();) {
    const absl::string_view part = left.substr(0, kSegmentMax);
    Packet(connection, record.direction, next, kPush | kAck, part, record.time_ns);
    next += static_cast<std::uint32_t>(part.size());
    left.remove_prefix(part.size());
  }
}

}  // namespace sluice::examples
