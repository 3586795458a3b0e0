// SPDX-License-Identifier: Apache-2.0
#include "engine/redirect/none/none_redirector.h"

namespace sluice::redirect {

void NoneRedirector::Query(QueryOp& operation, const WorkerView& worker, io::Socket& accepted) {
  Begin(operation, this, worker, accepted);
  Origin origin;
  origin.destination = upstream_;
  origin.source = accepted.peer();
  EndLater(operation, Verdict::kOk, OsError{}, origin);
}

void NoneRedirector::Carry(CarryOp& operation, const WorkerView& worker, io::Socket& /*onward*/,
                           const QueryOp& /*query*/) {
  Begin(operation, this, worker);
  EndLater(operation, Verdict::kOk, OsError{});
}

}  // namespace sluice::redirect
