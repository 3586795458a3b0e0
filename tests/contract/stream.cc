// SPDX-License-Identifier: Apache-2.0
#include "tests/contract/stream.h"

#include <algorithm>
#include <cstring>

#include "engine/base/prng.h"

namespace sluice::contract {
namespace {

// Eight bytes of a stream at block `index`.
std::uint64_t Block(std::uint64_t seed, std::uint64_t index) {
  return Prng(seed * 0x2545F4914F6CDD1DULL + index).Next();
}

}  // namespace

void FillPattern(std::byte* out, std::size_t size, std::uint64_t seed, std::uint64_t offset) {
  while (size > 0) {
    const std::uint64_t block = Block(seed, offset / 8);
    const std::size_t skip = offset % 8;
    const std::size_t take = std::min<std::size_t>(8 - skip, size);
    std::memcpy(out, reinterpret_cast<const std::byte*>(&block) + skip, take);
    out += take;
    size -= take;
    offset += take;
  }
}

std::vector<std::byte> Pattern(std::size_t size, std::uint64_t seed, std::uint64_t offset) {
  std::vector<std::byte> bytes(size);
  FillPattern(bytes.data(), size, seed, offset);
  return bytes;
}

bool PatternMatches(const std::byte* data, std::size_t size, std::uint64_t seed,
                    std::uint64_t offset) {
  while (size > 0) {
    const std::uint64_t block = Block(seed, offset / 8);
    const std::size_t skip = offset % 8;
    const std::size_t take = std::min<std::size_t>(8 - skip, size);
    if (std::memcmp(data, reinterpret_cast<const std::byte*>(&block) + skip, take) != 0)
      return false;
    data += take;
    size -= take;
    offset += take;
  }
  return true;
}

StreamSender::StreamSender(std::uint64_t seed, std::uint64_t total, std::size_t piece)
    : seed_(seed), total_(total), buffer_(piece) {
  send_.then = [this](Outcome outcome) {
    error_ = outcome.error;
    if (!outcome.ok()) return;
    sent_ += outcome.bytes;
    EXPECT_LE(sent_, total_);
    if (sent_ < total_ && socket_->is_open()) Start(*port_, *socket_);
  };
}

void StreamSender::Start(Port& port, Socket& socket) {
  port_ = &port;
  socket_ = &socket;
  const std::size_t size =
      static_cast<std::size_t>(std::min<std::uint64_t>(buffer_.size(), total_ - sent_));
  FillPattern(buffer_.data(), size, seed_, sent_);
  port.Send(send_, socket, {IoBuffer{buffer_.data(), size}});
}

StreamReader::StreamReader(std::uint64_t seed, std::size_t piece) : seed_(seed), buffer_(piece) {
  recv_.then = [this](Outcome outcome) { OnOutcome(outcome); };
}

void StreamReader::Start(Port& port, Socket& socket) {
  port_ = &port;
  socket_ = &socket;
  port.Recv(recv_, socket, {IoBuffer{buffer_.data(), buffer_.size()}});
}

void StreamReader::OnOutcome(Outcome outcome) {
  error_ = outcome.error;
  if (!outcome.ok()) return;
  if (outcome.bytes == 0) {
    end_of_stream_ = true;
    return;
  }
  intact_ = intact_ && PatternMatches(buffer_.data(), outcome.bytes, seed_, received_);
  received_ += outcome.bytes;
  if (pace) {
    pace();
  } else if (socket_->is_open()) {
    GoOn();
  }
}

}  // namespace sluice::contract
