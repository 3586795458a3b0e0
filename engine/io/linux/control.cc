// SPDX-License-Identifier: Apache-2.0
//
// Control operations. The kernel here knows none; a platform, if one is installed, may answer at
// once, or pend and reply from any thread.
#include <cstdint>
#include <mutex>

#include "engine/base/check.h"
#include "engine/io/control_status.h"
#include "engine/io/linux/impl.h"
#include "engine/io/linux/scratch.h"
#include "engine/io/port.h"

namespace sluice::io {
// In the scratch of a pended control, written before the platform learns of the ticket.
struct PendedControl {
  void* port;
  ControlOp* next;
  ControlReply reply;
};

void Port::Control(ControlOp& operation, Socket& socket, std::uint32_t code,
                   absl::Span<const std::byte> in, absl::Span<std::byte> out) {
  SLUICE_DCHECK(impl_->OnOwner());
  SLUICE_CHECK(in.size() <= UINT32_MAX);
  SLUICE_CHECK(out.size() <= UINT32_MAX);
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
  ControlReply reply{kStatusNotSupported, 0, 0};
  if (platform_ == nullptr) return FinishControl(operation, reply, true);
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
  In<PendedControl>(operation.scratch_) = PendedControl{this, nullptr, {}};
  ++pended_;
  const ControlAnswer answer = platform_->Control(request, &reply);
  if (answer == ControlAnswer::kPended) return;
  --pended_;
  if (answer == ControlAnswer::kUnknown) reply = ControlReply{kStatusNotSupported, 0, 0};
  FinishControl(operation, reply, true);
}

void Port::Impl::FinishControl(ControlOp& operation, ControlReply reply, bool at_once) {
  const Outcome outcome = ControlOutcome(reply, at_once);
  operation.inline_failure_ = at_once && !outcome.ok();
  operation.bytes_ = outcome.bytes;
  Finish(operation, outcome);
}

void Port::Impl::OnReply(void* ticket, ControlReply reply) {
  ControlOp& operation = *static_cast<ControlOp*>(ticket);
  PendedControl& pended = In<PendedControl>(operation.scratch_);
  Impl& impl = *static_cast<Impl*>(pended.port);
  pended.reply = reply;
  const std::lock_guard<std::mutex> lock(impl.replies_lock_);
  if (impl.replies_last_ == nullptr) {
    impl.replies_first_ = &operation;
  } else {
    In<PendedControl>(impl.replies_last_->scratch_).next = &operation;
  }
  impl.replies_last_ = &operation;
  if (impl.NeedsKick()) impl.ring_.Kick();
}

void Port::Impl::TakeReplies() {
  if (pended_ == 0) return;
  ControlOp* first = nullptr;
  {
    const std::lock_guard<std::mutex> lock(replies_lock_);
    first = replies_first_;
    replies_first_ = replies_last_ = nullptr;
  }
  while (first != nullptr) {
    const PendedControl pended = In<PendedControl>(first->scratch_);
    ControlOp& operation = *first;
    first = pended.next;
    --pended_;
    FinishControl(operation, pended.reply, false);
  }
}

}  // namespace sluice::io
