// SPDX-License-Identifier: Apache-2.0
#include "sluice/blocking_inspector.h"

#include <utility>

#include "engine/base/check.h"
#include "engine/inspect/blocking_pool.h"

namespace sluice {

BlockingInspector::BlockingInspector(BlockingHandler& handler, const BlockingOptions& options)
    : pool_(std::make_unique<inspect::BlockingPool>(handler, options)) {}

BlockingInspector::~BlockingInspector() = default;

void BlockingInspector::Stop() { pool_->Stop(); }

BlockingStats BlockingInspector::stats() const { return pool_->stats(); }

const char* BlockingInspector::name() const { return pool_->handler().name(); }

Verdict BlockingInspector::OnOpen(InspectedFlow& flow, OpenCall& call) {
  const BlockingOptions& options = pool_->options();
  inspect::BlockingPool::Flow* const added = pool_->Add(flow);
  flow.user = added;
  call.Look(options.look_up, options.look_down);
  if (!options.ask_open) return Verdict::kPass;
  if (!pool_->Reserve(0)) return options.overload;
  inspect::BlockingCall asked;
  asked.token = call.TakeLater();
  if (!asked.token) {
    pool_->GiveBack(0);
    return Verdict::kPend;  // and the engine, whose desk is full, counts it
  }
  const OpenInfo& info = call.info();
  asked.opens = true;
  asked.open.source = info.source;
  asked.open.pid = info.pid;
  asked.open.process_path = std::string(info.process_path);
  asked.open.context = std::string(info.context);
  asked.open.redirected = info.redirected;
  asked.destination = flow.destination;
  pool_->Push(*added, std::move(asked));
  return Verdict::kPend;
}

Verdict BlockingInspector::OnData(InspectedFlow& flow, Direction direction, Bytes& data,
                                  DataCall& call) {
  const std::size_t size = data.size();
  if (!pool_->Reserve(size)) return pool_->options().overload;
  inspect::BlockingCall asked;
  asked.token = call.TakeLater();
  if (!asked.token) {
    pool_->GiveBack(size);
    return Verdict::kPend;
  }
  asked.direction = direction;
  asked.bytes.resize(size);
  SLUICE_CHECK(data.CopyOut(0, asked.bytes.data(), size) == size);
  asked.ended = call.ended();
  asked.must_decide = call.must_decide();
  asked.destination = flow.destination;
  pool_->Push(*static_cast<inspect::BlockingPool::Flow*>(flow.user), std::move(asked));
  return Verdict::kPend;
}

void BlockingInspector::OnEnd(InspectedFlow& flow, InspectionEnd) {
  pool_->End(*static_cast<inspect::BlockingPool::Flow*>(std::exchange(flow.user, nullptr)));
}

}  // namespace sluice
