// SPDX-License-Identifier: Apache-2.0
//
// LoadConnection: one place of the load: a connection, and after it the next one. What is done on
// it is said by its two kinds, Exchange and Transfer. Allocates only when made. Worker-only.
//
//   free ---Start---> running ---success, failure---> ending (operations join) ---> free, resting
//   or done
#ifndef SLUICE_TOOLS_LOAD_CONNECTION_H_
#define SLUICE_TOOLS_LOAD_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/types/span.h"
#include "engine/base/intrusive_list.h"
#include "engine/io/port.h"
#include "tools/sluice/load_options.h"
#include "tools/sluice/load_stats.h"

namespace sluice::tool {

class LoadWorker;

class LoadConnection : public ListNode<> {
 public:
  LoadConnection(LoadWorker& worker, std::size_t buffer_size);
  virtual ~LoadConnection() = default;

  // Connects. `due`: when it should have, in an open loop. REQUIRES: joined.
  void Start(Instant now, Instant due, const Address& target, const Address& source);
  // Ends it without counting anything; for a hard stop.
  void Abandon();
  // Time is up.
  void Expire();
  // The run is over, and this connection was running when it ended: begin to end it, unless it does
  // by itself.
  virtual void OnOver(Instant) {}

  // Running: when it has taken too long. Resting: when it may begin again.
  Instant deadline() const { return deadline_; }
  void set_deadline(Instant deadline) { deadline_ = deadline; }
  bool failed() const { return failed_; }

 protected:
  // What happened, while the connection is not ending. Errors do not come here.
  virtual void OnOpen() = 0;
  virtual void OnSent(std::uint32_t bytes) = 0;
  virtual void OnReceived(std::uint32_t bytes) = 0;  // 0: end of stream

  void Send(absl::Span<const unsigned char> bytes);
  void Receive();
  absl::Span<const unsigned char> received(std::uint32_t bytes) const {
    return absl::MakeConstSpan(buffer_.get(), bytes);
  }
  bool sending() const { return !send_.idle(); }
  // Ends the connection. After Finish it counts as one that ended as planned.
  void Finish(bool abort);
  void Fail(LoadError kind, OsError error = OsError{});

  const LoadOptions& options() const;

  LoadWorker& worker_;
  io::Socket socket_;
  Instant due_;        // of what is being done
  Instant connected_;  // when the connection stood
  Instant last_byte_;  // when nothing was left but to close
  LoadStage stage_ = LoadStage::kConnecting;

 private:
  void Connected(Outcome outcome);
  void Sent(Outcome outcome);
  void Received(Outcome outcome);
  // Whether the handler that asks may go on: not while ending, nor after an error.
  bool GoesOn(Outcome outcome);
  void End(bool abort);
  void Settle();

  io::ConnectOp connect_;
  io::SendOp send_;
  io::RecvOp receive_;
  std::unique_ptr<unsigned char[]> buffer_;
  const std::size_t buffer_size_;
  Instant begun_;
  Instant deadline_;
  bool ending_ = false;
  bool failed_ = false;
  bool finished_ = false;
};

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_LOAD_CONNECTION_H_
