// SPDX-License-Identifier: Apache-2.0
//
// The socket calls of this folder: non-blocking sockets on loopback.
#ifndef SLUICE_TESTS_WIRE_TRANSPARENCY_NET_H_
#define SLUICE_TESTS_WIRE_TRANSPARENCY_NET_H_

#include <string>

#include "tests/wire/program.h"

namespace sluice::wire::transparency {

// A listening socket on loopback; closed with the object.
class Listener {
 public:
  // `tcp_port` 0: any. REQUIRES: it is free.
  explicit Listener(bool v6, int tcp_port = 0);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // 127.0.0.1:80 or [::1]:80.
  std::string address() const;
  // Connections are refused while it does not listen; the TCP port stays ours.
  void SetListening(bool listening);
  // The next connection, or -1.
  int Accept(TimePoint deadline);
  // Resets what is waiting to be accepted: left over from an earlier play.
  void Clear();

 private:
  int fd_ = -1;
  bool v6_ = false;
};

// Connected, or -1 with errno, which is ETIMEDOUT if time is up.
int ConnectTo(const std::string& address, bool small_buffer, TimePoint deadline);
// Waits for `events` of poll(); returns what came, 0 when time is up.
short Await(int fd, short events, TimePoint deadline);
void SetSmallReceiveBuffer(int fd);
void CloseWithReset(int fd);

}  // namespace sluice::wire::transparency

#endif  // SLUICE_TESTS_WIRE_TRANSPARENCY_NET_H_
