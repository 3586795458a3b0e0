// SPDX-License-Identifier: Apache-2.0
#include "engine/redirect/wfp/probe.h"

#include <array>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/redirect/control_codes.h"

namespace sluice::redirect {
namespace {

constexpr Nanos kPatience = 3 * kSecond;

template <typename Op>
struct Step {
  Step() {
    op.Bind(this, [](void* self, Outcome result) {
      auto* step = static_cast<Step*>(self);
      step->outcome = result;
      step->done = true;
    });
  }
  Op op;
  Outcome outcome;
  bool done = false;
};

class Probe {
 public:
  explicit Probe(io::Port& port) : port_(port), end_(Instant::Now() + kPatience) {}
  ~Probe() {
    for (io::Socket* socket : {&listener_, &client_, &accepted_, &fresh_}) {
      if (socket->is_open()) port_.Close(*socket);
      while (!socket->is_joined()) port_.RunOnce(Instant::Now() + kMillisecond);
    }
    if (accept_.outcome.ok() && accept_.done && !taken_)
      io::Port::Discard(accept_.op.Take(), port_.platform());
  }

  absl::Status Connect();
  absl::StatusOr<ProbeResult> Ask();

 private:
  // False at the end of patience.
  bool Await(const bool& done) {
    while (!done && Instant::Now() < end_) port_.RunOnce(Instant::Now() + 5 * kMillisecond);
    return done;
  }

  io::Port& port_;
  const Instant end_;
  bool taken_ = false;
  std::array<std::byte, kRecordsFirst> buffer_{};
  Step<io::AcceptOp> accept_;
  Step<io::ConnectOp> connect_;
  Step<io::ControlOp> query_;
  Step<io::ControlOp> set_;
  io::Socket listener_;
  io::Socket client_;
  io::Socket accepted_;
  io::Socket fresh_;
};

absl::Status Failed(const char* what, OsError error) {
  return absl::UnavailableError(absl::StrCat("redirect probe: ", what, ": ", error.ToString()));
}

absl::Status Probe::Connect() {
  OsError error = port_.Listen(listener_, Address::Loopback(Family::kV4, 0), io::ListenOptions());
  if (!error.ok()) return Failed("cannot listen on loopback", error);
  error = port_.Open(client_, Family::kV4);
  if (!error.ok()) return Failed("cannot open a socket", error);
  port_.Accept(accept_.op, listener_);
  port_.Connect(connect_.op, client_, listener_.local());
  if (!Await(connect_.done) || !Await(accept_.done)) {
    return absl::UnavailableError(
        "redirect probe: a loopback connection does not arrive; something redirects it, so probe "
        "before "
        "arming the driver, or exempt this process");
  }
  if (!connect_.outcome.ok()) return Failed("cannot connect to loopback", connect_.outcome.error);
  if (!accept_.outcome.ok()) return Failed("cannot accept", accept_.outcome.error);
  taken_ = true;
  error = port_.Adopt(accepted_, accept_.op.Take());
  if (!error.ok()) return Failed("cannot adopt the accepted socket", error);
  error = port_.Open(fresh_, Family::kV4);
  if (!error.ok()) return Failed("cannot open a socket", error);
  return absl::OkStatus();
}

absl::StatusOr<ProbeResult> Probe::Ask() {
  // Not a blob of anybody: too short for any header.
  static constexpr std::array<std::byte, 8> kNonsense{};
  port_.Control(query_.op, accepted_, kQueryRedirectRecords, {}, absl::MakeSpan(buffer_));
  port_.Control(set_.op, fresh_, kSetRedirectRecords, kNonsense, {});
  if (!Await(query_.done) || !Await(set_.done)) {
    return absl::DeadlineExceededError("redirect probe: the redirect service does not answer");
  }
  ProbeResult result;
  result.query = NormaliseQuery(query_.outcome, static_cast<std::uint32_t>(buffer_.size())).meaning;
  result.query_error = query_.outcome.error;
  result.set = NormaliseSet(set_.outcome);
  result.set_error = set_.outcome.error;
  return result;
}

}  // namespace

bool ProbeResult::Armed() const {
  const bool answers =
      query == Meaning::kAbsent || query == Meaning::kEmpty || query == Meaning::kOk;
  return answers && set != Meaning::kDenied && set != Meaning::kUnsupported;
}

std::string ProbeResult::ToString() const {
  std::string text =
      absl::StrCat("redirect service: query ", MeaningText(query), ", set ", MeaningText(set));
  if (query == Meaning::kUnsupported || set == Meaning::kUnsupported) {
    absl::StrAppend(&text, "; this system, or a layered provider, lacks the control codes");
  } else if (query == Meaning::kDenied || set == Meaning::kDenied) {
    absl::StrAppend(&text, "; not elevated: run as a service or as administrator");
  } else if (!Armed()) {
    absl::StrAppend(&text, "; ", query_error.ToString());
  }
  return text;
}

absl::StatusOr<ProbeResult> ProbeRedirectService(const io::PortOptions& options) {
  absl::StatusOr<std::unique_ptr<io::Port>> port = io::Port::Create(options);
  if (!port.ok()) return port.status();
  Probe probe(**port);
  const absl::Status connected = probe.Connect();
  if (!connected.ok()) return connected;
  return probe.Ask();
}

}  // namespace sluice::redirect
