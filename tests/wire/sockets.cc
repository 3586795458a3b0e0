// SPDX-License-Identifier: Apache-2.0
#if !defined(_WIN32)

#include "tests/wire/sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/prng.h"

namespace sluice::wire {
namespace {

struct Native {
  sockaddr_storage storage{};
  socklen_t size = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

Native ToNative(const std::string& host, int tcp_port) {
  Native native;
  if (host.find(':') != std::string::npos) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&native.storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(static_cast<std::uint16_t>(tcp_port));
    SLUICE_CHECK(inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1);
    native.size = sizeof(*v6);
  } else {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&native.storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(static_cast<std::uint16_t>(tcp_port));
    SLUICE_CHECK(inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1);
    native.size = sizeof(*v4);
  }
  return native;
}

Native ToNative(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  SLUICE_CHECK(colon != std::string::npos);
  std::string host = address.substr(0, colon);
  if (host[0] == '[') host = host.substr(1, host.size() - 2);
  return ToNative(host, std::atoi(address.c_str() + colon + 1));
}

int TcpPortOf(int fd) {
  Native native;
  native.size = sizeof(native.storage);
  SLUICE_CHECK(getsockname(fd, native.get(), &native.size) == 0);
  if (native.storage.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<sockaddr_in6*>(&native.storage)->sin6_port);
  }
  return ntohs(reinterpret_cast<sockaddr_in*>(&native.storage)->sin_port);
}

bool WaitFor(int fd, short events, TimePoint deadline) {
  for (;;) {
    const auto left =
        std::chrono::duration_cast<Duration>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd one{fd, events, 0};
    if (poll(&one, 1, static_cast<int>(left.count())) > 0) return true;
  }
}

void SetResetOnClose(int fd) {
  const linger now{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

int Bind(const std::string& host, int* tcp_port) {
  Native native = ToNative(host, 0);
  const int fd = socket(native.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  SLUICE_CHECK(fd >= 0);
  SLUICE_CHECK(bind(fd, native.get(), native.size) == 0);
  *tcp_port = TcpPortOf(fd);
  return fd;
}

int Listen(const std::string& host, int* tcp_port) {
  const int fd = Bind(host, tcp_port);
  SLUICE_CHECK(listen(fd, 256) == 0);
  return fd;
}

}  // namespace

Stream::Stream(int fd) : fd_(fd) {
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

Stream::Stream(Stream&& other) noexcept : fd_(std::exchange(other.fd_, -1)), end_(other.end_) {}

Stream& Stream::operator=(Stream&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(end_, other.end_);
  return *this;
}

Stream::~Stream() { Close(); }

Stream Stream::Connect(const std::string& address) {
  Native native = ToNative(address);
  const int fd = socket(native.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  SLUICE_CHECK(fd >= 0);
  if (connect(fd, native.get(), native.size) == 0) return Stream(fd);
  close(fd);
  return Stream();
}

bool Stream::Write(const std::string& bytes, Duration limit) {
  const TimePoint deadline = In(limit);
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    if (!WaitFor(fd_, POLLOUT, deadline)) return false;
    const ssize_t n =
        send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN) return false;
    if (n > 0) sent += static_cast<std::size_t>(n);
  }
  return true;
}

std::string Stream::Receive(std::size_t size_max, TimePoint deadline) {
  char buffer[65536];
  if (!WaitFor(fd_, POLLIN, deadline)) {
    end_ = End::kTimeout;
    return "";
  }
  const ssize_t n = recv(fd_, buffer, std::min(sizeof(buffer), size_max), 0);
  end_ = n > 0 ? End::kNone : n == 0 ? End::kFin : End::kReset;
  return std::string(buffer, n > 0 ? static_cast<std::size_t>(n) : 0);
}

std::string Stream::ReadSome(Duration limit) { return Receive(std::string::npos, In(limit)); }

std::string Stream::Read(std::size_t size, Duration limit) {
  const TimePoint deadline = In(limit);
  std::string bytes;
  while (bytes.size() < size) {
    const std::string more = Receive(size - bytes.size(), deadline);
    if (more.empty()) break;
    bytes += more;
  }
  return bytes;
}

std::string Stream::ReadAll(Duration limit) { return Read(std::string::npos, limit); }

std::string Stream::PeerHost() const {
  sockaddr_in peer{};
  socklen_t size = sizeof(peer);
  if (getpeername(fd_, reinterpret_cast<sockaddr*>(&peer), &size) != 0 ||
      peer.sin_family != AF_INET)
    return "";
  char text[INET_ADDRSTRLEN];
  return inet_ntop(AF_INET, &peer.sin_addr, text, sizeof(text));
}

void Stream::ShutdownWrite() { shutdown(fd_, SHUT_WR); }

void Stream::Reset() {
  SetResetOnClose(fd_);
  Close();
}

void Stream::Close() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

Origin::Origin(Serve serve, const std::string& host)
    : serve_(std::move(serve)), v6_(host == "::1") {
  listener_ = Listen(host, &tcp_port_);
  acceptor_ = std::thread([this] { Accept(); });
}

Origin::~Origin() {
  Die();
  Join();
  close(listener_);
}

void Origin::Join() {
  shutdown(listener_, SHUT_RDWR);
  if (acceptor_.joinable()) acceptor_.join();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

std::string Origin::address() const {
  return (v6_ ? "[::1]:" : "127.0.0.1:") + std::to_string(tcp_port_);
}

void Origin::Accept() {
  for (;;) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    ++accepted_;
    const std::lock_guard<std::mutex> lock(mutex_);
    if (dead_) {
      close(fd);
      return;
    }
    live_.push_back(fd);
    threads_.emplace_back([this, fd] {
      Stream stream(fd);
      serve_(stream);
      // Unlisted before it is closed, so that Die never touches a number that was given out again.
      const std::lock_guard<std::mutex> unlist(mutex_);
      live_.remove(fd);
      stream.Close();
    });
  }
}

void Origin::Die() {
  const std::lock_guard<std::mutex> lock(mutex_);
  dead_ = true;
  shutdown(listener_, SHUT_RDWR);
  for (const int fd : live_) {
    SetResetOnClose(fd);
    // The thread that serves it wakes, whatever it waits for, and its close sends the reset.
    shutdown(fd, SHUT_RDWR);
  }
}

void Origin::Echo(Stream& stream) {
  for (;;) {
    const std::string bytes = stream.ReadSome(Duration(600000));
    if (bytes.empty()) return;
    if (!stream.Write(bytes)) return;
  }
}

Origin::Serve Origin::Http(std::string body) {
  return [body = std::move(body)](Stream& stream) {
    std::string request;
    while (request.find("\r\n\r\n") == std::string::npos) {
      const std::string byte = stream.Read(1);
      if (byte.empty()) return;
      request += byte;
    }
    stream.Write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " +
                     std::to_string(body.size()) + "\r\n\r\n",
                 Duration(60000));
    stream.Write(body, Duration(60000));
    stream.ShutdownWrite();
    stream.ReadAll();
  };
}

std::string Bytes(std::size_t size, unsigned seed) {
  Prng prng(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(prng.Next() >> 56);
  return bytes;
}

std::string UnusedAddress() {
  int tcp_port = 0;
  close(Bind("127.0.0.1", &tcp_port));
  return "127.0.0.1:" + std::to_string(tcp_port);
}

std::string RefusingAddress() {
  int tcp_port = 0;
  Bind("127.0.0.1", &tcp_port);
  return "127.0.0.1:" + std::to_string(tcp_port);
}

}  // namespace sluice::wire

#endif
