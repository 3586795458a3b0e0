// SPDX-License-Identifier: Apache-2.0
#include "engine/api/own_redirector.h"

namespace sluice::api {

using redirect::Origin;
using redirect::Verdict;

void OwnRedirector::Query(redirect::QueryOp& operation, const redirect::WorkerView& worker,
                          io::Socket& accepted) {
  Begin(operation, this, worker, accepted);
  FoundOrigin found;
  const bool known = platform_.Find(accepted.peer(), accepted.local(), &found);
  if (!known || found.destination.empty() || found.destination.tcp_port() == 0) {
    return EndLater(operation, Verdict::kAbsent, OsError{}, Origin{});
  }
  Origin origin{found.destination, found.source, found.pid};
  if (!KeepContext(operation, found.context, found.process_path, &origin)) {
    return EndLater(operation, Verdict::kFailed, OsError{ErrorCode::kNoBuffers, 0}, Origin{});
  }
  EndLater(operation, Verdict::kOk, OsError{}, origin);
}

void OwnRedirector::Carry(redirect::CarryOp& operation, const redirect::WorkerView& worker,
                          io::Socket& /*onward*/, const redirect::QueryOp& /*query*/) {
  Begin(operation, this, worker);
  EndLater(operation, Verdict::kOk, OsError{});
}

}  // namespace sluice::api
