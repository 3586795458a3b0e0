// SPDX-License-Identifier: Apache-2.0
//
// A relay as a careful user of libuv would write it, to measure ours against: a loop for each
// thread with a listener of its own, half-close forwarded, no Nagle, a buffer for each direction.
// Bytes are written at once where the socket takes them; only else does reading stop until they are
// gone.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <csignal>
#include <thread>
#include <vector>

#include "bench/peers/relay_options.h"

namespace sluice::peers {
namespace {

void Check(int status, const char* what) {
  if (status < 0) Die(std::string(what) + ": " + uv_strerror(status));
}

struct Session;

// What goes from `from` to the other end.
struct Direction {
  uv_tcp_t from;
  Session* session = nullptr;
  Direction* other = nullptr;
  uv_write_t write;
  uv_shutdown_t shutdown;
  char buffer[kBufferBytes];
};

struct Session {
  Direction up;
  Direction down;
  uv_connect_t connect;
  int ended = 0;
  int open = 2;
};

struct Relay {
  uv_loop_t loop;
  uv_tcp_t listener;
  sockaddr_storage upstream;
};

Direction* Of(void* handle) {
  return static_cast<Direction*>(static_cast<uv_handle_t*>(handle)->data);
}
uv_handle_t* Handle(Direction& direction) {
  return reinterpret_cast<uv_handle_t*>(&direction.from);
}
uv_stream_t* Stream(Direction& direction) {
  return reinterpret_cast<uv_stream_t*>(&direction.from);
}

void OnClosed(uv_handle_t* handle) {
  Session* session = Of(handle)->session;
  if (--session->open == 0) delete session;
}

void Close(Session& session) {
  for (Direction* direction : {&session.up, &session.down}) {
    if (uv_is_closing(Handle(*direction)) == 0) uv_close(Handle(*direction), OnClosed);
  }
}

void OnBuffer(uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
  *buffer = uv_buf_init(Of(handle)->buffer, kBufferBytes);
}

void OnRead(uv_stream_t* stream, ssize_t bytes, const uv_buf_t* buffer);

void OnWritten(uv_write_t* request, int status) {
  Direction& direction = *static_cast<Direction*>(request->data);
  if (status < 0 || uv_read_start(Stream(direction), OnBuffer, OnRead) < 0) {
    Close(*direction.session);
  }
}

void OnShutdown(uv_shutdown_t* request, int status) {
  if (status < 0) Close(*static_cast<Direction*>(request->data)->session);
}

void OnRead(uv_stream_t* stream, ssize_t bytes, const uv_buf_t* buffer) {
  Direction& direction = *Of(stream);
  Session& session = *direction.session;
  uv_stream_t* to = Stream(*direction.other);
  if (bytes == 0) return;
  if (bytes == UV_EOF) {
    // The last end needs no shutdown: closing both sockets says it too.
    if (++session.ended == 2) return Close(session);
    if (uv_shutdown(&direction.shutdown, to, OnShutdown) < 0) Close(session);
    return;
  }
  if (bytes < 0) return Close(session);
  uv_buf_t rest = uv_buf_init(buffer->base, static_cast<unsigned>(bytes));
  const int written = uv_try_write(to, &rest, 1);
  if (written == bytes) return;
  if (written < 0 && written != UV_EAGAIN) return Close(session);
  if (written > 0) {
    rest.base += written;
    rest.len -= static_cast<std::size_t>(written);
  }
  uv_read_stop(stream);
  if (uv_write(&direction.write, to, &rest, 1, OnWritten) < 0) Close(session);
}

void OnConnected(uv_connect_t* request, int status) {
  Session& session = *static_cast<Session*>(request->data);
  if (status < 0) return Close(session);
  uv_tcp_nodelay(&session.down.from, 1);
  for (Direction* direction : {&session.up, &session.down}) {
    if (uv_read_start(Stream(*direction), OnBuffer, OnRead) < 0) return Close(session);
  }
}

// libuv itself copes with a lack of descriptors.
void OnConnection(uv_stream_t* listener, int status) {
  if (status < 0) return;
  Relay& relay = *static_cast<Relay*>(listener->data);
  // Not value-initialised: the buffers need no zeros.
  auto* session = new Session;
  for (Direction* direction : {&session->up, &session->down}) {
    uv_tcp_init(&relay.loop, &direction->from);
    direction->from.data = direction->write.data = direction->shutdown.data = direction;
    direction->session = session;
  }
  session->up.other = &session->down;
  session->down.other = &session->up;
  session->connect.data = session;
  if (uv_accept(listener, Stream(session->up)) < 0) return Close(*session);
  uv_tcp_nodelay(&session->up.from, 1);
  const auto* upstream = reinterpret_cast<const sockaddr*>(&relay.upstream);
  if (uv_tcp_connect(&session->connect, &session->down.from, upstream, OnConnected) < 0) {
    Close(*session);
  }
}

sockaddr_storage SocketAddress(const HostAndPort& at) {
  sockaddr_storage address = {};
  if (uv_ip4_addr(at.host.c_str(), at.tcp_port, reinterpret_cast<sockaddr_in*>(&address)) != 0) {
    Check(uv_ip6_addr(at.host.c_str(), at.tcp_port, reinterpret_cast<sockaddr_in6*>(&address)),
          "address");
  }
  return address;
}

// The TCP port it listens on.
std::uint16_t Listen(Relay& relay, const HostAndPort& at, bool shared) {
  sockaddr_storage address = SocketAddress(at);
  Check(uv_loop_init(&relay.loop), "loop");
  Check(uv_tcp_init_ex(&relay.loop, &relay.listener, address.ss_family), "socket");
  relay.listener.data = &relay;
  uv_os_fd_t descriptor;
  Check(uv_fileno(reinterpret_cast<uv_handle_t*>(&relay.listener), &descriptor), "fileno");
  const int on = 1;
  if (shared) setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  Check(uv_tcp_bind(&relay.listener, reinterpret_cast<sockaddr*>(&address), 0), "bind");
  Check(uv_listen(reinterpret_cast<uv_stream_t*>(&relay.listener), 4096, OnConnection), "listen");
  int size = sizeof address;
  Check(uv_tcp_getsockname(&relay.listener, reinterpret_cast<sockaddr*>(&address), &size), "name");
  // The port lies at the same place in both families.
  return ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port);
}

int Run(const RelayOptions& options) {
  std::vector<Relay> relays(static_cast<std::size_t>(options.threads));
  HostAndPort listen = options.listen;
  for (Relay& relay : relays) {
    relay.upstream = SocketAddress(options.upstream);
    listen.tcp_port = Listen(relay, listen, options.threads > 1);
  }
  std::printf("listening on %s:%d\n", options.listen.host.c_str(), listen.tcp_port);
  std::fflush(stdout);
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < relays.size(); ++i) {
    threads.emplace_back([&relays, i] { uv_run(&relays[i].loop, UV_RUN_DEFAULT); });
  }
  uv_run(&relays[0].loop, UV_RUN_DEFAULT);
  for (std::thread& thread : threads) thread.join();
  return 0;
}

}  // namespace
}  // namespace sluice::peers

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const sluice::peers::RelayOptions options = sluice::peers::ParseRelayOptions(argc, argv);
  if (options.version) {
    std::printf("libuv %s\n", uv_version_string());
    return 0;
  }
  return sluice::peers::Run(options);
}
