// SPDX-License-Identifier: Apache-2.0
//
// A relay as a careful user of standalone Asio would write it, to measure ours against: an
// io_context for each thread with a listener of its own, half-close forwarded, no Nagle, a buffer
// for each direction.
#define ASIO_STANDALONE 1
#include <array>
#include <asio.hpp>
#include <chrono>
#include <csignal>
#include <memory>
#include <thread>
#include <vector>

#include "bench/peers/relay_options.h"

namespace sluice::peers {
namespace {

using asio::ip::tcp;
using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

// Lives as long as an operation of either direction is under way.
class Session : public std::enable_shared_from_this<Session> {
 public:
  explicit Session(tcp::socket client)
      : client_(std::move(client)), server_(client_.get_executor()) {}

  void Start(const tcp::endpoint& upstream) {
    asio::error_code ignored;
    client_.set_option(tcp::no_delay(true), ignored);
    server_.async_connect(upstream, [self = shared_from_this()](asio::error_code error) {
      if (error) return self->Close();
      asio::error_code unused;
      self->server_.set_option(tcp::no_delay(true), unused);
      self->Read(self->client_, self->server_, self->up_);
      self->Read(self->server_, self->client_, self->down_);
    });
  }

 private:
  using Buffer = std::array<char, kBufferBytes>;

  void Read(tcp::socket& from, tcp::socket& to, Buffer& buffer) {
    from.async_read_some(asio::buffer(buffer), [self = shared_from_this(), &from, &to, &buffer](
                                                   asio::error_code error, std::size_t bytes) {
      if (error == asio::error::eof) return self->EndOfStream(to);
      if (error) return self->Close();
      self->Write(from, to, buffer, bytes);
    });
  }

  void Write(tcp::socket& from, tcp::socket& to, Buffer& buffer, std::size_t bytes) {
    asio::async_write(
        to, asio::buffer(buffer.data(), bytes),
        [self = shared_from_this(), &from, &to, &buffer](asio::error_code error, std::size_t) {
          if (error) return self->Close();
          self->Read(from, to, buffer);
        });
  }

  // The last end needs no shutdown: closing both sockets says it too.
  void EndOfStream(tcp::socket& to) {
    if (++ended_ == 2) return Close();
    asio::error_code error;
    to.shutdown(tcp::socket::shutdown_send, error);
    if (error) Close();
  }

  void Close() {
    asio::error_code ignored;
    client_.close(ignored);
    server_.close(ignored);
  }

  tcp::socket client_;
  tcp::socket server_;
  int ended_ = 0;
  Buffer up_;
  Buffer down_;
};

class Relay {
 public:
  Relay(const tcp::endpoint& listen, const tcp::endpoint& upstream, bool shared)
      : acceptor_(context_), pause_(context_), upstream_(upstream) {
    acceptor_.open(listen.protocol());
    acceptor_.set_option(tcp::acceptor::reuse_address(true));
    if (shared) acceptor_.set_option(ReusePort(true));
    acceptor_.bind(listen);
    acceptor_.listen(4096);
    Accept();
  }

  tcp::endpoint local() const { return acceptor_.local_endpoint(); }
  void Run() { context_.run(); }

 private:
  void Accept() {
    acceptor_.async_accept([this](asio::error_code error, tcp::socket client) {
      if (!error) std::make_shared<Session>(std::move(client))->Start(upstream_);
      if (!error || error == asio::error::connection_aborted) return Accept();
      // No descriptors: later there may be some again.
      pause_.expires_after(std::chrono::milliseconds(100));
      pause_.async_wait([this](asio::error_code) { Accept(); });
    });
  }

  asio::io_context context_{1};
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  tcp::endpoint upstream_;
};

tcp::endpoint Endpoint(const HostAndPort& at) {
  return {asio::ip::make_address(at.host), at.tcp_port};
}

int Run(const RelayOptions& options) {
  std::vector<std::unique_ptr<Relay>> relays;
  tcp::endpoint listen = Endpoint(options.listen);
  for (int i = 0; i < options.threads; ++i) {
    relays.push_back(
        std::make_unique<Relay>(listen, Endpoint(options.upstream), options.threads > 1));
    listen = relays.back()->local();
  }
  std::printf("listening on %s:%d\n", options.listen.host.c_str(), listen.port());
  std::fflush(stdout);
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < relays.size(); ++i) {
    threads.emplace_back([&relays, i] { relays[i]->Run(); });
  }
  relays[0]->Run();
  for (std::thread& thread : threads) thread.join();
  return 0;
}

}  // namespace
}  // namespace sluice::peers

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const sluice::peers::RelayOptions options = sluice::peers::ParseRelayOptions(argc, argv);
  if (options.version) {
    std::printf("Asio %d.%d.%d\n", ASIO_VERSION / 100000, ASIO_VERSION / 100 % 1000,
                ASIO_VERSION % 100);
    return 0;
  }
  try {
    return sluice::peers::Run(options);
  } catch (const std::exception& error) {
    sluice::peers::Die(error.what());
  }
}
