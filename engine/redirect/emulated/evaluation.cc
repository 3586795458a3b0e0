// SPDX-License-Identifier: Apache-2.0
#include "engine/redirect/emulated/evaluation.h"

#include <utility>

#include "engine/base/check.h"

namespace sluice::emulated {
namespace {

bool Differs(const ConnectRequest& a, const ConnectRequest& b) {
  return a.local != b.local || a.remote != b.remote ||
         a.port_reservation_token != b.port_reservation_token || a.target_pid != b.target_pid ||
         a.handle != b.handle || a.context != b.context;
}

}  // namespace

Evaluation::~Evaluation() {
  for (const Block& block : blocks_) {
    if (block.owner == Owner::kCallout) counters_.Add(Fault::kContextLeak);
  }
}

Action Evaluation::Run(const std::vector<Sublayer>& sublayers, ClassifyValues values) {
  Decision decision;
  for (const Sublayer& sublayer : sublayers) {
    for (const Filter& filter : sublayer.filters) {
      values.filter = filter.id;
      if (!config_.Matches(filter, values)) continue;
      const bool had_right = !decision.hard;
      ClassifyOut out;
      out.write_right = had_right;
      const std::size_t committed_before = committed_;
      RunFilter(filter, values, out);
      if (trace_ != nullptr && filter.label != 0) Trace(filter, out, committed_before);
      if (out.action == Action::kContinue) continue;
      Merge(out, had_right, decision);
      break;
    }
  }
  return decision.action == Action::kBlock ? Action::kBlock : Action::kPermit;
}

void Evaluation::RunFilter(const Filter& filter, const ClassifyValues& values, ClassifyOut& out) {
  touched_ = false;
  if (filter.callout == nullptr) {
    // A filter cannot overrule a hard decision, not even by blocking: only callouts can veto.
    if (!out.write_right) return;
    out.action = filter.action;
    out.write_right = filter.action == Action::kPermit && !filter.hard_permit;
    return;
  }
  values_ = &values;
  out_ = &out;
  filter.callout->Classify(values, *this, out);
  values_ = nullptr;
  out_ = nullptr;
  CheckBalance();
}

void Evaluation::CheckBalance() {
  if (!acquired_) return;
  acquired_ = false;
  if (applied_) {
    counters_.Add(Fault::kNotReleased);
  } else {
    counters_.Add(Fault::kNotApplied);
    stuck_ = true;
  }
}

void Evaluation::Merge(const ClassifyOut& out, bool had_right, Decision& decision) {
  if (had_right) {
    decision = Decision{out.action, !out.write_right};
    return;
  }
  if (out.action == Action::kBlock) {
    Counters::Add(counters_.vetoes);
    decision = Decision{Action::kBlock, true};
  } else if (decision.action == Action::kBlock) {
    counters_.Add(Fault::kPermitWithoutRight);
  }
}

void Evaluation::Trace(const Filter& filter, const ClassifyOut& out, std::size_t committed_before) {
  if (trace_->step_count == TraceRecord::kStepsMax) {
    ++trace_->steps_left_out;
    return;
  }
  TraceRecord::Step& step = trace_->steps[trace_->step_count++];
  step.vendor = filter.label;
  step.state = StateOf(records_, filter.handle, config_.IsAlive(filter.handle));
  if (committed_ > committed_before) {
    step.action = TraceAction::kRedirect;
  } else if (touched_) {
    step.action = TraceAction::kLeave;
  } else if (out.action == Action::kBlock) {
    step.action = TraceAction::kBlock;
  } else {
    step.action = out.action == Action::kPermit ? TraceAction::kPermit : TraceAction::kContinue;
  }
}

RedirectState Evaluation::QueryState(HandleId self, std::string* context) {
  const RedirectState state = StateOf(records_, self, config_.IsAlive(self));
  if (context != nullptr) {
    context->clear();
    if (state == RedirectState::kRedirectedBySelf ||
        state == RedirectState::kPreviouslyRedirectedBySelf) {
      *context = NewestOf(records_, self)->context;
    }
  }
  return state;
}

// The newest committed version, or the request as the application made it.
ConnectRequest Evaluation::Former() const {
  if (committed_ != 0) return *versions_[committed_ - 1];
  ConnectRequest request;
  request.local = values_->local;
  request.remote = values_->remote;
  return request;
}

ConnectRequest* Evaluation::Acquire() {
  SLUICE_CHECK(values_ != nullptr);
  if (values_->layer != Layer::kConnectRedirectV4 && values_->layer != Layer::kConnectRedirectV6)
    return nullptr;
  if (acquired_) return nullptr;
  if (!out_->write_right) {
    counters_.Add(Fault::kAcquireWithoutRight);
    return nullptr;
  }
  if (committed_ == kVersionsMax) {
    counters_.Add(Fault::kTooManyVersions);
    return nullptr;
  }
  ConnectRequest& version = versions_[committed_].emplace(Former());
  version.previous = winner();
  version.modifier = values_->filter;
  out_->action = Action::kBlock;
  out_->write_right = false;
  acquired_ = true;
  applied_ = false;
  touched_ = true;
  return &version;
}

void Evaluation::Apply() {
  if (!acquired_ || applied_) return;
  applied_ = true;
  ConnectRequest& version = *versions_[committed_];
  const ConnectRequest former = Former();
  if (!Differs(version, former)) return;
  if (version.context != 0 && version.context != former.context) {
    if (version.context > blocks_.size() || blocks_[version.context - 1].owner != Owner::kCallout) {
      counters_.Add(Fault::kContextDoubleFree);
      version.context = 0;
    } else {
      blocks_[version.context - 1].owner = Owner::kPlatform;
    }
  }
  ++committed_;
}

void Evaluation::Release() {
  if (!acquired_) return;
  // Releasing before applying is how a classify gets stuck, too.
  if (!applied_) {
    counters_.Add(Fault::kNotApplied);
    stuck_ = true;
  }
  acquired_ = false;
}

ContextId Evaluation::AllocateContext(absl::string_view bytes) {
  blocks_.push_back(Block{std::string(bytes), Owner::kCallout});
  return static_cast<ContextId>(blocks_.size());
}

void Evaluation::FreeContext(ContextId context) {
  if (context == 0 || context > blocks_.size() || blocks_[context - 1].owner != Owner::kCallout) {
    counters_.Add(Fault::kContextDoubleFree);
    return;
  }
  blocks_[context - 1].owner = Owner::kFreed;
}

std::string Evaluation::TakeContext(ContextId context) {
  if (context == 0) return std::string();
  SLUICE_CHECK(context <= blocks_.size());
  return std::move(blocks_[context - 1].bytes);
}

}  // namespace sluice::emulated
