// SPDX-License-Identifier: Apache-2.0
//
// RandomInspector: says anything that an inspector may say, and some of what it may not; at once or
// later, twice, or never. It writes down what must come of it, by connection and direction.
//
// Either it alters streams or it leaves them as they are; when it alters them it either pends or
// injects across directions: what was injected while an answer is on its way has no order that
// could be foretold.
#ifndef SLUICE_TESTS_SIM_RANDOM_INSPECTOR_H_
#define SLUICE_TESTS_SIM_RANDOM_INSPECTOR_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/io/sim/world.h"
#include "sluice/inspector.h"
#include "tests/sim/stream_model.h"

namespace sluice::sim {

struct RandomVerdicts {
  bool alters = false;  // else what arrives is what was sent
  bool pends = false;
  bool injects = false;
  bool rude = false;            // throws, and says what it may not; only where `alters`
  unsigned never_answered = 0;  // per mille
};

class RandomInspector final : public Inspector {
 public:
  // Connection i goes to TCP port `first_port` + i; its streams are 2i and 2i + 1.
  RandomInspector(io::sim::World& world, const RandomVerdicts& may, std::size_t connections,
                  std::uint16_t first_port)
      : world_(world), may_(may), first_port_(first_port), models_(connections * 2) {}

  Verdict OnOpen(InspectedFlow& flow, OpenCall& call) override;
  Verdict OnData(InspectedFlow& flow, Direction direction, Bytes& data, DataCall& call) override;
  void OnEnd(InspectedFlow& flow, InspectionEnd end) override;

  bool HasTokens() const { return !tokens_.empty(); }
  // Answers one, any.
  void AnswerOne();
  void ForgetAll() { tokens_.clear(); }

  const StreamModel& model(std::size_t connection, Direction direction) const {
    return models_[connection * 2 + static_cast<std::size_t>(direction)];
  }
  const std::vector<std::string>& complaints() const { return complaints_; }
  // Of OnOpen that no OnEnd followed.
  int open() const { return open_; }

 private:
  // A verdict that is owed.
  struct Owed {
    Pending token;
    std::size_t connection = 0;
    bool opening = false;
    bool must_decide = false;
    Direction direction = Direction::kUp;
    std::string text;
  };

  StreamModel& Model(std::size_t connection, Direction direction) {
    return models_[connection * 2 + static_cast<std::size_t>(direction)];
  }
  std::size_t IndexOf(const InspectedFlow& flow) const;
  std::size_t Below(std::size_t bound) {
    return static_cast<std::size_t>(world_.prng().Below(bound));
  }
  std::string SomeText();
  void Alter() { world_.CountFault(); }
  void Detached(std::size_t connection);
  void Closed(std::size_t connection);
  void CheckData(StreamModel& model, std::uint64_t stream, const std::string& text);
  Verdict Rude();
  Verdict PassOn(StreamModel& model, const std::string& text, DataCall& call);
  Verdict Replace(StreamModel& model, Bytes& data, const std::string& text, DataCall& call);
  Verdict Change(StreamModel& model, Bytes& data, std::string text);
  Verdict Pend(std::size_t connection, Direction direction, const std::string& text,
               DataCall& call);
  void Inject(std::size_t connection, DataCall& call);
  void AnswerOpening(Owed owed);
  void AnswerData(Owed owed);
  void CheckAnswered(Pending& token, bool counted);

  io::sim::World& world_;
  const RandomVerdicts may_;
  const std::uint16_t first_port_;
  std::vector<StreamModel> models_;
  std::vector<bool> kept_ = std::vector<bool>(models_.size());  // bytes were shared and kept
  std::vector<Owed> tokens_;
  std::vector<std::string> complaints_;
  int open_ = 0;
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_RANDOM_INSPECTOR_H_
