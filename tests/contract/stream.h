// SPDX-License-Identifier: Apache-2.0
//
// Streams of known bytes: byte n of stream `seed` is the same everywhere, so a reader can check
// what it got without holding what was sent.
#ifndef SLUICE_TESTS_CONTRACT_STREAM_H_
#define SLUICE_TESTS_CONTRACT_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "tests/contract/harness.h"

namespace sluice::contract {

void FillPattern(std::byte* out, std::size_t size, std::uint64_t seed, std::uint64_t offset);
std::vector<std::byte> Pattern(std::size_t size, std::uint64_t seed, std::uint64_t offset = 0);
bool PatternMatches(const std::byte* data, std::size_t size, std::uint64_t seed,
                    std::uint64_t offset);

// Sends `total` bytes of a stream, `piece` bytes an operation at most, until done or the first
// error.
class StreamSender {
 public:
  StreamSender(std::uint64_t seed, std::uint64_t total, std::size_t piece);
  void Start(Port& port, Socket& socket);
  bool done() const { return sent_ == total_ || failed(); }
  bool failed() const { return !error_.ok(); }
  std::uint64_t sent() const { return sent_; }
  OsError error() const { return error_; }
  Send& operation() { return send_; }

 private:
  Port* port_ = nullptr;
  Socket* socket_ = nullptr;
  const std::uint64_t seed_;
  const std::uint64_t total_;
  std::vector<std::byte> buffer_;
  std::uint64_t sent_ = 0;
  OsError error_;
  Send send_;
};

// Receives a stream until its end or an error, and checks each byte.
class StreamReader {
 public:
  StreamReader(std::uint64_t seed, std::size_t piece);
  void Start(Port& port, Socket& socket);
  // After `pace` was called.
  void GoOn() { Start(*port_, *socket_); }
  // Ended: FIN or an error came.
  bool ended() const { return end_of_stream_ || failed(); }
  bool end_of_stream() const { return end_of_stream_; }
  bool failed() const { return !error_.ok(); }
  bool intact() const { return intact_; }
  std::uint64_t received() const { return received_; }
  OsError error() const { return error_; }
  Recv& operation() { return recv_; }
  // Called after each piece instead of receiving on at once; GoOn does.
  std::function<void()> pace;

 private:
  void OnOutcome(Outcome outcome);

  Port* port_ = nullptr;
  Socket* socket_ = nullptr;
  const std::uint64_t seed_;
  std::vector<std::byte> buffer_;
  std::uint64_t received_ = 0;
  bool end_of_stream_ = false;
  bool intact_ = true;
  OsError error_;
  Recv recv_;
};

}  // namespace sluice::contract

#endif  // SLUICE_TESTS_CONTRACT_STREAM_H_
