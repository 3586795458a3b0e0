// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/random_inspector.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"

namespace sluice::sim {
namespace {

std::string TextOf(const Bytes& data) {
  std::string text;
  Bytes::Position at;
  for (absl::string_view slice; data.Next(&at, &slice);) text.append(slice.data(), slice.size());
  return text;
}

}  // namespace

std::size_t RandomInspector::IndexOf(const InspectedFlow& flow) const {
  const std::size_t index = flow.destination.tcp_port() - first_port_;
  SLUICE_CHECK(index * 2 < models_.size());
  return index;
}

std::string RandomInspector::SomeText() {
  return std::string(1 + Below(world_.Chance(50) ? 3000 : 20), static_cast<char>('A' + Below(26)));
}

void RandomInspector::Detached(std::size_t connection) {
  Model(connection, Direction::kUp).raw = true;
  Model(connection, Direction::kDown).raw = true;
}

void RandomInspector::Closed(std::size_t connection) {
  Alter();
  Model(connection, Direction::kUp).closed = true;
  Model(connection, Direction::kDown).closed = true;
}

Verdict RandomInspector::Rude() {
  Alter();
  if (world_.Chance(500)) throw std::runtime_error("a mistake");
  return static_cast<Verdict>(200);
}

Verdict RandomInspector::OnOpen(InspectedFlow& flow, OpenCall& call) {
  ++open_;
  const std::size_t index = IndexOf(flow);
  const bool picks = world_.Chance(200);
  const bool up = !picks || world_.Chance(500);
  const bool down = !picks || world_.Chance(500);
  if (picks) call.Look(up, down);
  Model(index, Direction::kUp).raw = !up;
  Model(index, Direction::kDown).raw = !down;
  if (may_.rude && world_.Chance(30)) return Rude();
  if (may_.alters && world_.Chance(30)) {
    Alter();
    if (world_.Chance(500)) return Verdict::kReset;
    Closed(index);
    return Verdict::kClose;
  }
  if (world_.Chance(50)) {
    Detached(index);
    return Verdict::kDetach;
  }
  if (may_.pends && world_.Chance(200)) {
    Owed owed;
    owed.token = call.TakeLater();
    owed.connection = index;
    owed.opening = true;
    if (!owed.token) Alter();
    tokens_.push_back(std::move(owed));
    return Verdict::kPend;
  }
  return Verdict::kPass;
}

void RandomInspector::OnEnd(InspectedFlow& flow, InspectionEnd end) {
  (void)flow;
  (void)end;
  --open_;
}

void RandomInspector::CheckData(StreamModel& model, std::uint64_t stream, const std::string& text) {
  if (model.raw && !model.answered_raw)
    complaints_.push_back("asked about a direction that nobody looks at");
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ByteOf(stream, model.in + i)) continue;
    complaints_.push_back(
        absl::StrCat("stream ", stream, ": asked about bytes that were not sent"));
    return;
  }
}

// All but what it keeps.
Verdict RandomInspector::PassOn(StreamModel& model, const std::string& text, DataCall& call) {
  std::size_t keep = world_.Chance(300) ? Below(text.size() + 1) : 0;
  call.Keep(keep);
  // Not heard: all goes on.
  if (keep > call.keep_max()) keep = 0;
  model.out += text.substr(0, text.size() - keep);
  model.in += text.size() - keep;
  return Verdict::kPass;
}

Verdict RandomInspector::Replace(StreamModel& model, Bytes& data, const std::string& text,
                                 DataCall& call) {
  std::string out;
  for (std::size_t parts = Below(4); parts > 0; --parts) {
    if (!may_.alters || world_.Chance(300)) {
      const std::string copy = SomeText();
      if (may_.alters && call.replacement().AppendCopy(copy)) out += copy;
      continue;
    }
    const std::size_t offset = Below(text.size() + 1);
    const std::size_t count = Below(text.size() - offset + 1);
    if (call.replacement().Append(data, offset, count)) out += text.substr(offset, count);
  }
  if (!may_.alters) {
    // The same again, in pieces.
    call.replacement().Clear();
    out.clear();
    const std::size_t cut = Below(text.size() + 1);
    if (!call.replacement().Append(data, 0, cut)) return PassOn(model, text, call);
    if (!call.replacement().Append(data, cut, text.size() - cut)) return PassOn(model, text, call);
    out = text;
  }
  std::size_t keep = may_.alters && world_.Chance(300) ? Below(text.size() + 1) : 0;
  call.Keep(keep);
  model.out += out;
  model.in += text.size() - keep;
  if (keep > call.keep_max()) {
    model.out += text.substr(text.size() - keep);
    model.in += keep;
    keep = 0;
  }
  if (keep > 0) kept_[static_cast<std::size_t>(&model - models_.data())] = true;
  return Verdict::kReplace;
}

// In place. Not where the bytes may have been shared with what was sent before.
Verdict RandomInspector::Change(StreamModel& model, Bytes& data, std::string text) {
  Bytes::Position at;
  char* bytes = nullptr;
  std::size_t size = 0;
  while (data.MutableNext(&at, &bytes, &size)) {
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(bytes[i] ^ 0x20);
  }
  for (char& byte : text) byte = static_cast<char>(byte ^ 0x20);
  model.out += text;
  model.in += text.size();
  return Verdict::kPass;
}

Verdict RandomInspector::Pend(std::size_t connection, Direction direction, const std::string& text,
                              DataCall& call) {
  Owed owed;
  owed.token = call.TakeLater();
  // A full desk, or somebody who never answers: the engine's default is a reset.
  if (!owed.token) Alter();
  owed.connection = connection;
  owed.direction = direction;
  owed.text = text;
  owed.must_decide = call.must_decide();
  tokens_.push_back(std::move(owed));
  return Verdict::kPend;
}

void RandomInspector::Inject(std::size_t connection, DataCall& call) {
  const Direction to = world_.Chance(500) ? Direction::kUp : Direction::kDown;
  StreamModel& model = Model(connection, to);
  if (model.raw || model.closed) return;
  const std::string text = SomeText();
  if (!call.Inject(to, text)) return;
  Alter();
  model.out += text;
}

Verdict RandomInspector::OnData(InspectedFlow& flow, Direction direction, Bytes& data,
                                DataCall& call) {
  const std::size_t index = IndexOf(flow);
  StreamModel& model = Model(index, direction);
  const std::string text = TextOf(data);
  SLUICE_CHECK(!text.empty());
  CheckData(model, index * 2 + static_cast<std::size_t>(direction), text);
  if (call.ended() && !call.must_decide()) complaints_.push_back("ended, and may still wait");
  if (may_.injects && world_.Chance(200)) Inject(index, call);
  switch (Below(12)) {
    case 0:
    case 1:
      if (!call.must_decide()) return Verdict::kMore;
      model.out += text;
      model.in += text.size();
      model.raw = true;
      return Verdict::kMore;
    case 2:
    case 3:
      return Replace(model, data, text, call);
    case 4:
      if (!may_.alters) break;
      Alter();
      model.in += text.size();
      return Verdict::kDrop;
    case 5:
      if (!may_.alters || kept_[static_cast<std::size_t>(&model - models_.data())]) break;
      Alter();
      return Change(model, data, text);
    case 6:
      if (!world_.Chance(300)) break;
      model.out += text;
      model.in += text.size();
      Detached(index);
      return Verdict::kDetach;
    case 7:
      if (!may_.alters || !world_.Chance(300)) break;
      if (world_.Chance(300)) {
        Alter();
        return Verdict::kReset;
      }
      Closed(index);
      return Verdict::kClose;
    case 8:
      if (!may_.rude || !world_.Chance(300)) break;
      return Rude();
    case 9:
    case 10:
      if (may_.pends) return Pend(index, direction, text, call);
      break;
    default:
      break;
  }
  return PassOn(model, text, call);
}

void RandomInspector::CheckAnswered(Pending& token, bool counted) {
  if (counted && token.Resolve(Verdict::kPass)) {
    complaints_.push_back("a pending verdict was resolved twice");
  }
}

void RandomInspector::AnswerOpening(Owed owed) {
  Verdict verdict = Verdict::kPass;
  if (world_.Chance(100)) verdict = Verdict::kDetach;
  if (may_.alters && world_.Chance(100)) {
    Alter();
    verdict = world_.Chance(500) ? Verdict::kClose : Verdict::kReset;
  }
  const bool counted = owed.token.Resolve(verdict);
  if (counted && verdict == Verdict::kDetach) Detached(owed.connection);
  if (counted && verdict == Verdict::kClose) Closed(owed.connection);
  CheckAnswered(owed.token, counted);
}

void RandomInspector::AnswerData(Owed owed) {
  StreamModel& model = Model(owed.connection, owed.direction);
  Answer answer;
  std::string out = owed.text;
  std::size_t in = owed.text.size();
  const std::size_t roll = Below(10);
  if (roll == 0) {
    answer.verdict = Verdict::kMore;
    // Else all is sent, and nobody is asked again.
    if (!owed.must_decide) {
      out.clear();
      in = 0;
    }
  } else if (roll == 1) {
    answer.verdict = Verdict::kDetach;
  } else if (roll < 6 && may_.alters) {
    Alter();
    constexpr Verdict kAltering[] = {Verdict::kDrop, Verdict::kReplace, Verdict::kClose,
                                     Verdict::kReset};
    answer.verdict = kAltering[roll - 2];
    out.clear();
    if (answer.verdict == Verdict::kReplace) out = answer.replacement = SomeText();
  }
  const Verdict verdict = answer.verdict;
  const bool counted = owed.token.Resolve(std::move(answer));
  CheckAnswered(owed.token, counted);
  if (!counted) return;
  model.out += out;
  model.in += in;
  if (verdict == Verdict::kMore && owed.must_decide) model.raw = model.answered_raw = true;
  if (verdict == Verdict::kDetach) {
    Detached(owed.connection);
    for (const Direction direction : {Direction::kUp, Direction::kDown}) {
      Model(owed.connection, direction).answered_raw = true;
    }
  }
  if (verdict == Verdict::kClose) Closed(owed.connection);
}

void RandomInspector::AnswerOne() {
  const std::size_t index = Below(tokens_.size());
  std::swap(tokens_[index], tokens_.back());
  Owed owed = std::move(tokens_.back());
  tokens_.pop_back();
  if (world_.Chance(may_.never_answered)) {
    // Given up: the default.
    Alter();
    return;
  }
  if (owed.opening) return AnswerOpening(std::move(owed));
  AnswerData(std::move(owed));
}

}  // namespace sluice::sim
