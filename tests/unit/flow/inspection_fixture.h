// SPDX-License-Identifier: Apache-2.0
//
// InspectionTest: an engine with a ScriptedInspector between real sockets.
#ifndef SLUICE_TESTS_UNIT_FLOW_INSPECTION_FIXTURE_H_
#define SLUICE_TESTS_UNIT_FLOW_INSPECTION_FIXTURE_H_

#include <string>

#include "tests/contract/stream.h"
#include "tests/unit/flow/scripted_inspector.h"
#include "tests/unit/runtime/proxy_fixture.h"

namespace sluice::runtime {

class InspectionTest : public ProxyTest {
 protected:
  void SetUp() override {
    ProxyTest::SetUp();
    options_.inspector = &inspector_;
    // Only tests of a deadline want to see it.
    options_.policy.pending_timeout = 3600 * kSecond;
    options_.policy.more_timeout = 3600 * kSecond;
  }

  void Send(io::Socket& socket, const std::string& text) {
    ASSERT_TRUE(contract::SendAll(loop_, loop_.port(), socket, text.data(), text.size()).ok());
  }
  // What one receive brings: bytes, "" at the end of the stream, or the name of an error.
  std::string Receive(io::Socket& socket) {
    char buffer[256];
    const Outcome outcome =
        contract::ReceiveOnce(loop_, loop_.port(), socket, buffer, sizeof buffer);
    return outcome.ok() ? std::string(buffer, outcome.bytes) : outcome.error.ToString();
  }
  // All up to the end of the stream, or to an error, whose name is added.
  std::string ReceiveToEnd(io::Socket& socket) {
    std::string all;
    for (;;) {
      char buffer[4096];
      const Outcome outcome =
          contract::ReceiveOnce(loop_, loop_.port(), socket, buffer, sizeof buffer);
      if (!outcome.ok()) return all + " (" + outcome.error.ToString() + ")";
      if (outcome.bytes == 0) return all;
      all.append(buffer, outcome.bytes);
    }
  }
  void EndStream(io::Socket& socket) { ASSERT_TRUE(loop_.port().ShutdownSend(socket).ok()); }
  [[nodiscard]] bool AwaitAsked(int count) {
    return Eventually([&] { return inspector_.asked() >= count; });
  }
  std::uint64_t Count(metrics::Counter counter) { return engine_->Metrics()[counter]; }

  flow::ScriptedInspector inspector_;
};

}  // namespace sluice::runtime

#endif  // SLUICE_TESTS_UNIT_FLOW_INSPECTION_FIXTURE_H_
