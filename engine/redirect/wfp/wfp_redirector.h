// SPDX-License-Identifier: Apache-2.0
//
// WfpRedirector: the redirect service of a WFP kernel, through Port::Control and nothing else, so
// the same code talks to a Windows kernel and to the emulated platform.
//
// A query sends the records and the context query at the same time. Each lane grows its buffer by
// itself; when both have answered, the outcome is decided, once. An answer that may as well mean
// "too small" (10022 or 87 on a buffer below the bound) is confirmed by one query at 64 KiB: the
// records lane first, and the context lane only if there are records, because without any the
// context does not matter.
//
// Set up before workers start; then any worker, each with its own port and pool.
#ifndef SLUICE_REDIRECT_WFP_WFP_REDIRECTOR_H_
#define SLUICE_REDIRECT_WFP_WFP_REDIRECTOR_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "engine/redirect/context_codec.h"
#include "engine/redirect/control_codes.h"
#include "engine/redirect/redirector.h"
#include "engine/redirect/wfp/wfp_counters.h"
#include "sluice/redirect.h"

namespace sluice::redirect {

struct WfpOptions {
  ContextCodecs codecs = ContextCodecs::Standard();
  std::uint32_t records_first = kRecordsFirst;
  std::uint32_t context_first = kContextFirst;
  // Where a redirected connection without a context was going (an original-destination socket
  // option, a side channel of the driver). Runs on the worker; true: `origin` is filled. Null: such
  // connections are kBadContext. Never asked about a context that is there but is not ours.
  bool (*origin_without_context)(void* user, const io::Socket& accepted,
                                 FoundOrigin* origin) = nullptr;
  void* user = nullptr;
};

class WfpRedirector final : public Redirector {
 public:
  explicit WfpRedirector(WfpOptions options = WfpOptions());
  ~WfpRedirector() override;

  const char* name() const override { return "wfp"; }
  void Query(QueryOp& operation, const WorkerView& worker, io::Socket& accepted) override;
  void Carry(CarryOp& operation, const WorkerView& worker, io::Socket& onward,
             const QueryOp& query) override;

  // Sum over all workers; any thread.
  WfpCounters counters() const;

 private:
  using Lane = QueryOp::Lane;
  struct Shard;  // counters of some workers, on a cache line of their own
  static constexpr std::size_t kShards = 8;

  Shard& ShardOf(const WorkerView& worker);
  bool Start(QueryOp& query, Lane& lane, std::uint32_t code, std::uint32_t capacity);
  void OnAnswer(QueryOp& query, Lane& lane, std::uint32_t code, Outcome outcome);
  bool Confirm(QueryOp& query, Lane& lane, std::uint32_t code);
  void Decide(QueryOp& query);
  void DecideContext(QueryOp& query);
  void OnSet(CarryOp& carry, Outcome outcome);
  void NoteAbsent(Shard& shard);
  void NoteDenied(const char* what);

  const WfpOptions options_;
  std::unique_ptr<Shard[]> shards_;
  std::atomic<bool> absent_hinted_{
      false};  // said once, for the line would repeat with every connection
  std::atomic<bool> denied_hinted_{false};
};

}  // namespace sluice::redirect

#endif  // SLUICE_REDIRECT_WFP_WFP_REDIRECTOR_H_
