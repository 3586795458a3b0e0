// SPDX-License-Identifier: Apache-2.0
//
// Evaluation: one connect going through the sublayers of a layer: arbitration, the chain of request
// versions, and the rules a callout must keep. Lives on the stack of one connect; one thread.
//
// Arbitration: sublayers by falling weight, every one of them, also after a block; inside one,
// filters by falling weight until a terminating action. A soft decision (write right left) may be
// replaced by a later one, a hard one only by a veto: a BLOCK without the right to write.
#ifndef SLUICE_REDIRECT_EMULATED_EVALUATION_H_
#define SLUICE_REDIRECT_EMULATED_EVALUATION_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "engine/redirect/emulated/config.h"
#include "engine/redirect/emulated/counters.h"
#include "engine/redirect/emulated/hop.h"

namespace sluice::emulated {

class Evaluation final : public RequestAccess {
 public:
  // `trace` may be null; otherwise a step is added for each traced filter that matches.
  Evaluation(const Config& config, const HopList& records, Counters& counters, TraceRecord* trace)
      : config_(config), records_(records), counters_(counters), trace_(trace) {}
  Evaluation(const Evaluation&) = delete;
  Evaluation& operator=(const Evaluation&) = delete;
  // What callouts allocated and lost is reported.
  ~Evaluation();

  // Runs all sublayers once: kBlock, or kPermit (the default when nobody decides).
  Action Run(const std::vector<Sublayer>& sublayers, ClassifyValues values);

  // The newest committed version; null: nobody changed the request.
  const ConnectRequest* winner() const {
    return committed_ == 0 ? nullptr : &*versions_[committed_ - 1];
  }
  // The bytes of a context that the platform owns. Moves them out.
  std::string TakeContext(ContextId context);
  // A callout acquired the request and never applied it: the classify does not end.
  bool stuck() const { return stuck_; }

  RedirectState QueryState(HandleId self, std::string* context) override;
  ConnectRequest* Acquire() override;
  void Apply() override;
  void Release() override;
  ContextId AllocateContext(absl::string_view bytes) override;
  void FreeContext(ContextId context) override;

 private:
  static constexpr std::size_t kVersionsMax = 16;
  enum class Owner : std::uint8_t { kCallout, kPlatform, kFreed };
  struct Block {
    std::string bytes;
    Owner owner = Owner::kCallout;
  };
  struct Decision {
    Action action = Action::kContinue;
    bool hard = false;
  };

  void RunFilter(const Filter& filter, const ClassifyValues& values, ClassifyOut& out);
  void CheckBalance();
  ConnectRequest Former() const;
  void Merge(const ClassifyOut& out, bool had_right, Decision& decision);
  void Trace(const Filter& filter, const ClassifyOut& out, std::size_t committed_before);

  const Config& config_;
  const HopList& records_;
  Counters& counters_;
  TraceRecord* const trace_;

  // Made when acquired: one connect in a thousand needs more than one of them.
  std::array<std::optional<ConnectRequest>, kVersionsMax> versions_;
  std::size_t committed_ = 0;
  absl::InlinedVector<Block, 1> blocks_;
  bool stuck_ = false;

  // Of the filter that runs now.
  const ClassifyValues* values_ = nullptr;
  ClassifyOut* out_ = nullptr;
  bool acquired_ = false;  // between Acquire and Release
  bool applied_ = false;
  bool touched_ = false;  // acquired at least once
};

}  // namespace sluice::emulated

#endif  // SLUICE_REDIRECT_EMULATED_EVALUATION_H_
