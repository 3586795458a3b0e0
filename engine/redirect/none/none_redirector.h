// SPDX-License-Identifier: Apache-2.0
//
// NoneRedirector: no redirect platform. Every accepted connection goes to one fixed upstream, and
// there is nothing to carry. Immutable; any thread.
#ifndef SLUICE_REDIRECT_NONE_NONE_REDIRECTOR_H_
#define SLUICE_REDIRECT_NONE_NONE_REDIRECTOR_H_

#include "engine/redirect/redirector.h"
#include "sluice/address.h"

namespace sluice::redirect {

class NoneRedirector final : public Redirector {
 public:
  explicit NoneRedirector(const Address& upstream) : upstream_(upstream) {}

  const char* name() const override { return "none"; }
  bool redirects() const override { return false; }
  std::size_t QueryBytesMax() const override { return 0; }
  // Always kOk: the upstream, with the accepted socket's peer as source.
  void Query(QueryOp& operation, const WorkerView& worker, io::Socket& accepted) override;
  // Always kOk.
  void Carry(CarryOp& operation, const WorkerView& worker, io::Socket& onward,
             const QueryOp& query) override;

 private:
  const Address upstream_;
};

}  // namespace sluice::redirect

#endif  // SLUICE_REDIRECT_NONE_NONE_REDIRECTOR_H_
