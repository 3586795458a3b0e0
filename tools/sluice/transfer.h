// SPDX-License-Identifier: Apache-2.0
//
// Transfer: a connection that carries bytes one way until the run is over. An upload then ends its
// half and reads the sink's Receipt; a download ends its half, so that the source stops, and
// verifies what is still on its way. Worker-only.
#ifndef SLUICE_TOOLS_TRANSFER_H_
#define SLUICE_TOOLS_TRANSFER_H_

#include <cstdint>

#include "tools/sluice/load_connection.h"
#include "tools/sluice/payload.h"

namespace sluice::tool {

class Transfer : public LoadConnection {
 public:
  Transfer(LoadWorker& worker, std::size_t buffer_size) : LoadConnection(worker, buffer_size) {}
  void OnOver(Instant now) override;

 protected:
  virtual void BeginEnd() = 0;
  // Sends the FIN. False if that failed, and with it the connection.
  bool EndOwnHalf();
  void Complete();

  bool over_ = false;        // OnOver was called
  std::uint64_t moved_ = 0;  // bytes of this connection
};

class Upload final : public Transfer {
 public:
  explicit Upload(LoadWorker& worker);

 protected:
  void OnOpen() override;
  void OnSent(std::uint32_t bytes) override;
  void OnReceived(std::uint32_t bytes) override;
  void BeginEnd() override {}  // the send in flight goes first

 private:
  void SendMore();
  void Check();

  unsigned char receipt_[Receipt::kSize];
  std::size_t receipt_filled_ = 0;
};

class Download final : public Transfer {
 public:
  explicit Download(LoadWorker& worker);

 protected:
  void OnOpen() override;
  void OnSent(std::uint32_t) override {}
  void OnReceived(std::uint32_t bytes) override;
  void BeginEnd() override;
};

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_TRANSFER_H_
