// SPDX-License-Identifier: Apache-2.0
//
// Two thousand connections through one port, with closes, aborts, cancels and half-closes thrown in
// by a seeded generator. What holds at the end is what must always hold: every operation that was
// started had one outcome, every echoed byte was the right one, every socket is joined.
#include <array>
#include <memory>
#include <vector>

#include "engine/base/prng.h"
#include "tests/contract/harness.h"
#include "tests/contract/stream.h"

namespace sluice::contract {
namespace {

// One side's end of a flow: a socket, a receive, a send, a wait; counts starts and outcomes.
class End {
 public:
  explicit End(Port& port) : port_(port) {
    for (Operation* operation :
         {static_cast<Operation*>(&recv_), static_cast<Operation*>(&send_)}) {
      EXPECT_TRUE(operation->idle());
    }
    recv_.then = [this](Outcome outcome) { OnReceived(outcome); };
    send_.then = [this](Outcome outcome) { OnSent(outcome); };
    await_.then = [this](Outcome outcome) { OnReadable(outcome); };
  }
  virtual ~End() = default;

  Socket socket;

  // Waits for something to read, then reads it.
  void Listen() {
    if (!socket.is_open() || !recv_.idle() || !await_.idle()) return;
    ++started_;
    port_.AwaitReadable(await_, socket);
  }
  void SendNow(std::size_t size) {
    end_ = size;
    begin_ = 0;
    SendRest();
  }
  void CancelSome(Prng& prng) {
    if (prng.Chance(1, 2)) port_.Cancel(recv_);
    if (prng.Chance(1, 2)) port_.Cancel(await_);
  }
  bool sending() const { return !send_.idle(); }
  bool exact() const { return started_ == recv_.outcomes() + send_.outcomes() + await_.outcomes(); }
  bool over() const { return socket.is_joined() && recv_.idle() && send_.idle() && await_.idle(); }

 protected:
  virtual void OnData(std::size_t size) = 0;  // the bytes are at the front of buffer()
  virtual void OnAllSent() = 0;
  std::byte* buffer() { return buffer_.data(); }
  std::size_t capacity() const { return buffer_.size(); }
  Port& port() { return port_; }

 private:
  void SendRest() {
    if (!socket.is_open()) return;
    ++started_;
    port_.Send(send_, socket, {IoBuffer{buffer_.data() + begin_, end_ - begin_}});
  }
  void OnReadable(Outcome outcome) {
    if (!socket.is_open()) return;
    if (!outcome.ok() && outcome.error.code != ErrorCode::kAborted) return port_.Close(socket);
    ++started_;
    port_.Recv(recv_, socket, {IoBuffer{buffer_.data(), buffer_.size()}});
  }
  void OnReceived(Outcome outcome) {
    if (!socket.is_open()) return;
    if (outcome.error.code == ErrorCode::kAborted) return Listen();  // a cancel only: wait again
    if (!outcome.ok() || outcome.bytes == 0) return port_.Close(socket);
    OnData(outcome.bytes);
  }
  void OnSent(Outcome outcome) {
    if (!socket.is_open()) return;
    if (!outcome.ok()) return port_.Close(socket);
    begin_ += outcome.bytes;
    if (begin_ < end_) return SendRest();
    OnAllSent();
  }

  Port& port_;
  Recv recv_;
  Send send_;
  Await await_;
  std::array<std::byte, 4096> buffer_{};
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  int started_ = 0;
};

// Sends back what it gets.
class Echo : public End {
 public:
  using End::End;

 private:
  void OnData(std::size_t size) override { SendNow(size); }
  void OnAllSent() override { Listen(); }
};

// Sends a few pieces of a stream, one after the other, and checks what comes back.
class Asker : public End {
 public:
  Asker(Port& port, std::uint64_t seed, int pieces) : End(port), seed_(seed), pieces_(pieces) {
    connect.then = [this](Outcome outcome) {
      if (!socket.is_open()) return;
      if (!outcome.ok()) return this->port().Close(socket);
      Ask();
    };
  }
  Connect connect;
  bool intact() const { return intact_; }
  bool complete() const { return pieces_ == 0; }

 private:
  void Ask() {
    piece_ = 1 + seed_ % capacity();
    FillPattern(buffer(), piece_, seed_, offset_);
    SendNow(piece_);
  }
  void OnAllSent() override { Listen(); }
  void OnData(std::size_t size) override {
    intact_ = intact_ && size <= piece_ && PatternMatches(buffer(), size, seed_, offset_);
    offset_ += size;
    piece_ -= size;
    if (piece_ > 0) return Listen();
    if (--pieces_ == 0) return port().Close(socket);
    Ask();
  }

  const std::uint64_t seed_;
  int pieces_;
  std::uint64_t offset_ = 0;
  std::size_t piece_ = 0;
  bool intact_ = true;
};

class StressTest : public FamilyTest {
 protected:
  // Something unkind to one of the flows.
  void Disturb(Prng& prng) {
    Port& port = loop_.port();
    End* end = nullptr;
    if (prng.Chance(1, 2)) {
      end = askers_[prng.Below(askers_.size())].get();
    } else if (!echoes_.empty()) {
      end = echoes_[prng.Below(echoes_.size())].get();
    }
    if (end == nullptr || !end->socket.is_open()) return;
    switch (prng.Below(8)) {
      case 0:
        return port.Close(end->socket);
      case 1:
        return port.Abort(end->socket);
      case 2:
        if (!end->sending()) static_cast<void>(port.ShutdownSend(end->socket));
        return;
      default:
        return end->CancelSome(prng);
    }
  }

  void StartAsker(Prng& prng) {
    askers_.push_back(
        std::make_unique<Asker>(loop_.port(), prng.Next(), 1 + static_cast<int>(prng.Below(4))));
    Asker& asker = *askers_.back();
    const OsError opened = loop_.port().Open(asker.socket, GetParam());
    ASSERT_TRUE(opened.ok()) << opened.ToString();
    loop_.port().Connect(asker.connect, asker.socket, listener_.local());
  }

  // Lets go of the flows that are over, checking each.
  void Sweep() {
    for (std::size_t i = 0; i < askers_.size();) {
      Asker& asker = *askers_[i];
      if (!asker.over() || !asker.connect.arrived()) {
        ++i;
        continue;
      }
      EXPECT_TRUE(asker.exact()) << "an operation without its one outcome";
      EXPECT_TRUE(asker.intact()) << "a byte came back wrong";
      EXPECT_EQ(asker.connect.outcomes(), 1);
      complete_ += asker.complete() ? 1 : 0;
      askers_[i] = std::move(askers_.back());
      askers_.pop_back();
      ++over_;
    }
    for (std::size_t i = 0; i < echoes_.size();) {
      if (!echoes_[i]->over()) {
        ++i;
        continue;
      }
      EXPECT_TRUE(echoes_[i]->exact()) << "an operation without its one outcome";
      echoes_[i] = std::move(echoes_.back());
      echoes_.pop_back();
    }
  }

  void AcceptInto(Accept& accept) {
    accept.then = [this, &accept](Outcome outcome) {
      if (outcome.ok()) {
        echoes_.push_back(std::make_unique<Echo>(loop_.port()));
        const OsError adopted = loop_.port().Adopt(echoes_.back()->socket, accept.Take());
        EXPECT_TRUE(adopted.ok()) << adopted.ToString();
        echoes_.back()->Listen();
      }
      if (listener_.is_open()) loop_.port().Accept(accept, listener_);
    };
    loop_.port().Accept(accept, listener_);
  }

  std::vector<std::unique_ptr<Asker>> askers_;
  std::vector<std::unique_ptr<Echo>> echoes_;
  Socket listener_;
  int over_ = 0;
  int complete_ = 0;
};
SLUICE_BOTH_FAMILIES(StressTest);

TEST_P(StressTest, TwoThousandConnectionsEndExactly) {
  constexpr std::size_t kAtOnce = 100;
  const int total = Rounds(2000);
  Prng prng(0x51u);
  std::array<Accept, 8> accepts;
  ASSERT_TRUE(ListenLoopback(loop_.port(), listener_, GetParam()));
  for (Accept& accept : accepts) AcceptInto(accept);
  int started = 0;
  const Instant deadline = loop_.port().now() + 3 * kPatience;
  while (over_ < total && loop_.port().now() < deadline && !HasFatalFailure()) {
    while (started < total && askers_.size() < kAtOnce && prng.Chance(3, 4)) {
      StartAsker(prng);
      ++started;
    }
    if (!askers_.empty() && prng.Chance(1, 3)) Disturb(prng);
    loop_.Turn(0, loop_.port().now() + kMillisecond, Budget{1 + static_cast<int>(prng.Below(64))});
    Sweep();
  }
  EXPECT_EQ(over_, total) << askers_.size() << " flows never ended";
  EXPECT_GT(complete_, total / 4) << "the disturbances left too few whole flows to mean anything";
  for (const auto& echo : echoes_) loop_.port().Close(echo->socket);
  for (const auto& asker : askers_) loop_.port().Abort(asker->socket);
  CloseNow(loop_, loop_.port(), listener_);
  EXPECT_TRUE(loop_.RunUntil([&] { return loop_.port().stats().armed == 0; }));
  Sweep();
  EXPECT_TRUE(echoes_.empty());
  EXPECT_EQ(loop_.port().stats().sockets, 0u);
}

}  // namespace
}  // namespace sluice::contract
