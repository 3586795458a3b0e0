// SPDX-License-Identifier: Apache-2.0
#include "engine/redirect/wfp/wfp_redirector.h"

#include <atomic>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "engine/base/check.h"
#include "engine/base/log.h"

namespace sluice::redirect {
namespace {

using Count = std::atomic<std::uint64_t>;

// So many absent connections on one worker, and a tenth of all, are worth a line in the log.
constexpr std::uint64_t kAbsentHint = 16;

void Increment(Count& count) { count.fetch_add(1, std::memory_order_relaxed); }

absl::Span<const std::byte> Content(const memory::Buffer& buffer) {
  return absl::MakeConstSpan(buffer.data(), buffer.size());
}

}  // namespace

struct alignas(64) WfpRedirector::Shard {
  Count records[kMeanings] = {};
  Count context[kMeanings] = {};
  Count set[kMeanings] = {};
  Count queries{0};
  Count not_redirected{0};
  Count bad_context{0};
  Count no_context{0};
  Count confirmations{0};
  Count largest_records{0};
};

WfpRedirector::WfpRedirector(WfpOptions options)
    : options_(std::move(options)), shards_(std::make_unique<Shard[]>(kShards)) {
  SLUICE_CHECK(options_.records_first > 0);
  SLUICE_CHECK(options_.records_first <= kReplyMax);
  SLUICE_CHECK(options_.context_first > 0);
  SLUICE_CHECK(options_.context_first <= kReplyMax);
}

WfpRedirector::~WfpRedirector() = default;

WfpRedirector::Shard& WfpRedirector::ShardOf(const WorkerView& worker) {
  // Ports are heap blocks, so their low bits say nothing.
  const auto number = reinterpret_cast<std::uintptr_t>(worker.port) >> 6;
  return shards_[(number ^ (number >> 7)) % kShards];
}

void WfpRedirector::Query(QueryOp& operation, const WorkerView& worker, io::Socket& accepted) {
  SLUICE_CHECK(worker.buffers != nullptr);
  Begin(operation, this, worker, accepted);
  Increment(ShardOf(worker).queries);
  for (Lane* lane : {&operation.records_, &operation.context_}) {
    lane->meaning = Meaning::kFailed;
    lane->error = OsError{};
    lane->ambiguous = false;
  }
  operation.records_.op.Bind(&operation, [](void* self, Outcome outcome) {
    auto* query = static_cast<QueryOp*>(self);
    static_cast<WfpRedirector*>(query->redirector_)
        ->OnAnswer(*query, query->records_, kQueryRedirectRecords, outcome);
  });
  operation.context_.op.Bind(&operation, [](void* self, Outcome outcome) {
    auto* query = static_cast<QueryOp*>(self);
    static_cast<WfpRedirector*>(query->redirector_)
        ->OnAnswer(*query, query->context_, kQueryRedirectContext, outcome);
  });
  if (!Start(operation, operation.records_, kQueryRedirectRecords, options_.records_first)) {
    EndLater(operation, Verdict::kFailed, OsError{ErrorCode::kOutOfMemory, 0}, Origin{});
    return;
  }
  // Without memory for the second lane the first one still has to be heard of; Decide sees the
  // failure.
  Start(operation, operation.context_, kQueryRedirectContext, options_.context_first);
}

// False when there is no memory; the lane's meaning and error then say so.
bool WfpRedirector::Start(QueryOp& query, Lane& lane, std::uint32_t code, std::uint32_t capacity) {
  lane.buffer = memory::Buffer();
  lane.buffer = query.worker_.buffers->Take(capacity);
  if (!lane.buffer) {
    lane.meaning = Meaning::kFailed;
    lane.error = OsError{ErrorCode::kOutOfMemory, 0};
    return false;
  }
  ++query.pending_;
  query.worker_.port->Control(lane.op, *query.socket_, code, {},
                              absl::MakeSpan(lane.buffer.data(), lane.buffer.capacity()));
  return true;
}

void WfpRedirector::OnAnswer(QueryOp& query, Lane& lane, std::uint32_t code, Outcome outcome) {
  SLUICE_CHECK(query.pending_ > 0);
  --query.pending_;
  const QueryMeaning answer = NormaliseQuery(outcome, lane.buffer.capacity());
  Shard& shard = ShardOf(query.worker_);
  Count* counts = code == kQueryRedirectRecords ? shard.records : shard.context;
  Increment(counts[static_cast<int>(answer.meaning)]);
  lane.meaning = answer.meaning;
  lane.error = outcome.error;
  // A "success" that reports more than 64 KiB.
  if (answer.meaning == Meaning::kFailed && outcome.ok())
    lane.error.code = ErrorCode::kMessageTooLong;
  lane.ambiguous = answer.ambiguous;
  if (answer.meaning == Meaning::kOk) lane.buffer.set_size(outcome.bytes);
  if (answer.meaning == Meaning::kGrow) {
    if (query.cancelled_ || !query.socket_->is_open()) {
      lane.meaning = Meaning::kGone;
    } else if (Start(query, lane, code, answer.capacity)) {
      return;
    }
  }
  if (query.pending_ == 0) Decide(query);
}

bool WfpRedirector::Confirm(QueryOp& query, Lane& lane, std::uint32_t code) {
  if (!lane.ambiguous || query.cancelled_ || !query.socket_->is_open()) return false;
  lane.ambiguous = false;
  Increment(ShardOf(query.worker_).confirmations);
  return Start(query, lane, code, kReplyMax);
}

// Both lanes have answered.
void WfpRedirector::Decide(QueryOp& query) {
  if (Confirm(query, query.records_, kQueryRedirectRecords)) return;
  const Verdict records = VerdictOf(query.records_.meaning);
  if (records == Verdict::kOk) {
    Count& largest = ShardOf(query.worker_).largest_records;
    const std::uint64_t size = query.records_.buffer.size();
    // Two workers of one shard may race here; the loser's value is at most one connection's out of
    // date.
    if (size > largest.load(std::memory_order_relaxed))
      largest.store(size, std::memory_order_relaxed);
    if (!Confirm(query, query.context_, kQueryRedirectContext)) DecideContext(query);
    return;
  }
  if (records == Verdict::kAbsent) NoteAbsent(ShardOf(query.worker_));
  if (records == Verdict::kDenied) NoteDenied("querying records");
  // A policy may go on without records, if only it knows where to.
  if (query.context_.meaning == Meaning::kOk) {
    NoteContext(query, query.context_.buffer.size());
    query.origin_ = options_.codecs.Decode(Content(query.context_.buffer)).value_or(Origin{});
  }
  End(query, records, query.records_.error);
}

// Some direct clients are normal; many connections without records are not.
void WfpRedirector::NoteAbsent(Shard& shard) {
  Increment(shard.not_redirected);
  const std::uint64_t absent = shard.not_redirected.load(std::memory_order_relaxed);
  const std::uint64_t asked = shard.queries.load(std::memory_order_relaxed);
  if (absent < kAbsentHint || absent * 10 < asked) return;
  if (absent_hinted_.exchange(true, std::memory_order_relaxed)) return;
  Log(LogLevel::kWarning, absl::StrCat("redirect: ", absent, " of ", asked,
                                       " connections arrived without redirect records. Clients "
                                       "that connect to the listener themselves look like this, "
                                       "and so do lost records: a full accept "
                                       "backlog, or a driver that strips them from loopback "
                                       "packets (packet capture, for example Npcap "
                                       "before 0.9982)"));
}

void WfpRedirector::NoteDenied(const char* what) {
  if (denied_hinted_.exchange(true, std::memory_order_relaxed)) return;
  Log(LogLevel::kError,
      absl::StrCat("redirect: ", what,
                   " was denied: this process is not elevated; connections are closed "
                   "until it is"));
}

// There are records.
void WfpRedirector::DecideContext(QueryOp& query) {
  Shard& shard = ShardOf(query.worker_);
  const Verdict context = VerdictOf(query.context_.meaning);
  if (context == Verdict::kOk) {
    NoteContext(query, query.context_.buffer.size());
    const std::optional<Origin> origin = options_.codecs.Decode(Content(query.context_.buffer));
    if (!origin.has_value()) {
      Increment(shard.bad_context);
      return End(query, Verdict::kBadContext, OsError{});
    }
    query.origin_ = *origin;
    return End(query, Verdict::kOk, OsError{});
  }
  if (context != Verdict::kAbsent) return End(query, context, query.context_.error);
  Increment(shard.no_context);
  FoundOrigin found;
  const bool known = options_.origin_without_context != nullptr && !query.cancelled_ &&
                     options_.origin_without_context(options_.user, *query.socket_, &found);
  if (!known || found.destination.empty() || found.destination.tcp_port() == 0) {
    return End(query, Verdict::kBadContext, query.context_.error);
  }
  Origin origin{found.destination, found.source, found.pid};
  if (!KeepContext(query, found.context, found.process_path, &origin)) {
    return End(query, Verdict::kFailed, OsError{ErrorCode::kNoBuffers, 0});
  }
  query.origin_ = origin;
  End(query, Verdict::kOk, OsError{});
}

void WfpRedirector::Carry(CarryOp& operation, const WorkerView& worker, io::Socket& onward,
                          const QueryOp& query) {
  Begin(operation, this, worker);
  operation.records_ = query.records();
  if (!operation.records_) return EndLater(operation, Verdict::kOk, OsError{});
  operation.set_op_.Bind(&operation, [](void* self, Outcome outcome) {
    auto* carry = static_cast<CarryOp*>(self);
    static_cast<WfpRedirector*>(carry->redirector_)->OnSet(*carry, outcome);
  });
  worker.port->Control(operation.set_op_, onward, kSetRedirectRecords, Content(operation.records_),
                       {});
}

void WfpRedirector::OnSet(CarryOp& carry, Outcome outcome) {
  const Meaning meaning = NormaliseSet(outcome);
  Increment(ShardOf(carry.worker_).set[static_cast<int>(meaning)]);
  if (meaning == Meaning::kDenied) NoteDenied("setting records");
  End(carry, VerdictOf(meaning), outcome.error);
}

WfpCounters WfpRedirector::counters() const {
  WfpCounters sum;
  const auto read = [](const Count& count) { return count.load(std::memory_order_relaxed); };
  for (std::size_t i = 0; i < kShards; ++i) {
    const Shard& shard = shards_[i];
    for (std::size_t meaning = 0; meaning < static_cast<std::size_t>(kMeanings); ++meaning) {
      sum.records[meaning] += read(shard.records[meaning]);
      sum.context[meaning] += read(shard.context[meaning]);
      sum.set[meaning] += read(shard.set[meaning]);
    }
    sum.queries += read(shard.queries);
    sum.not_redirected += read(shard.not_redirected);
    sum.bad_context += read(shard.bad_context);
    sum.no_context += read(shard.no_context);
    sum.confirmations += read(shard.confirmations);
    if (read(shard.largest_records) > sum.largest_records)
      sum.largest_records = read(shard.largest_records);
  }
  return sum;
}

}  // namespace sluice::redirect
