// SPDX-License-Identifier: Apache-2.0
#if !defined(_WIN32)

#include "tests/wire/transparency/net.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "engine/base/check.h"

namespace sluice::wire::transparency {
namespace {

// Small against what senders queue, but more than one segment of loopback (64 KiB): with less, each
// refill of the window waits for a probe, and a megabyte takes seconds.
constexpr int kSmallBufferBytes = 128 * 1024;

struct Native {
  sockaddr_storage storage{};
  socklen_t size = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

Native Loopback(bool v6, int tcp_port) {
  Native native;
  const auto net_port = htons(static_cast<std::uint16_t>(tcp_port));
  if (v6) {
    auto* address = reinterpret_cast<sockaddr_in6*>(&native.storage);
    address->sin6_family = AF_INET6;
    address->sin6_port = net_port;
    address->sin6_addr = in6addr_loopback;
    native.size = sizeof(*address);
  } else {
    auto* address = reinterpret_cast<sockaddr_in*>(&native.storage);
    address->sin_family = AF_INET;
    address->sin_port = net_port;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    native.size = sizeof(*address);
  }
  return native;
}

int Socket(bool v6) {
  const int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  SLUICE_CHECK(fd >= 0);
  return fd;
}

int Bound(bool v6, int tcp_port) {
  const int fd = Socket(v6);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  Native native = Loopback(v6, tcp_port);
  SLUICE_CHECK(bind(fd, native.get(), native.size) == 0);
  return fd;
}

int TcpPortOf(int fd) {
  Native native;
  native.size = sizeof(native.storage);
  SLUICE_CHECK(getsockname(fd, native.get(), &native.size) == 0);
  // In the same place for both families.
  return ntohs(reinterpret_cast<sockaddr_in*>(&native.storage)->sin_port);
}

void SetNoDelay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

}  // namespace

Listener::Listener(bool v6, int tcp_port) : v6_(v6) {
  // A TCP port that was chosen by bind is given back when listening ends; one that was asked for
  // stays. So one is chosen, held, and asked for.
  const int holder = tcp_port == 0 ? Bound(v6, 0) : -1;
  fd_ = Bound(v6, holder < 0 ? tcp_port : TcpPortOf(holder));
  if (holder >= 0) close(holder);
  SetListening(true);
}

Listener::~Listener() { close(fd_); }

std::string Listener::address() const {
  return (v6_ ? "[::1]:" : "127.0.0.1:") + std::to_string(TcpPortOf(fd_));
}

void Listener::SetListening(bool listening) {
  if (listening) {
    SLUICE_CHECK(listen(fd_, 64) == 0);
  } else {
    SLUICE_CHECK(shutdown(fd_, SHUT_RDWR) == 0);
  }
}

int Listener::Accept(TimePoint deadline) {
  for (;;) {
    const int fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
      SetNoDelay(fd);
      return fd;
    }
    if (Await(fd_, POLLIN, deadline) == 0) return -1;
  }
}

void Listener::Clear() {
  for (;;) {
    const int fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    CloseWithReset(fd);
  }
}

int ConnectTo(const std::string& address, bool small_buffer, TimePoint deadline) {
  const bool v6 = address[0] == '[';
  Native native = Loopback(v6, std::atoi(address.c_str() + address.rfind(':') + 1));
  const int fd = Socket(v6);
  SetNoDelay(fd);
  // Before the connect, so that the window is small from the start.
  if (small_buffer) SetSmallReceiveBuffer(fd);
  int error = connect(fd, native.get(), native.size) == 0 ? 0 : errno;
  if (error == EINPROGRESS) {
    error = ETIMEDOUT;
    socklen_t size = sizeof(error);
    if (Await(fd, POLLOUT, deadline) != 0) getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  }
  if (error == 0) return fd;
  close(fd);
  errno = error;
  return -1;
}

short Await(int fd, short events, TimePoint deadline) {
  for (;;) {
    const auto left =
        std::chrono::duration_cast<Duration>(deadline - std::chrono::steady_clock::now());
    pollfd one{fd, events, 0};
    const int ready = poll(&one, 1, static_cast<int>(std::max<Duration::rep>(0, left.count())));
    if (ready > 0) return one.revents;
    if (ready == 0 && left.count() <= 0) return 0;
  }
}

void SetSmallReceiveBuffer(int fd) {
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kSmallBufferBytes, sizeof(kSmallBufferBytes));
}

void CloseWithReset(int fd) {
  const linger now{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  close(fd);
}

}  // namespace sluice::wire::transparency

#endif
