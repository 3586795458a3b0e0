// SPDX-License-Identifier: Apache-2.0
//
// PcapngTap: a Tap that writes pcapng (IETF draft-ietf-opsawg-pcapng). A tap sees streams, not
// packets, so the packets are made up: IP and TCP headers around the bytes as they were received, a
// handshake in front and FINs at the end. Bytes that the tap missed are missing in the sequence
// numbers, where readers of such files show them as a segment that was not captured.
#ifndef SLUICE_EXAMPLES_FILTERS_PCAPNG_TAP_H_
#define SLUICE_EXAMPLES_FILTERS_PCAPNG_TAP_H_

#include <cstdint>
#include <cstdio>
#include <map>
#include <string>

#include "sluice/tap.h"

namespace sluice::examples {

class PcapngTap final : public Tap {
 public:
  explicit PcapngTap(const char* file);
  ~PcapngTap() override { Close(); }
  PcapngTap(const PcapngTap&) = delete;
  PcapngTap& operator=(const PcapngTap&) = delete;

  bool ok() const { return file_ != nullptr; }
  // False when something could not be written. REQUIRES: no engine uses it any more.
  bool Close();

  const char* name() const override { return "pcapng"; }
  void OnRecord(const TapRecord& record) override;

 private:
  struct Connection {
    Address client;
    Address server;
    std::uint32_t next[2] = {1, 1};  // sequence numbers, by direction
  };
  enum Flags : std::uint8_t { kFin = 1, kSyn = 2, kPush = 8, kAck = 16 };

  void Packet(const Connection& connection, Direction direction, std::uint32_t sequence,
              unsigned flags, absl::string_view bytes, std::int64_t time_ns);
  void Write(const std::string& block);

  std::FILE* file_;
  bool failed_ = false;
  std::map<std::uint64_t, Connection> connections_;  // by flow
};

}  // namespace sluice::examples

#endif  // SLUICE_EXAMPLES_FILTERS_PCAPNG_TAP_H_
