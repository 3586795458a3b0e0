// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/far_end.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"

namespace sluice::sim {

using io::sim::World;

std::string Story::ToString() const {
  return absl::StrCat("sent ", sent, fin_sent ? "+FIN" : "", aborted ? "+RST" : "", ", received ",
                      received, saw_fin ? "+FIN" : "", saw_reset ? "+RST" : "",
                      refused ? ", refused" : "", garbled ? ", GARBLED" : "",
                      done ? "" : ", not done");
}

FarEnd::FarEnd(World& world, const Script& script, std::uint64_t other_stream,
               const Address& remote, io::Platform* platform)
    : world_(world),
      script_(script),
      other_stream_(other_stream),
      remote_(remote),
      platform_(platform) {}

FarEnd::FarEnd(World& world, const Script& script, std::uint64_t other_stream,
               io::NativeHandle accepted, io::Platform* platform)
    : world_(world),
      script_(script),
      other_stream_(other_stream),
      platform_(platform),
      handle_(accepted),
      started_(true),
      opened_(world.now()),
      next_(world.now() + script.begins) {
  story_.connected = true;
}

void FarEnd::Finish(bool abort) {
  if (platform_ != nullptr) platform_->OnClosing(handle_);
  if (abort) {
    world_.Abort(handle_);
  } else {
    world_.Close(handle_);
  }
  story_.done = true;
  story_.done_at = world_.now();
}

void FarEnd::Abort() {
  if (story_.done || !started_) {
    story_.done = true;
    return;
  }
  story_.aborted = true;
  story_.aborted_at = world_.now();
  Finish(true);
}

void FarEnd::StepConnect() {
  OsError error;
  if (!started_) {
    started_ = true;
    if (!world_.Open(Family::kV4, &handle_).ok()) {
      story_.done = story_.refused = true;
      return;
    }
    Address to = remote_;
    if (platform_ != nullptr) {
      platform_->OnOpened(handle_, Family::kV4);
      const io::ConnectDecision decision = platform_->OnConnecting(handle_, Address{}, remote_);
      error = decision.error;
      to = decision.remote;
      if (error.ok()) platform_->BeginSyn(handle_);
    }
    if (error.ok()) {
      error = world_.StartConnect(handle_, to);
      local_ = world_.LocalOf(handle_);
      if (platform_ != nullptr) platform_->EndSyn(handle_, error.ok() ? local_ : Address{});
    }
    if (error.ok()) return;
  } else if (!world_.ConnectDone(handle_, &error)) {
    return;
  }
  if (platform_ != nullptr) platform_->OnConnected(handle_, error);
  if (!error.ok()) {
    story_.refused = true;
    return Finish(true);
  }
  story_.connected = true;
  opened_ = world_.now();
  next_ = opened_ + script_.begins;
}

bool FarEnd::WantsAbort() const {
  // An inspector's FIN and then silence: nobody else will end this connection.
  const bool left_alone = model_ != nullptr && model_->closed && story_.saw_fin;
  if (left_alone && script_.finish == Script::Finish::kNever) return true;
  if (story_.sent < std::min(script_.abort_sent, script_.bytes)) return false;
  if (story_.received < script_.abort_received && !story_.saw_fin) return false;
  if (script_.finish == Script::Finish::kFinThenAbort) return story_.fin_sent;
  return script_.finish == Script::Finish::kAbort;
}

bool FarEnd::WantsFin() const {
  if (story_.fin_sent || story_.sent < script_.bytes) return false;
  switch (script_.finish) {
    case Script::Finish::kWhenSent:
    case Script::Finish::kFinThenAbort:
      return true;
    case Script::Finish::kAfterPeer:
      return story_.saw_fin;
    default:
      return false;
  }
}

bool FarEnd::Ready() {
  if (story_.done) return false;
  OsError error;
  if (!started_) return true;
  if (connecting()) return world_.ConnectDone(handle_, &error);
  if (world_.now() < next_) return false;
  const World::ReadResult peek = world_.Peek(handle_);
  if (peek == World::ReadResult::kReset) return true;
  if (Reads() && !story_.saw_fin && peek != World::ReadResult::kNothing) return true;
  if (WantsAbort() || WantsFin()) return true;
  if (story_.fin_sent && story_.saw_fin) return true;
  return story_.sent < script_.bytes && world_.CanWrite(handle_);
}

Instant FarEnd::WakesAt() const {
  if (story_.done || connecting()) return Instant::Never();
  if (world_.now() < next_) return next_;
  return Reads() ? Instant::Never() : opened_ + script_.stall;
}

// True when the end is over.
bool FarEnd::StepRead() {
  std::array<char, 4096> buffer;
  std::size_t count = 0;
  if (!Reads() && world_.Peek(handle_) != World::ReadResult::kReset) return false;
  switch (world_.Read(handle_, buffer.data(), std::min(script_.piece, buffer.size()), &count)) {
    case World::ReadResult::kData:
      for (std::size_t i = 0; i < count; ++i) {
        const std::size_t at = story_.received + i;
        const bool right = model_ != nullptr ? model_->Matches(other_stream_, at, buffer[i])
                                             : buffer[i] == ByteOf(other_stream_, at);
        if (!right) story_.garbled = true;
      }
      story_.received += count;
      story_.active_at = world_.now();
      return false;
    case World::ReadResult::kEnd:
      story_.saw_fin = true;
      story_.active_at = world_.now();
      return false;
    case World::ReadResult::kReset:
      story_.saw_reset = true;
      Finish(true);
      return true;
    case World::ReadResult::kNothing:
      break;
  }
  return false;
}

// True when the end is over.
bool FarEnd::StepWrite() {
  if (story_.sent >= script_.bytes || story_.fin_sent) return false;
  std::array<char, 4096> buffer;
  const std::size_t size = std::min({script_.piece, buffer.size(), script_.bytes - story_.sent});
  for (std::size_t i = 0; i < size; ++i) buffer[i] = ByteOf(script_.stream, story_.sent + i);
  std::size_t count = 0;
  const OsError error = world_.Write(handle_, buffer.data(), size, &count);
  story_.sent += count;
  if (count > 0) story_.active_at = world_.now();
  if (error.ok()) return false;
  story_.saw_reset = true;
  Finish(true);
  return true;
}

void FarEnd::Step() {
  if (connecting()) return StepConnect();
  if (script_.think > 0) {
    const auto think = static_cast<std::uint64_t>(script_.think);
    next_ = world_.now() + static_cast<Nanos>(world_.prng().Below(think));
  }
  if (WantsAbort()) return Abort();
  if (StepRead()) return;
  if (StepWrite()) return;
  if (WantsFin()) {
    if (!world_.ShutdownSend(handle_).ok()) {
      story_.saw_reset = true;
      return Finish(true);
    }
    story_.fin_sent = true;
    story_.active_at = world_.now();
  }
  if (story_.fin_sent && story_.saw_fin && script_.finish != Script::Finish::kFinThenAbort) {
    Finish(false);
  }
}

}  // namespace sluice::sim
