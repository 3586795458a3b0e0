// SPDX-License-Identifier: Apache-2.0
//
// Serving: what `run` and `chain` have in common: engines on one runtime, served until somebody
// asks to stop, drained in the order in which connections meet them, and accounted for. Main
// thread.
#ifndef SLUICE_TOOLS_SERVE_H_
#define SLUICE_TOOLS_SERVE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/io/platform.h"
#include "engine/runtime/engine.h"
#include "engine/runtime/runtime.h"
#include "tools/sluice/os.h"
#include "tools/sluice/proxy_options.h"
#include "tools/sluice/stop_gate.h"

namespace sluice::tool {

class Serving {
 public:
  // Requests to stop are heard from here on. REQUIRES: no other thread was made before.
  explicit Serving(const ProxyOptions& options);
  ~Serving();

  // Makes the workers. `platform` is null or outlives this.
  absl::Status Begin(io::Platform* platform);
  // Starts an engine that sends connections where `redirector` says. It comes before those added
  // earlier: a proxy chain is built from its end.
  absl::StatusOr<Address> AddFirst(const std::string& name, const Address& listen,
                                   std::unique_ptr<redirect::Redirector> redirector);
  // Prints the first engine's address, waits, drains, stops. Afterwards nothing runs.
  void Serve();
  // REQUIRES: Serve has returned. Prints one line of what is still held, and one for each engine of
  // what it did. Returns the exit code: something still held is an error of ours.
  int PrintAccounts();

 private:
  void Drain();
  void PrintMemoryBound();
  // One line on standard error of what is held now. REQUIRES: the workers run.
  void PrintStats();

  const ProxyOptions& options_;
  StopGate gate_;
  StopWatcher watcher_;
  runtime::RuntimeOptions runtime_options_;
  std::unique_ptr<runtime::Runtime> runtime_;
  std::vector<std::unique_ptr<runtime::Engine>> engines_;  // first hop last
};

}  // namespace sluice::tool

#endif  // SLUICE_TOOLS_SERVE_H_
