// SPDX-License-Identifier: Apache-2.0
//
// InspectorDriver: plays one direction of one connection for an inspector, as the engine does, but
// without sockets: the test says how the bytes are cut into receives and slices.
#ifndef SLUICE_TESTS_UNIT_EXAMPLES_INSPECTOR_DRIVER_H_
#define SLUICE_TESTS_UNIT_EXAMPLES_INSPECTOR_DRIVER_H_

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "engine/base/check.h"
#include "engine/memory/chain.h"
#include "engine/memory/slab.h"
#include "sluice/inspector.h"

namespace sluice::examples {

class InspectorDriver {
 public:
  InspectorDriver(Inspector& inspector, memory::Slab& slab, std::size_t more_bytes_max = 64 * 1024)
      : inspector_(inspector), slab_(slab), more_bytes_max_(more_bytes_max), held_(slab) {}

  // One receive that lands in slices of these bytes, each in a chunk of its own, so that none
  // merge.
  void Receive(const std::vector<absl::string_view>& slices) {
    if (over_) return;
    memory::Chain fresh(slab_);
    for (absl::string_view slice : slices) {
      while (!slice.empty()) {
        memory::Slice chunk = slab_.Take();
        SLUICE_CHECK(chunk);
        const std::size_t size = std::min<std::size_t>(slice.size(), chunk.size());
        std::memcpy(chunk.data() + chunk.size() - size, slice.data(), size);
        SLUICE_CHECK(fresh.Append(chunk.Part(chunk.size() - size, size)));
        slice.remove_prefix(size);
      }
    }
    if (fresh.empty()) return;
    held_.Append(fresh);
    if (opaque_) return Pass(0);
    Ask(false, false);
  }
  // Nothing more comes for long.
  void TimeOut() {
    if (!over_ && !held_.empty()) Ask(true, false);
  }
  void End() {
    if (!over_ && !held_.empty()) Ask(true, true);
    over_ = true;
  }

  const std::string& sent() const { return sent_; }
  const std::string& injected_down() const { return injected_down_; }
  // Kept or waited for.
  std::size_t held() const { return held_.size(); }
  // Nobody looks any more.
  bool opaque() const { return opaque_; }
  Verdict last() const { return last_; }

 private:
  class Call final : public DataCall {
   public:
    Call(InspectorDriver& driver, bool nothing_follows, bool ended)
        : driver_(driver),
          nothing_follows_(nothing_follows),
          ended_(ended),
          chain_(driver.slab_),
          replacement_(chain_, &room_) {}
    bool ended() const override { return ended_; }
    bool must_decide() const override {
      return nothing_follows_ || driver_.held_.size() >= driver_.more_bytes_max_;
    }
    std::size_t keep_max() const override {
      return nothing_follows_ ? 0 : driver_.more_bytes_max_ - 1;
    }
    void Keep(std::size_t count) override { keep_ = count; }
    Bytes& replacement() override { return replacement_; }
    bool Inject(Direction direction, absl::string_view bytes) override {
      SLUICE_CHECK(direction == Direction::kDown);
      driver_.injected_down_.append(bytes.data(), bytes.size());
      return true;
    }
    Pending TakeLater() override { return Pending(); }

    std::size_t keep_ = 0;
    InspectorDriver& driver_;
    const bool nothing_follows_;
    const bool ended_;
    memory::Slice room_;
    memory::Chain chain_;
    Bytes replacement_;
  };

  static std::string TextOf(const memory::Chain& chain) {
    std::string text;
    chain.ForEach([&](const std::byte* data, std::size_t size) {
      text.append(reinterpret_cast<const char*>(data), size);
      return true;
    });
    return text;
  }

  void Pass(std::size_t keep) {
    const std::string text = TextOf(held_);
    sent_ += text.substr(0, text.size() - keep);
    held_.RemovePrefix(text.size() - keep);
  }

  void Ask(bool nothing_follows, bool ended) {
    Call call(*this, nothing_follows, ended);
    Bytes data(held_);
    last_ = inspector_.OnData(flow_, Direction::kUp, data, call);
    SLUICE_CHECK(call.keep_ <= held_.size());
    switch (last_) {
      case Verdict::kPass:
        Pass(call.keep_);
        break;
      case Verdict::kReplace:
        sent_ += TextOf(call.chain_);
        held_.RemovePrefix(held_.size() - call.keep_);
        break;
      case Verdict::kMore:
        break;
      case Verdict::kDetach:
        Pass(0);
        opaque_ = true;
        break;
      default:
        held_.Clear();
        over_ = true;
        break;
    }
    // As in the engine: what may not be waited for passes, and nobody is asked any more.
    if (!held_.empty() && (nothing_follows || held_.size() >= more_bytes_max_)) {
      Pass(0);
      opaque_ = true;
    }
  }

  Inspector& inspector_;
  memory::Slab& slab_;
  const std::size_t more_bytes_max_;
  InspectedFlow flow_;
  memory::Chain held_;
  std::string sent_;
  std::string injected_down_;
  Verdict last_ = Verdict::kPass;
  bool opaque_ = false;
  bool over_ = false;
};

}  // namespace sluice::examples

#endif  // SLUICE_TESTS_UNIT_EXAMPLES_INSPECTOR_DRIVER_H_
