// SPDX-License-Identifier: Apache-2.0
//
// `run` and `chain` on the engine.
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/redirect/none/none_redirector.h"
#include "tools/sluice/cli.h"
#include "tools/sluice/exit_codes.h"
#include "tools/sluice/proxy_options.h"
#include "tools/sluice/serve.h"

namespace sluice::tool {
namespace {

int Fatal(const absl::Status& status) {
  PrintError(status.message());
  return kExitFatal;
}

int Finish(Serving& serving) {
  serving.Serve();
  if (serving.PrintAccounts()) return kExitOk;
  PrintError("something was still held when everything had stopped: see the line 'live:'");
  return kExitFatal;
}

// Hop i's upstream is hop i + 1's listener.
int RunPlainChain(const ChainOptions& options) {
  Serving serving(options.proxy);
  const absl::Status begun = serving.Begin(nullptr);
  if (!begun.ok()) return Fatal(begun);
  Address next = options.destination;
  for (std::uint64_t hop = options.hops; hop > 0; --hop) {
    const Address listen = hop == 1 ? options.proxy.listen : options.proxy.listen.WithPort(0);
    const absl::StatusOr<Address> local =
        serving.AddFirst(absl::StrCat("hop", hop), listen, std::make_unique<redirect::NoneRedirector>(next));
    if (!local.ok()) return Fatal(local.status());
    next = *local;
  }
  return Finish(serving);
}

}  // namespace

int RunProxy(const RunOptions& options) {
  Serving serving(options.proxy);
  const absl::Status begun = serving.Begin(nullptr);
  if (!begun.ok()) return Fatal(begun);
  const absl::StatusOr<Address> local = serving.AddFirst(
      "sluice", options.proxy.listen, std::make_unique<redirect::NoneRedirector>(options.upstream));
  if (!local.ok()) return Fatal(local.status());
  return Finish(serving);
}

int RunChain(const ChainOptions& options) {
  if (options.proxy.platform == "none") return RunPlainChain(options);
  PrintError("chain: the emulated platform is not connected yet");
  return kExitFatal;
}

}  // namespace sluice::tool
