/* SPDX-License-Identifier: Apache-2.0 */
#if defined(_WIN32)
#include <winsock2.h>
#include <ws2tcpip.h>
/* After winsock2.h. */
#include <windows.h>
typedef SOCKET native;
typedef int native_size;
#define close_native closesocket
#else
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <netinet/in.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
typedef int native;
typedef size_t native_size;
#define close_native close
#endif

#include "tests/capi/use.h"

#if defined(_WIN32)
int64_t use_now_ms(void) { return (int64_t)GetTickCount64(); }
void use_pause(void) { Sleep(1); }
#else
int64_t use_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
void use_pause(void) {
  const struct timespec pause = {0, 1000000};
  nanosleep(&pause, NULL);
}
#endif

static uint64_t new_socket(void) {
#if defined(_WIN32)
  static int begun = 0;
  WSADATA data;
  if (!begun) begun = WSAStartup(MAKEWORD(2, 2), &data) == 0;
  const native made = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
  return made == INVALID_SOCKET ? USE_NONE : (uint64_t)made;
#else
  const native made = socket(AF_INET, SOCK_STREAM, 0);
  return made < 0 ? USE_NONE : (uint64_t)made;
#endif
}

/* The last call of this thread. */
static int was_reset(void) {
#if defined(_WIN32)
  return WSAGetLastError() == WSAECONNRESET;
#else
  return errno == ECONNRESET;
#endif
}

static struct sockaddr_in to_native(const sluice_address* address) {
  struct sockaddr_in out;
  memset(&out, 0, sizeof out);
  out.sin_family = AF_INET;
  out.sin_port = htons(address->tcp_port);
  memcpy(&out.sin_addr, address->bytes, 4);
  return out;
}

uint64_t use_reserve(sluice_address* where) {
  const uint64_t made = new_socket();
  if (made == USE_NONE) return made;
  memset(where, 0, sizeof *where);
  where->family = SLUICE_FAMILY_V4;
  where->bytes[0] = 127;
  where->bytes[3] = 1;
  struct sockaddr_in local = to_native(where);
  socklen_t size = sizeof local;
  if (bind((native)made, (struct sockaddr*)&local, size) != 0 ||
      getsockname((native)made, (struct sockaddr*)&local, &size) != 0) {
    use_close(made);
    return USE_NONE;
  }
  where->tcp_port = ntohs(local.sin_port);
  return made;
}

uint64_t use_listen(sluice_address* where) {
  const uint64_t made = use_reserve(where);
  if (made == USE_NONE || listen((native)made, 256) == 0) return made;
  use_close(made);
  return USE_NONE;
}

uint64_t use_connect(const sluice_address* where) {
  const uint64_t made = new_socket();
  if (made == USE_NONE) return made;
  struct sockaddr_in remote = to_native(where);
  if (connect((native)made, (struct sockaddr*)&remote, sizeof remote) == 0) return made;
  use_close(made);
  return USE_NONE;
}

int use_refused(const sluice_address* where) {
  const uint64_t made = new_socket();
  if (made == USE_NONE) return 0;
  struct sockaddr_in remote = to_native(where);
  const int connected = connect((native)made, (struct sockaddr*)&remote, sizeof remote) == 0;
  const int refused = connected ? use_ended(made) : was_reset();
  use_close(made);
  return refused;
}

int use_readable(uint64_t socket, int milliseconds) {
  fd_set readable;
  struct timeval wait;
  FD_ZERO(&readable);
  FD_SET((native)socket, &readable);
  wait.tv_sec = milliseconds / 1000;
  wait.tv_usec = milliseconds % 1000 * 1000;
  return select((int)socket + 1, &readable, NULL, NULL, &wait) == 1;
}

uint64_t use_accept(uint64_t listener) {
  if (!use_readable(listener, 20000)) return USE_NONE;
  const native accepted = accept((native)listener, NULL, NULL);
#if defined(_WIN32)
  return accepted == INVALID_SOCKET ? USE_NONE : (uint64_t)accepted;
#else
  return accepted < 0 ? USE_NONE : (uint64_t)accepted;
#endif
}

int use_send(uint64_t socket, const void* data, size_t size) {
#if defined(_WIN32)
  return send((native)socket, data, (int)size, 0) == (int)size;
#else
  return send((native)socket, data, size, MSG_NOSIGNAL) == (ssize_t)size;
#endif
}

int use_receives(uint64_t socket, const char* wanted) {
  return use_receives_bytes(socket, wanted, strlen(wanted));
}

int use_receives_bytes(uint64_t socket, const void* wanted, size_t size) {
  char got[256];
  size_t have = 0;
  if (size > sizeof got) return 0;
  while (have < size) {
    if (!use_readable(socket, 20000)) return 0;
    const long count = (long)recv((native)socket, got + have, (native_size)(size - have), 0);
    if (count <= 0) return 0;
    have += (size_t)count;
  }
  return memcmp(got, wanted, size) == 0;
}

int use_ended(uint64_t socket) {
  char byte;
  return use_readable(socket, 20000) && recv((native)socket, &byte, 1, 0) <= 0;
}

void use_close(uint64_t socket) {
  if (socket != USE_NONE) close_native((native)socket);
}
