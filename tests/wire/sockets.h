// SPDX-License-Identifier: Apache-2.0
//
// Plain blocking sockets for tests: a client, and an Origin that serves every connection on a
// thread of its own. All waits have deadlines. Loopback only.
#ifndef SLUICE_TESTS_WIRE_SOCKETS_H_
#define SLUICE_TESTS_WIRE_SOCKETS_H_

#include <atomic>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "tests/wire/program.h"

namespace sluice::wire {

// One connection. Moves only.
class Stream {
 public:
  Stream() = default;
  explicit Stream(int fd);
  Stream(Stream&& other) noexcept;
  Stream& operator=(Stream&& other) noexcept;
  ~Stream();

  // `address` is 127.0.0.1:80 or [::1]:80. Not open() on failure.
  static Stream Connect(const std::string& address);

  bool open() const { return fd_ >= 0; }
  // True if all of it went out in time.
  bool Write(const std::string& bytes, Duration limit = Duration(20000));
  // Reads exactly `size` bytes; fewer at the end of the stream, on an error, or when time is up.
  std::string Read(std::size_t size, Duration limit = Duration(20000));
  // What one receive brings; "" at the end, on an error, or when time is up.
  std::string ReadSome(Duration limit = Duration(20000));
  // What ended the stream when Read returned less than asked for.
  enum class End { kNone, kFin, kReset, kTimeout };
  End end() const { return end_; }
  // Reads up to the end of the stream.
  std::string ReadAll(Duration limit = Duration(30000));
  // The other end's IPv4 address without its port; "" for IPv6.
  std::string PeerHost() const;
  void ShutdownWrite();
  // Close with RST.
  void Reset();
  void Close();

 private:
  std::string Receive(std::size_t size_max, TimePoint deadline);

  int fd_ = -1;
  End end_ = End::kNone;
};

class Origin {
 public:
  using Serve = std::function<void(Stream&)>;

  // `host` is 127.0.0.1 or ::1.
  explicit Origin(Serve serve, const std::string& host = "127.0.0.1");
  // Stops accepting, resets what is open, waits for the threads.
  ~Origin();

  std::string address() const;
  int accepted() const { return accepted_.load(); }
  // Accepts no more and waits until every connection was served to its end: what `serve` wrote may
  // be read then.
  void Join();
  // Closes the listener and resets every connection, as if the process had been killed.
  void Die();

  static void Echo(Stream& stream);
  // Answers any HTTP request with `body`.
  static Serve Http(std::string body);

 private:
  void Accept();

  const Serve serve_;
  const bool v6_;
  int listener_ = -1;
  int tcp_port_ = 0;
  std::atomic<int> accepted_{0};
  std::atomic<bool> dead_{false};
  std::mutex mutex_;
  std::list<int> live_;
  std::list<std::thread> threads_;
  std::thread acceptor_;
};

// `size` bytes that differ everywhere, the same for the same seed.
std::string Bytes(std::size_t size, unsigned seed = 1);
// An address of loopback that was free just now, for a program to listen on.
std::string UnusedAddress();
// One that refuses connections: it stays bound, so that nobody else is given it, until this program
// ends.
std::string RefusingAddress();

}  // namespace sluice::wire

#endif  // SLUICE_TESTS_WIRE_SOCKETS_H_
