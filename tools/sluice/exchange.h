// SPDX-License-Identifier: Apache-2.0
//
// Exchange: a connection on which requests are sent and their answers compared, one at a time: one
// in all (mode exchange), one after the other (requests), or one at the begin and one at the end
// (idle). Worker-only.
#ifndef SLUICE_TOOLS_EXCHANGE_H_
#define SLUICE_TOOLS_EXCHANGE_H_

#include <cstdint>

#include "tools/sluice/load_connection.h"
#include "tools/sluice/load_tally.h"

namespace sluice::tool {

class Exchange final : public LoadConnection {
 public:
  explicit Exchange(LoadWorker& worker);

  // Sends a request that was due at `due`. REQUIRES: connected, the last answer is complete.
  void Ask(Instant due, Instant now);
  // Ends the connection, which waits for its next request.
  void Leave();

 protected:
  void OnOpen() override;
  void OnSent(std::uint32_t bytes) override;
  void OnReceived(std::uint32_t bytes) override;

 private:
  void SendMore();
  bool AnswerContinues(std::uint32_t bytes);
  void Answered();
  // The last answer of this connection is here.
  void EndAsAsked();
  void PeerClosed();

  ExchangeTimes times_;
  std::uint64_t payload_begin_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t answers_ = 0;
};

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_EXCHANGE_H_
