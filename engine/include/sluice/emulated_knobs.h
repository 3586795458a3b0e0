// SPDX-License-Identifier: Apache-2.0
//
// Knobs: what is unknown or undocumented about the redirect service, and faults to inject. Defaults
// follow the best evidence; an engine must do right under every value. Plain values.
#ifndef SLUICE_EMULATED_KNOBS_H_
#define SLUICE_EMULATED_KNOBS_H_

#include <cstdint>

namespace sluice::emulated {

// A query whose buffer is too small.
enum class TooSmall : std::uint8_t {
  kBufferTooSmall,  // 10014 at once, 122 by packet
  kLiteral122,      // 122 on both paths
  kInvalid,         // 10022 / 87, as one sentence of the documentation has it
  kBufferOverflow,  // 10040 / 234
};

// A query with no buffer at all, when there is something to report.
enum class ZeroProbe : std::uint8_t { kAsTooSmall, kSuccessWithNeed, kNotFound };

// A query on a connection without a record, or without a context.
enum class AbsentCode : std::uint8_t {
  kNotFound,      // 10022 / 1168
  kFwpNotFound,   // 0x80320008 on both paths
  kSuccessEmpty,  // success with 0 bytes
};

// A SET after bind.
enum class SetAfterBind : std::uint8_t { kEffective, kIgnored, kInvalid };

// When a control that could be answered at once is answered.
enum class Completion : std::uint8_t {
  kInline,         // at once
  kPend,           // always later
  kRandom,         // either, drawn from `seed`; pended ones end in random order
  kFailAfterPend,  // later, with `fail_status`
};

struct Knobs {
  TooSmall too_small = TooSmall::kBufferTooSmall;
  bool report_need = true;  // the needed size comes with "too small"
  ZeroProbe zero_probe = ZeroProbe::kAsTooSmall;
  bool tiny_is_too_small = false;  // capacity 1 to 3: as too_small instead of 10022
  AbsentCode absent_code = AbsentCode::kNotFound;
  bool unconnected_is_invalid = false;  // a query before connect: 10022 instead of 10057
  SetAfterBind set_after_bind = SetAfterBind::kEffective;
  bool set_late_is_ignored = false;  // on a connecting, connected or listening socket: success
                                     // without effect instead of 10022
  bool set_empty_clears = false;     // zero length: drops the installed records instead of 10022
  bool set_requires_admin = true;
  bool query_requires_admin = false;
  bool client_side_query = false;     // the redirected client's own socket answers queries
  bool deliver_inherited = false;     // records of an untouched connect reach a local listener
  bool records_lost_on_retry = true;  // a SYN sent again after a full backlog carries nothing
  // A redirection to one of this machine's own non-loopback addresses while the application's local
  // address is unspecified counts as remote: nothing is delivered.
  bool lan_target_loses_records = true;
  std::uint32_t backlog_default = 200;  // what SOMAXCONN means to the backlog model
  Completion completion = Completion::kInline;
  std::uint32_t fail_status = 0xC0000001;  // NTSTATUS for kFailAfterPend: STATUS_UNSUCCESSFUL
  std::uint32_t record_pad = 552;          // bytes a hop takes at least in the blob
  bool scramble = false;  // hop bytes in the blob are masked, so that nobody can read them
  // Loop guards; 0: off. They end a loop that a real system would run for ever, and are reported as
  // faults.
  std::uint32_t max_hops = 32;
  std::uint32_t redirect_budget = 64;
  double strip_tag = 0.0;  // share of SYNs that lose their records, as behind a driver that
                           // clones packets
  std::uint64_t seed = 1;  // of everything random here
};

}  // namespace sluice::emulated

#endif  // SLUICE_EMULATED_KNOBS_H_
