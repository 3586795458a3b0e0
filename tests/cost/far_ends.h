// SPDX-License-Identifier: Apache-2.0
//
// FarEnds: both outer ends of proxied connections, on one port and one thread: a closed loop of
// clients, and the origin that sends back what it gets. Each connection: connect, kBytes there and
// back, every byte compared, close by the client. After the first connections it allocates nothing.
//
//   client: connect -> send -> receive all -> close, and again      origin: accept -> echo -> end
#ifndef SLUICE_TESTS_COST_FAR_ENDS_H_
#define SLUICE_TESTS_COST_FAR_ENDS_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/io/port.h"

namespace sluice::cost {

class FarEnds {
 public:
  static constexpr std::size_t kBytes = 64;

  // Makes the port and the origin, which listens on loopback. Ends the program if it cannot.
  explicit FarEnds(int at_once);
  // Closes everything and joins it.
  ~FarEnds();
  FarEnds(const FarEnds&) = delete;
  FarEnds& operator=(const FarEnds&) = delete;

  const Address& origin() const { return listener_.local(); }

  // Begins `count` connections to `target`, at most `at_once` of them at a time; 0: as many as
  // there are clients.
  void Start(std::uint64_t count, const Address& target, int at_once = 0);
  // One RunOnce of the port.
  int Turn(Instant until) { return port_->RunOnce(until); }
  // All of them were made and have ended, or one went wrong.
  bool done() const { return !failure_.empty() || (to_start_ == 0 && open_ == 0); }
  // Start, and turns until done. False when one went wrong or took longer than kPatience; then
  // failure() says what.
  [[nodiscard]] bool Run(std::uint64_t count, const Address& target, int at_once = 0);
  const std::string& failure() const { return failure_; }

 private:
  static constexpr Nanos kPatience = 60 * kSecond;
  using Bytes = std::array<char, kBytes>;

  struct Client {
    FarEnds* ends = nullptr;
    io::Socket socket;
    io::ConnectOp connect;
    io::SendOp send;
    io::RecvOp recv;
    Bytes sent{};
    Bytes received{};
    std::size_t count = 0;
    bool ending = false;

    void OnConnected(Outcome outcome);
    void OnSent(Outcome outcome);
    void OnReceived(Outcome outcome);
    void Receive();
    void End();
    void Settle();
  };

  struct Server {
    FarEnds* ends = nullptr;
    io::AcceptOp accept;
    io::Socket socket;
    io::SendOp send;
    io::RecvOp recv;
    Bytes bytes{};
    bool ending = false;

    void OnAccepted(Outcome outcome);
    void OnReceived(Outcome outcome);
    void OnSent(Outcome outcome);
    void Receive();
    void End(bool abort);
    void Settle();
  };

  void StartOne(Client& client);
  void Fail(const char* what, OsError error);
  bool Joined() const;

  std::unique_ptr<io::Port> port_;
  io::Socket listener_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<Server>> servers_;
  Address target_;
  std::uint64_t to_start_ = 0;
  std::uint64_t open_ = 0;
  std::uint64_t number_ = 0;  // of the next connection: makes its bytes differ from the last one's
  std::string failure_;
  bool closing_ = false;
};

}  // namespace sluice::cost

#endif  // SLUICE_TESTS_COST_FAR_ENDS_H_
