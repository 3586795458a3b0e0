// SPDX-License-Identifier: Apache-2.0
#include "tests/cost/far_ends.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"

namespace sluice::cost {

FarEnds::FarEnds(int at_once) {
  absl::StatusOr<std::unique_ptr<io::Port>> port = io::Port::Create(io::PortOptions{});
  SLUICE_CHECK(port.ok());
  port_ = *std::move(port);
  SLUICE_CHECK(
      port_->Listen(listener_, Address::Loopback(Family::kV4, 0), io::ListenOptions{}).ok());
  for (int i = 0; i < at_once; ++i) {
    clients_.push_back(std::make_unique<Client>());
    Client& client = *clients_.back();
    client.ends = this;
    client.connect.Bind<&Client::OnConnected>(&client);
    client.send.Bind<&Client::OnSent>(&client);
    client.recv.Bind<&Client::OnReceived>(&client);
  }
  // Twice as many: a connection may still be ending here when its client has begun the next.
  for (int i = 0; i < 2 * at_once; ++i) {
    servers_.push_back(std::make_unique<Server>());
    Server& server = *servers_.back();
    server.ends = this;
    server.accept.Bind<&Server::OnAccepted>(&server);
    server.send.Bind<&Server::OnSent>(&server);
    server.recv.Bind<&Server::OnReceived>(&server);
    port_->Accept(server.accept, listener_);
  }
}

FarEnds::~FarEnds() {
  closing_ = true;
  to_start_ = 0;
  port_->Close(listener_);
  for (const auto& client : clients_) {
    client->ending = true;
    port_->Abort(client->socket);
  }
  for (const auto& server : servers_) {
    server->ending = true;
    port_->Abort(server->socket);
  }
  while (!Joined()) port_->RunOnce(port_->now() + kSecond);
}

bool FarEnds::Joined() const {
  if (!listener_.is_joined()) return false;
  for (const auto& client : clients_) {
    if (!client->socket.is_joined()) return false;
  }
  for (const auto& server : servers_) {
    if (!server->socket.is_joined() || !server->accept.idle()) return false;
  }
  return true;
}

void FarEnds::Start(std::uint64_t count, const Address& target, int at_once) {
  SLUICE_CHECK(to_start_ == 0 && open_ == 0);
  target_ = target;
  to_start_ = count;
  const std::size_t clients = at_once == 0 ? clients_.size() : static_cast<std::size_t>(at_once);
  SLUICE_CHECK(clients <= clients_.size());
  for (std::size_t i = 0; i < clients && to_start_ > 0 && failure_.empty(); ++i) {
    StartOne(*clients_[i]);
  }
}

bool FarEnds::Run(std::uint64_t count, const Address& target, int at_once) {
  Start(count, target, at_once);
  const Instant end = Instant::Now() + kPatience;
  while (!done()) {
    Turn(end);
    if (Instant::Now() < end) continue;
    Fail("it takes too long", OsError{});
  }
  return failure_.empty();
}

void FarEnds::Fail(const char* what, OsError error) {
  if (closing_ || !failure_.empty()) return;
  failure_ = absl::StrCat(what, error.ok() ? "" : ": ", error.ok() ? "" : error.ToString());
}

void FarEnds::StartOne(Client& client) {
  --to_start_;
  ++open_;
  client.ending = false;
  client.count = 0;
  std::uint64_t value = ++number_ * 0x9E3779B97F4A7C15ULL;
  for (char& byte : client.sent) {
    byte = static_cast<char>(value >> 56);
    value = value * 0x5851F42D4C957F2DULL + 1;
  }
  const OsError error = port_->Open(client.socket, target_.family());
  if (!error.ok()) return Fail("open", error);
  port_->Connect(client.connect, client.socket, target_);
}

void FarEnds::Client::OnConnected(Outcome outcome) {
  if (ending) return Settle();
  if (!outcome.ok()) return ends->Fail("connect", outcome.error);
  const io::IoBuffer buffer{sent.data(), sent.size()};
  ends->port_->Send(send, socket, absl::MakeConstSpan(&buffer, 1));
  Receive();
}

void FarEnds::Client::Receive() {
  const io::IoBuffer buffer{received.data() + count, received.size() - count};
  ends->port_->Recv(recv, socket, absl::MakeConstSpan(&buffer, 1));
}

void FarEnds::Client::OnSent(Outcome outcome) {
  if (ending) return Settle();
  if (!outcome.ok()) return ends->Fail("send", outcome.error);
  if (outcome.bytes != kBytes) return ends->Fail("a part only was sent", OsError{});
  if (count == kBytes) End();
}

void FarEnds::Client::OnReceived(Outcome outcome) {
  if (ending) return Settle();
  if (!outcome.ok()) return ends->Fail("receive", outcome.error);
  if (outcome.bytes == 0) return ends->Fail("the stream ended early", OsError{});
  count += outcome.bytes;
  if (count < kBytes) return Receive();
  if (received != sent) return ends->Fail("wrong bytes came back", OsError{});
  if (send.idle()) End();
}

void FarEnds::Client::End() {
  ending = true;
  ends->port_->Close(socket);
  Settle();
}

void FarEnds::Client::Settle() {
  if (!socket.is_joined() || ends->closing_) return;
  --ends->open_;
  if (ends->to_start_ > 0 && ends->failure_.empty()) ends->StartOne(*this);
}

void FarEnds::Server::OnAccepted(Outcome outcome) {
  if (!outcome.ok()) return ends->Fail("accept", outcome.error);
  const io::AcceptedSocket accepted = accept.Take();
  if (ends->closing_) return io::Port::Discard(accepted, nullptr);
  const OsError error = ends->port_->Adopt(socket, accepted);
  if (!error.ok()) return ends->Fail("adopt", error);
  ending = false;
  Receive();
}

void FarEnds::Server::Receive() {
  const io::IoBuffer buffer{bytes.data(), bytes.size()};
  ends->port_->Recv(recv, socket, absl::MakeConstSpan(&buffer, 1));
}

void FarEnds::Server::OnReceived(Outcome outcome) {
  if (ending) return Settle();
  if (!outcome.ok()) return End(true);
  if (outcome.bytes == 0) return End(false);
  const io::IoBuffer buffer{bytes.data(), outcome.bytes};
  ends->port_->Send(send, socket, absl::MakeConstSpan(&buffer, 1));
}

void FarEnds::Server::OnSent(Outcome outcome) {
  if (ending) return Settle();
  if (!outcome.ok()) return End(true);
  Receive();
}

void FarEnds::Server::End(bool abort) {
  ending = true;
  if (abort) {
    ends->port_->Abort(socket);
  } else {
    ends->port_->Close(socket);
  }
  Settle();
}

// Ready for the next one.
void FarEnds::Server::Settle() {
  if (!socket.is_joined() || ends->closing_) return;
  ends->port_->Accept(accept, ends->listener_);
}

}  // namespace sluice::cost
