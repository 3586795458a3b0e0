// SPDX-License-Identifier: Apache-2.0
//
// EchoFlow: one accepted connection of `sluice echo`, and the three ways to serve it. Reused: a
// closed flow waits, with its buffer, for the next connection. Worker-only.
#ifndef SLUICE_TOOLS_ECHO_FLOW_H_
#define SLUICE_TOOLS_ECHO_FLOW_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/types/span.h"
#include "engine/base/intrusive_list.h"
#include "engine/io/port.h"
#include "tools/sluice/payload.h"

namespace sluice::tool {

class EchoWorker;

enum class EchoBehaviour : std::uint8_t { kEcho, kSink, kSource };
inline constexpr const char* kEchoBehaviourNames[] = {"echo", "sink", "source"};

class EchoFlow : public ListNode<> {
 public:
  EchoFlow(EchoWorker& worker, std::size_t buffer_size);
  virtual ~EchoFlow() = default;
  void Begin(io::AcceptedSocket accepted);
  void Cut();

 protected:
  virtual void OnBegin() = 0;
  // Errors, and what comes while the flow ends, do not come here.
  virtual void OnSent(std::uint32_t bytes) = 0;
  virtual void OnReceived(std::uint32_t bytes) = 0;  // 0: the client's FIN

  void Receive();
  void Send(absl::Span<const unsigned char> bytes);
  absl::Span<unsigned char> buffer() { return absl::MakeSpan(buffer_.get(), buffer_size_); }
  bool sending() const { return !send_.idle(); }
  void End(bool abort);

  EchoWorker& worker_;

 private:
  void Received(Outcome outcome);
  void Sent(Outcome outcome);
  bool GoesOn(Outcome outcome);

  io::Socket socket_;
  io::RecvOp receive_;
  io::SendOp send_;
  std::unique_ptr<unsigned char[]> buffer_;
  const std::size_t buffer_size_;
  bool ending_ = false;
};

// Sends back what it gets, alternating between one receive and one send. When the client has ended
// its half, everything was sent back, and it closes. With --close-after it closes first.
class EchoBack final : public EchoFlow {
 public:
  explicit EchoBack(EchoWorker& worker);

 protected:
  void OnBegin() override;
  void OnSent(std::uint32_t bytes) override;
  void OnReceived(std::uint32_t bytes) override;

 private:
  void SendRest();

  std::size_t filled_ = 0;
  std::size_t sent_ = 0;
  std::uint64_t echoed_ = 0;
};

// Takes what it gets and compares it with the payload. At the client's FIN it sends a Receipt and
// closes.
class Sink final : public EchoFlow {
 public:
  explicit Sink(EchoWorker& worker);

 protected:
  void OnBegin() override;
  void OnSent(std::uint32_t bytes) override;
  void OnReceived(std::uint32_t bytes) override;

 private:
  Receipt receipt_;
  std::size_t receipt_sent_ = 0;
};

// Sends the payload until the client ends its half. What the client sends is thrown away.
class Source final : public EchoFlow {
 public:
  explicit Source(EchoWorker& worker);

 protected:
  void OnBegin() override;
  void OnSent(std::uint32_t bytes) override;
  void OnReceived(std::uint32_t bytes) override;

 private:
  void SendMore();

  std::uint64_t sent_ = 0;
  bool client_ended_ = false;
};

std::unique_ptr<EchoFlow> MakeEchoFlow(EchoBehaviour behaviour, EchoWorker& worker);

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_ECHO_FLOW_H_
