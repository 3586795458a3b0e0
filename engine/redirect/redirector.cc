// SPDX-License-Identifier: Apache-2.0
#include "engine/redirect/redirector.h"

#include <utility>

#include "engine/base/check.h"

namespace sluice::redirect {

const char* VerdictText(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk:
      return "ok";
    case Verdict::kAbsent:
      return "absent";
    case Verdict::kDenied:
      return "denied";
    case Verdict::kUnsupported:
      return "unsupported";
    case Verdict::kGone:
      return "gone";
    case Verdict::kRejected:
      return "rejected";
    case Verdict::kBadContext:
      return "bad context";
    case Verdict::kFailed:
      return "failed";
  }
  return "unknown";
}

Verdict VerdictOf(Meaning meaning) {
  switch (meaning) {
    case Meaning::kOk:
      return Verdict::kOk;
    case Meaning::kEmpty:
    case Meaning::kAbsent:
      return Verdict::kAbsent;
    case Meaning::kDenied:
      return Verdict::kDenied;
    case Meaning::kUnsupported:
      return Verdict::kUnsupported;
    case Meaning::kGone:
      return Verdict::kGone;
    case Meaning::kRejected:
      return Verdict::kRejected;
    case Meaning::kFailed:
      return Verdict::kFailed;
    case Meaning::kGrow:
      break;
  }
  SLUICE_CHECK(meaning != Meaning::kGrow);
  return Verdict::kFailed;
}

QueryOp::~QueryOp() { SLUICE_CHECK(!running_); }

void QueryOp::Cancel() {
  if (!running_) return;
  cancelled_ = true;
  // Idle and done operations are left alone by the port.
  worker_.port->Cancel(records_.op);
  worker_.port->Cancel(context_.op);
}

void QueryOp::Reset() {
  SLUICE_CHECK(!running_);
  records_.buffer = memory::Buffer();
  DropContext();
  origin_ = Origin{};
  verdict_ = Verdict::kFailed;
  error_ = OsError{};
}

void QueryOp::DropContext() {
  context_.buffer = memory::Buffer();
  context_bytes_ = 0;
}

CarryOp::~CarryOp() { SLUICE_CHECK(!running_); }

void CarryOp::Cancel() {
  if (!running_) return;
  cancelled_ = true;
  worker_.port->Cancel(set_op_);
}

void Redirector::Begin(QueryOp& operation, Redirector* self, const WorkerView& worker,
                       io::Socket& accepted) {
  SLUICE_CHECK(!operation.running_);
  SLUICE_CHECK(operation.handler_ != nullptr);
  SLUICE_CHECK(worker.port != nullptr);
  operation.Reset();
  operation.redirector_ = self;
  operation.worker_ = worker;
  operation.socket_ = &accepted;
  operation.pending_ = 0;
  operation.cancelled_ = false;
  operation.running_ = true;
}

void Redirector::End(QueryOp& operation, Verdict verdict, OsError error) {
  SLUICE_CHECK(operation.running_);
  SLUICE_CHECK(operation.pending_ == 0);
  operation.verdict_ = operation.cancelled_ ? Verdict::kGone : verdict;
  operation.error_ = operation.cancelled_ ? OsError{ErrorCode::kAborted, error.raw} : error;
  if (operation.verdict_ != Verdict::kOk) operation.records_.buffer = memory::Buffer();
  if (operation.verdict_ == Verdict::kGone) operation.origin_ = Origin{};
  if (operation.verdict_ == Verdict::kGone || operation.context_.buffer.size() == 0) {
    operation.DropContext();
  }
  operation.socket_ = nullptr;
  operation.running_ = false;
  // The owner may start the operation anew, or free it: touch nothing after this.
  operation.handler_(operation.owner_);
}

void Redirector::EndLater(QueryOp& operation, Verdict verdict, OsError error,
                          const Origin& origin) {
  SLUICE_CHECK(operation.running_);
  operation.verdict_ = verdict;
  operation.error_ = error;
  operation.origin_ = origin;
  operation.pending_ = 1;
  operation.defer_op_.Bind(&operation, [](void* self, Outcome) {
    auto* query = static_cast<QueryOp*>(self);
    query->pending_ = 0;
    End(*query, query->verdict_, query->error_);
  });
  operation.worker_.port->Defer(operation.defer_op_);
}

bool Redirector::KeepContext(QueryOp& operation, absl::string_view context,
                             absl::string_view process_path, Origin* origin) {
  SLUICE_CHECK(operation.running_);
  const std::size_t bytes = context.size() + process_path.size();
  if (bytes == 0) return true;
  if (bytes > memory::BufferPool::kSizeMax) return false;
  memory::Buffer buffer = operation.worker_.buffers->Take(static_cast<std::uint32_t>(bytes));
  if (!buffer) return false;
  buffer.set_size(static_cast<std::uint32_t>(bytes));
  auto* at = reinterpret_cast<char*>(buffer.data());
  context.copy(at, context.size());
  process_path.copy(at + context.size(), process_path.size());
  origin->process_path = absl::string_view(at + context.size(), process_path.size());
  operation.context_.buffer = std::move(buffer);
  operation.context_bytes_ = static_cast<std::uint32_t>(context.size());
  return true;
}

void Redirector::Begin(CarryOp& operation, Redirector* self, const WorkerView& worker) {
  SLUICE_CHECK(!operation.running_);
  SLUICE_CHECK(operation.handler_ != nullptr);
  SLUICE_CHECK(worker.port != nullptr);
  operation.redirector_ = self;
  operation.worker_ = worker;
  operation.cancelled_ = false;
  operation.running_ = true;
}

void Redirector::End(CarryOp& operation, Verdict verdict, OsError error) {
  SLUICE_CHECK(operation.running_);
  operation.verdict_ = operation.cancelled_ ? Verdict::kGone : verdict;
  operation.error_ = operation.cancelled_ ? OsError{ErrorCode::kAborted, error.raw} : error;
  operation.records_ = memory::Buffer();
  operation.running_ = false;
  operation.handler_(operation.owner_);
}

void Redirector::EndLater(CarryOp& operation, Verdict verdict, OsError error) {
  SLUICE_CHECK(operation.running_);
  operation.verdict_ = verdict;
  operation.error_ = error;
  operation.defer_op_.Bind(&operation, [](void* self, Outcome) {
    auto* carry = static_cast<CarryOp*>(self);
    End(*carry, carry->verdict_, carry->error_);
  });
  operation.worker_.port->Defer(operation.defer_op_);
}

}  // namespace sluice::redirect
