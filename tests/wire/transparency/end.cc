// SPDX-License-Identifier: Apache-2.0
#if !defined(_WIN32)

#include "tests/wire/transparency/end.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "tests/wire/sockets.h"

namespace sluice::wire::transparency {
namespace {

constexpr std::size_t kPiece = 65536;
constexpr std::size_t kSlowPiece = 16384;
// Whoever is not blocked, or not reset, after so much never will be.
constexpr std::size_t kEnough = 256u << 20;
// A socket that takes nothing for so long is blocked.
constexpr Duration kBlockedAfter{100};

// What an end says, over and over. Its length has no common factor with any piece, so a byte that
// is lost, doubled or moved is seen.
const std::string& Speech(int end) {
  static const std::string* speeches[2] = {new std::string(Bytes((1u << 18) - 5, 11)),
                                           new std::string(Bytes((1u << 18) - 5, 12))};
  return *speeches[end];
}

}  // namespace

void Stage::Tell(int end, char mark) {
  const std::lock_guard<std::mutex> lock(mutex_);
  said_[end].marks += mark;
  changed_.notify_all();
}

void Stage::SetBlocked(int end) {
  const std::lock_guard<std::mutex> lock(mutex_);
  said_[end].blocked = true;
  changed_.notify_all();
}

void Stage::SetThrough(int end) {
  const std::lock_guard<std::mutex> lock(mutex_);
  said_[end].through = true;
  changed_.notify_all();
}

template <typename Condition>
void Stage::WaitFor(TimePoint deadline, Condition condition) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait_until(lock, deadline, condition);
}

void Stage::Hear(int end, char mark, TimePoint deadline) {
  const Said& other = said_[1 - end];
  WaitFor(deadline, [&] { return other.through || other.marks.find(mark) != std::string::npos; });
}

void Stage::HearBlocked(int end, TimePoint deadline) {
  const Said& other = said_[1 - end];
  WaitFor(deadline, [&] { return other.through || other.blocked; });
}

End::End(Role role, Stage& stage, const Conditions& conditions, std::string address,
         Listener* listener)
    : role_(role),
      stage_(stage),
      conditions_(conditions),
      address_(std::move(address)),
      listener_(listener),
      random_(conditions.seed * 2 + static_cast<std::uint32_t>(role)) {}

End::~End() {
  if (fd_ >= 0) close(fd_);
}

void End::Run(const Steps& steps) {
  small_buffer_ = std::any_of(steps.begin(), steps.end(),
                              [](const Step& step) { return step.verb == Verb::kSmallBuffer; });
  for (const Step& step : steps) {
    Jitter();
    TakeControl(step);
    if (!broken_) Take(step);
  }
  stage_.SetThrough(role_);
}

void End::Jitter() {
  if (conditions_.jitter_max.count() == 0) return;
  std::uniform_int_distribution<long> delay(0, static_cast<long>(conditions_.jitter_max.count()));
  std::this_thread::sleep_for(std::chrono::microseconds(delay(random_)));
}

// What an end also does when its connection is gone: the other one may wait for it.
void End::TakeControl(const Step& step) {
  switch (step.verb) {
    case Verb::kTell:
      return stage_.Tell(role_, step.mark);
    case Verb::kHear:
      return stage_.Hear(role_, step.mark, In(4 * conditions_.step_limit));
    case Verb::kHearBlocked:
      return stage_.HearBlocked(role_, In(4 * conditions_.step_limit));
    default:
      return;
  }
}

void End::Take(const Step& step) {
  switch (step.verb) {
    case Verb::kConnect:
      return Connect();
    case Verb::kAccept:
      return Accept();
    case Verb::kSend:
      return Send(step.amount, kPiece);
    case Verb::kDribble:
      return Send(step.amount, 1);
    case Verb::kExchange:
      return Exchange(step.amount);
    case Verb::kSendUntilBlocked:
      return SendUntilBlocked();
    case Verb::kSendUntilReset:
      return SendUntilReset(kPiece);
    case Verb::kPokeUntilReset:
      return SendUntilReset(1);
    case Verb::kShutdown:
      shutdown(fd_, SHUT_WR);
      return;
    case Verb::kClose:
      return Leave(false);
    case Verb::kReset:
      return Leave(true);
    case Verb::kReceive:
      return Receive(step.amount);
    case Verb::kReceiveEnd:
    case Verb::kReceiveAllToEnd:
    case Verb::kReceiveSome:
    case Verb::kReceiveSlowly:
      return ReceiveEnd(step.verb);
    case Verb::kAwaitReadable:
      if (Await(fd_, POLLIN, StepDeadline()) == 0) Break("nothing to read");
      return;
    case Verb::kAwaitReset:
      return AwaitReset();
    case Verb::kExpectQuiet:
      return ExpectQuiet(step.amount);
    case Verb::kRest:
      std::this_thread::sleep_for(Duration(step.amount));
      return;
    case Verb::kSmallBuffer:
    case Verb::kTell:
    case Verb::kHear:
    case Verb::kHearBlocked:
      return;
  }
}

void End::Connect() {
  fd_ = ConnectTo(address_, small_buffer_, StepDeadline());
  if (fd_ >= 0) return Note("connected");
  if (errno == ECONNREFUSED) return Break("refused");
  // A reset before the connection stands is a refusal; this one came right behind it.
  if (errno == ECONNRESET) Note("connected");
  BreakByErrno();
}

void End::Accept() {
  fd_ = listener_->Accept(StepDeadline());
  if (fd_ < 0) return Break("no connection");
  if (small_buffer_) SetSmallReceiveBuffer(fd_);
  Note("accepted");
}

std::size_t End::SendOnce(std::size_t size_max) {
  const std::string& speech = Speech(role_);
  const std::size_t at = sent_ % speech.size();
  const ssize_t n = send(fd_, speech.data() + at, std::min(size_max, speech.size() - at),
                         MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n < 0) {
    if (errno != EAGAIN) BreakByErrno();
    return 0;
  }
  sent_ += static_cast<std::size_t>(n);
  stage_.AddSent(role_, static_cast<std::size_t>(n));
  return static_cast<std::size_t>(n);
}

std::size_t End::ReceiveOnce(std::size_t size_max) {
  char buffer[kPiece];
  const ssize_t n = recv(fd_, buffer, std::min(sizeof(buffer), size_max), MSG_DONTWAIT);
  if (n < 0) {
    if (errno != EAGAIN) BreakByErrno();
    return 0;
  }
  if (n == 0) {
    fin_seen_ = true;
    return 0;
  }
  const std::string& speech = Speech(1 - role_);
  for (std::size_t i = 0; i < static_cast<std::size_t>(n);) {
    const std::size_t at = (received_ + i) % speech.size();
    const std::size_t part = std::min(static_cast<std::size_t>(n) - i, speech.size() - at);
    if (std::memcmp(buffer + i, speech.data() + at, part) != 0) Break("WRONG BYTES");
    i += part;
  }
  received_ += static_cast<std::size_t>(n);
  return static_cast<std::size_t>(n);
}

void End::Send(std::size_t bytes, std::size_t piece_max) {
  while (bytes > 0 && !broken_) {
    if ((Await(fd_, POLLOUT, StepDeadline())) == 0) return Break("send: time is up");
    bytes -= SendOnce(std::min(bytes, piece_max));
  }
}

void End::SendUntilBlocked() {
  while (!broken_ && sent_ < kEnough) {
    if (Await(fd_, POLLOUT, In(kBlockedAfter)) == 0) return stage_.SetBlocked(role_);
    SendOnce(kPiece);
  }
  if (!broken_) Break("never blocked");
}

void End::SendUntilReset(std::size_t piece) {
  while (!broken_ && sent_ < kEnough) {
    if (Await(fd_, POLLOUT, StepDeadline()) == 0) return Break("send: time is up");
    SendOnce(piece);
    if (piece == 1) {
      std::this_thread::sleep_for(Duration(1));
      if (sent_ > 2000) return Break("never reset");
    }
  }
  if (!broken_) Break("never reset");
}

void End::Exchange(std::size_t bytes) {
  std::size_t to_send = bytes;
  const std::size_t until = received_ + bytes;
  while (!broken_ && (to_send > 0 || received_ < until)) {
    const short wanted =
        static_cast<short>((to_send > 0 ? POLLOUT : 0) | (received_ < until ? POLLIN : 0));
    if (Await(fd_, wanted, StepDeadline()) == 0) return Break("exchange: time is up");
    if (to_send > 0) to_send -= SendOnce(std::min(to_send, kPiece));
    if (!broken_ && received_ < until) ReceiveOnce(until - received_);
    if (fin_seen_) return Break("FIN");
  }
}

void End::Receive(std::size_t bytes) {
  const std::size_t until = received_ + bytes;
  while (!broken_ && received_ < until) {
    if (Await(fd_, POLLIN, StepDeadline()) == 0) return Break("receive: time is up");
    ReceiveOnce(until - received_);
    if (fin_seen_) return Break("FIN");
  }
}

void End::ReceiveEnd(Verb verb) {
  const bool slow = verb == Verb::kReceiveSlowly;
  reading_ = verb;
  while (!broken_) {
    if (Await(fd_, POLLIN, StepDeadline()) == 0) return Break("receive: time is up");
    const std::size_t got = ReceiveOnce(slow ? kSlowPiece : kPiece);
    if (fin_seen_) return Note("FIN");
    if (slow && got > 0) std::this_thread::sleep_for(Duration(1));
  }
}

void End::NoteReceived() {
  if (received_ == noted_) return;
  std::string what = std::to_string(received_ - noted_) + " bytes, ";
  if (reading_ == Verb::kReceiveAllToEnd) {
    what = received_ == stage_.sent(1 - role_) ? "all bytes, " : "NOT ALL BYTES, ";
  }
  if (reading_ == Verb::kReceiveSome) what.clear();
  noted_ = received_;
  events_ += what;
}

void End::AwaitReset() {
  // Not stretched by patience: where it is known that none comes, that would only take longer.
  const short came = Await(fd_, 0, std::chrono::steady_clock::now() + conditions_.step_limit);
  if (came == 0) return Break("no reset");
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
  errno = error;
  if (error == 0) return Break("closed without a reset");
  BreakByErrno();
}

void End::ExpectQuiet(std::size_t milliseconds) {
  if (Await(fd_, POLLIN, In(Duration(milliseconds))) != 0) Note("not quiet");
}

void End::Note(const std::string& event) {
  if (!events_.empty()) events_ += ", ";
  NoteReceived();
  events_ += event;
}

void End::Break(const std::string& event) {
  broken_ = true;
  Note(event);
}

// A send that meets a reset says EPIPE if it is not the first to hear of it.
void End::BreakByErrno() {
  if (errno == ECONNRESET || errno == EPIPE || errno == ECONNABORTED) return Break("RST");
  Break(std::strerror(errno));
}

void End::Leave(bool reset) {
  Note(reset ? "resets" : "closes");
  const int fd = std::exchange(fd_, -1);
  if (reset) {
    CloseWithReset(fd);
  } else {
    close(fd);
  }
  broken_ = true;
}

}  // namespace sluice::wire::transparency

#endif
