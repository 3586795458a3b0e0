// SPDX-License-Identifier: Apache-2.0
#include "engine/net/connector.h"

namespace sluice::net {

Connector::Connector() {
  operation_.Bind<&Connector::OnOutcome>(this);
  timer_.Bind<&Connector::OnDeadline>(this);
}

void Connector::Start(io::Port& port, io::TimerWheel& timers, io::Socket& socket,
                      const Address& remote, Instant deadline) {
  port_ = &port;
  timers_ = &timers;
  timed_out_ = false;
  timers.Start(timer_, deadline);
  port.Connect(operation_, socket, remote);
}

void Connector::Cancel() {
  if (port_ != nullptr) port_->Cancel(operation_);
}

void Connector::OnDeadline() {
  timed_out_ = true;
  port_->Cancel(operation_);
}

void Connector::OnOutcome(Outcome outcome) {
  timers_->Stop(timer_);
  OsError error = outcome.error;
  if (timed_out_ && error.code == ErrorCode::kAborted) error.code = ErrorCode::kTimedOut;
  handler_(owner_, error);
}

Address SourceList::Next(Family family) {
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    const Address& source = sources_[next_];
    next_ = (next_ + 1) % sources_.size();
    if (source.family() == family) return source;
  }
  return Address{};
}

}  // namespace sluice::net
