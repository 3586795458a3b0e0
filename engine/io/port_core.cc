// SPDX-License-Identifier: Apache-2.0
#include "engine/io/port_core.h"

#include "engine/base/check.h"
#include "engine/io/control_status.h"

namespace sluice::io {
namespace {

// ERROR_MR_MID_NOT_FOUND: what Windows gives for a status that its table does not have.
constexpr std::uint32_t kNoSuchMessage = 317;

}  // namespace

void PortCore::Arm(Operation& operation, Verb verb, Socket* socket) {
  SLUICE_CHECK(operation.state_ == Operation::State::kIdle);
  SLUICE_CHECK(operation.handler_ != nullptr);
  operation.state_ = Operation::State::kArmed;
  operation.verb_ = verb;
  operation.socket_ = socket;
  operation.cancelled_ = false;
  operation.backend_ = 0;
  if (socket != nullptr) {
    SLUICE_CHECK(socket->is_open());
    socket->operations_.PushBack(operation);
  }
  armed_.PushBack(operation);
  ++stats_.armed;
  SLUICE_TSAN_RELEASE(&operation);
}

void PortCore::Finish(Operation& operation, Outcome outcome) {
  SLUICE_TSAN_ACQUIRE(&operation);
  SLUICE_CHECK(operation.state_ == Operation::State::kArmed);
  armed_.Remove(operation);
  operation.state_ = Operation::State::kDone;
  operation.outcome_ = outcome;
  ready_.PushBack(operation);
}

bool PortCore::MarkCancelled(Operation& operation) {
  if (operation.state_ != Operation::State::kArmed) return false;
  if (operation.cancelled_) return false;
  operation.cancelled_ = true;
  return true;
}

Outcome PortCore::ControlOutcome(ControlReply reply, bool at_once) {
  std::uint32_t number = reply.literal;
  if (reply.status == kStatusSuccess) {
    number = 0;
  } else if (number == 0) {
    number = at_once ? WinsockNumber(reply.status) : Win32Number(reply.status);
    if (number == kUnknownNumber) number = kNoSuchMessage;
  }
  const OsError error{CodeOfWindowsNumber(number), static_cast<std::int32_t>(number)};
  return Outcome{reply.information, error};
}

// done -> idle. Gives the socket's handle back if this was the last operation of a closing socket.
void PortCore::Release(Operation& operation) {
  SLUICE_CHECK(operation.state_ == Operation::State::kDone);
  ready_.Remove(operation);
  Socket* socket = operation.socket_;
  operation.state_ = Operation::State::kIdle;
  operation.verb_ = Verb::kNone;
  operation.socket_ = nullptr;
  --stats_.armed;
  if (socket != nullptr) {
    socket->operations_.Remove(operation);
    if (socket->closing_) CloseIfJoined(*socket);
  }
}

// From its handler on the operation may be started again, or be gone.
void PortCore::Deliver(Operation& operation) {
  const Operation::Handler handler = operation.handler_;
  void* owner = operation.owner_;
  const Outcome outcome = operation.outcome_;
  Release(operation);
  ++stats_.handlers;
  handler(owner, outcome);
}

int PortCore::Dispatch(int limit) {
  int ran = 0;
  // What handlers make ready while this runs waits for the next turn, so that a chain of immediate
  // outcomes cannot keep the loop from its timers.
  std::size_t ready = ready_.size();
  // Outcomes that never cease must not starve messages: they keep a share of each turn, and of a
  // turn of one handler every other turn.
  message_turn_ = !message_turn_;
  int message_share = 0;
  if (messages_.HasWork() && (limit > 1 || message_turn_))
    message_share = limit / 8 > 0 ? limit / 8 : 1;
  while (ready > 0 && ran < limit - message_share) {
    Operation* operation = ready_.Front();
    SLUICE_CHECK(operation != nullptr);
    Deliver(*operation);
    --ready;
    ++ran;
  }
  if (ran < limit) ran += messages_.Run(limit - ran);
  return ran;
}

void PortCore::Attach(Socket& socket, NativeHandle handle, Family family) {
  SLUICE_CHECK(socket.is_joined());
  socket.handle_ = handle;
  socket.family_ = family;
  socket.closing_ = false;
  socket.abort_on_close_ = false;
  socket.bound_ = false;
  socket.skip_on_success_ = false;
  socket.send_shut_ = false;
  socket.drained_ = false;
  socket.readable_ = false;
  socket.nonblocking_ = false;
  socket.sent_ = false;
  socket.nagle_ = Socket::Nagle::kOff;
  socket.local_ = Address{};
  socket.local_unasked_ = false;
  socket.peer_ = Address{};
  ++stats_.sockets;
}

void PortCore::CloseIfJoined(Socket& socket) {
  if (!socket.operations_.empty()) return;
  SLUICE_CHECK(socket.handle_ != kNoHandle);
  close_handle_(backend_, socket);
  socket.handle_ = kNoHandle;
  socket.local_unasked_ = false;
  socket.closing_ = false;
  --stats_.sockets;
}

bool PortCore::HoldsSend(Socket& socket) {
  bool holds = false;
  socket.operations_.ForEach(
      [&](const Operation& operation) { holds = holds || operation.verb_ == Verb::kSend; });
  return holds;
}

void PortCore::DropReady() {
  while (Operation* operation = ready_.Front()) Release(*operation);
}

bool PortCore::PrepareSleep() {
  int expected = kAwake;
  if (sleep_.compare_exchange_strong(expected, kAsleep, std::memory_order_seq_cst)) {
    // A message pushed before the state changed saw an awake owner and did not kick.
    if (!messages_.HasWork()) return true;
  }
  sleep_.store(kAwake, std::memory_order_release);
  return false;
}

bool PortCore::NeedsKick() {
  if (sleep_.exchange(kNotified, std::memory_order_seq_cst) != kAsleep) return false;
  kicks_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

PortStats PortCore::Snapshot() const {
  PortStats snapshot = stats_;
  snapshot.wakes = kicks_.load(std::memory_order_relaxed);
  return snapshot;
}

}  // namespace sluice::io
