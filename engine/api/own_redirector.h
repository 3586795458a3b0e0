// SPDX-License-Identifier: Apache-2.0
//
// OwnRedirector: the embedder's own redirect platform. It knows at once, and there is nothing to
// carry.
#ifndef SLUICE_API_OWN_REDIRECTOR_H_
#define SLUICE_API_OWN_REDIRECTOR_H_

#include <cstddef>

#include "engine/redirect/redirector.h"
#include "sluice/redirect.h"

namespace sluice::api {

class OwnRedirector final : public redirect::Redirector {
 public:
  // Borrowed.
  explicit OwnRedirector(OwnRedirect& platform) : platform_(platform) {}

  const char* name() const override { return "own"; }
  // One buffer of each size, up to the largest, for context and path.
  std::size_t QueryBytesMax() const override { return 2 * memory::BufferPool::kSizeMax; }
  void Query(redirect::QueryOp& operation, const redirect::WorkerView& worker,
             io::Socket& accepted) override;
  // Always kOk.
  void Carry(redirect::CarryOp& operation, const redirect::WorkerView& worker, io::Socket& onward,
             const redirect::QueryOp& query) override;

 private:
  OwnRedirect& platform_;
};

}  // namespace sluice::api

#endif  // SLUICE_API_OWN_REDIRECTOR_H_
