// SPDX-License-Identifier: Apache-2.0
//
// ScriptedInspector: an inspector whose callbacks a test writes down before the engine starts. They
// run on the engine's workers.
#ifndef SLUICE_TESTS_UNIT_FLOW_SCRIPTED_INSPECTOR_H_
#define SLUICE_TESTS_UNIT_FLOW_SCRIPTED_INSPECTOR_H_

#include <atomic>
#include <functional>
#include <string>
#include <utility>

#include "engine/base/mutex.h"
#include "sluice/inspector.h"

namespace sluice::flow {

inline std::string TextOf(const Bytes& data) {
  std::string text;
  Bytes::Position at;
  for (absl::string_view slice; data.Next(&at, &slice);) text.append(slice.data(), slice.size());
  return text;
}

class ScriptedInspector final : public Inspector {
 public:
  std::function<Verdict(InspectedFlow&, OpenCall&)> on_open;
  std::function<Verdict(Direction, Bytes&, DataCall&)> on_data;

  const char* name() const override { return "scripted"; }
  Verdict OnOpen(InspectedFlow& flow, OpenCall& call) override {
    opened_.fetch_add(1);
    return on_open ? on_open(flow, call) : Verdict::kPass;
  }
  Verdict OnData(InspectedFlow& flow, Direction direction, Bytes& data, DataCall& call) override {
    (void)flow;
    asked_.fetch_add(1);
    return on_data ? on_data(direction, data, call) : Verdict::kPass;
  }
  void OnEnd(InspectedFlow& flow, InspectionEnd end) override {
    (void)flow;
    (end == InspectionEnd::kDetached ? detached_ : ended_).fetch_add(1);
  }

  int opened() const { return opened_.load(); }
  int asked() const { return asked_.load(); }
  int detached() const { return detached_.load(); }
  int ended() const { return ended_.load(); }

  // A token from a callback to the test.
  void Keep(Pending token) {
    const MutexLock lock(mutex_);
    token_ = std::move(token);
  }
  Pending TakeToken() {
    const MutexLock lock(mutex_);
    return std::move(token_);
  }

 private:
  std::atomic<int> opened_{0};
  std::atomic<int> asked_{0};
  std::atomic<int> detached_{0};
  std::atomic<int> ended_{0};
  Mutex mutex_;
  Pending token_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sluice::flow

#endif  // SLUICE_TESTS_UNIT_FLOW_SCRIPTED_INSPECTOR_H_
