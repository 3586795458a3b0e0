// SPDX-License-Identifier: Apache-2.0
//
// QueryRun, CarryRun: a redirector's operation on a rig, with its outcome counted.
#ifndef SLUICE_TESTS_REDIRECT_RUNS_H_
#define SLUICE_TESTS_REDIRECT_RUNS_H_

#include "engine/redirect/redirector.h"
#include "tests/redirect/rig.h"

namespace sluice::emulated {

template <typename Op>
struct Run {
  Run() {
    op.Bind(this, [](void* self) {
      auto* run = static_cast<Run*>(self);
      EXPECT_TRUE(run->op.idle());
      ++run->handlers;
    });
  }
  bool done() const { return handlers != 0; }

  Op op;
  int handlers = 0;
};
using QueryRun = Run<redirect::QueryOp>;
using CarryRun = Run<redirect::CarryOp>;

inline redirect::Verdict Query(Rig& rig, redirect::Redirector& redirector, QueryRun& run,
                               io::Socket& accepted) {
  run.handlers = 0;
  redirector.Query(run.op, rig.worker(), accepted);
  EXPECT_FALSE(run.done()) << "never inside the start call";
  EXPECT_TRUE(rig.RunUntil([&] { return run.done(); }));
  EXPECT_EQ(run.handlers, 1);
  return run.op.verdict();
}

inline redirect::Verdict Carry(Rig& rig, redirect::Redirector& redirector, CarryRun& run,
                               io::Socket& onward, const QueryRun& query) {
  run.handlers = 0;
  redirector.Carry(run.op, rig.worker(), onward, query.op);
  EXPECT_FALSE(run.done());
  EXPECT_TRUE(rig.RunUntil([&] { return run.done(); }));
  EXPECT_EQ(run.handlers, 1);
  return run.op.verdict();
}

}  // namespace sluice::emulated

#endif  // SLUICE_TESTS_REDIRECT_RUNS_H_
