// SPDX-License-Identifier: Apache-2.0
//
// Control operations: asked of the platform at once, answered when chance has it, or never.
#include <new>

#include "engine/base/check.h"
#include "engine/io/port.h"
#include "engine/io/sim/block.h"
#include "engine/io/sim/impl.h"

namespace sluice::io {

using sim::Block;
using sim::ControlBlock;
using sim::ControlBlockIn;

namespace {

constexpr NtStatus kControlFailures[] = {kStatusInsufficientResources, kStatusInvalidParameter,
                                         kStatusAccessDenied,          kStatusNotFound,
                                         kStatusNotSupported,          kStatusCancelled};

}  // namespace

void Port::Control(ControlOp& operation, Socket& socket, std::uint32_t code,
                   absl::Span<const std::byte> in, absl::Span<std::byte> out) {
  const Impl::StartScope scope(*impl_);
  impl_->Arm(operation, Verb::kControl, &socket);
  operation.code_ = code;
  operation.in_ = in.data();
  operation.in_size_ = static_cast<std::uint32_t>(in.size());
  operation.out_ = out.data();
  operation.out_size_ = static_cast<std::uint32_t>(out.size());
  operation.inline_failure_ = false;
  impl_->StartControl(operation);
}

void Port::Impl::StartControl(ControlOp& operation) {
  Block& block = *new (operation.native_.bytes) Block;
  block.not_before = world_.now();
  ControlReply& reply = (new (operation.scratch_) ControlBlock{this, {}})->reply;
  ControlAnswer answer = ControlAnswer::kUnknown;
  if (platform_ != nullptr) {
    ControlRequest request;
    request.socket = operation.socket_->handle_;
    request.code = operation.code_;
    request.in = operation.in_;
    request.in_size = operation.in_size_;
    request.out = operation.out_;
    request.out_size = operation.out_size_;
    request.ticket = &operation;
    request.complete = &OnReply;
    // The reply may come before the call returns.
    operation.backend_ = kPended;
    answer = platform_->Control(request, &reply);
    if (answer == ControlAnswer::kPended) return;
    operation.backend_ = 0;
  }
  if (answer == ControlAnswer::kUnknown) reply = ControlReply{kStatusNotSupported, 0, 0};
  if (world_.Fault(world_.odds().fail_control)) {
    const auto count = sizeof(kControlFailures) / sizeof(kControlFailures[0]);
    reply = ControlReply{kControlFailures[world_.prng().Below(count)], 0, 0};
  }
  if (world_.Fault(world_.odds().lost_control)) {
    operation.backend_ = kLost;
    return;
  }
  if (world_.Chance(world_.odds().delayed_control)) {
    const auto delay = static_cast<std::uint64_t>(world_.options().completion_delay_max) + 1;
    block.not_before = world_.now() + static_cast<Nanos>(world_.prng().Below(delay));
    operation.backend_ = kAnswered;
    return;
  }
  const Outcome outcome = ControlOutcome(reply, true);
  operation.inline_failure_ = !outcome.ok();
  operation.bytes_ = outcome.bytes;
  Finish(operation, outcome);
}

void Port::Impl::CompleteControl(ControlOp& operation) {
  const Outcome outcome = ControlOutcome(ControlBlockIn(operation.scratch_).reply, false);
  operation.bytes_ = outcome.bytes;
  Finish(operation, outcome);
}

// On the world's thread, possibly before Platform::Control has returned.
void Port::Impl::OnReply(void* ticket, ControlReply reply) {
  ControlOp& operation = *static_cast<ControlOp*>(ticket);
  ControlBlock& block = ControlBlockIn(operation.scratch_);
  block.reply = reply;
  operation.backend_ = kAnswered;
  // Whatever was asked for meanwhile, the outcome is what the platform said.
  operation.cancelled_ = false;
  Impl& impl = *static_cast<Impl*>(block.port);
  if (impl.NeedsKick()) impl.Kick();
}

}  // namespace sluice::io
