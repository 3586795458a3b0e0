// SPDX-License-Identifier: Apache-2.0
//
// The verb `echo`: the origin for `sluice load`, tests and the demo. It sends back what it
// receives, or only receives, or only sends.
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tools/sluice/cli.h"
#include "tools/sluice/echo_worker.h"
#include "tools/sluice/exit_codes.h"
#include "tools/sluice/os.h"
#include "tools/sluice/stop_gate.h"

namespace sluice::tool {
namespace {

int RunEcho(const EchoOptions& options) {
  if (options.close_after != 0 && options.behaviour != EchoBehaviour::kEcho) {
    PrintError("--close-after: only with --behaviour echo");
    return kExitUsage;
  }
  const Payload payload(kPayloadSeed);
  std::vector<std::unique_ptr<EchoWorker>> workers;
  std::vector<EchoWorker*> all;
  for (std::uint64_t i = 0; i < options.workers; ++i) {
    absl::StatusOr<std::unique_ptr<EchoWorker>> worker = EchoWorker::Create(options, payload);
    if (!worker.ok()) {
      PrintError(worker.status().message());
      return kExitFatal;
    }
    all.push_back(worker->get());
    workers.push_back(*std::move(worker));
  }
  const absl::StatusOr<Address> local = workers[0]->Listen(options.listen, all);
  if (!local.ok()) {
    PrintError(local.status().message());
    return kExitFatal;
  }

  StopGate gate;
  std::vector<std::thread> threads;
  std::thread drainer;
  {
    const StopWatcher watcher([&](int requests) { gate.Request(requests); });
    for (const auto& worker : workers) threads.emplace_back([&worker] { worker->Run(); });
    PrintLine(absl::StrCat("listening on ", local->ToString()));
    const auto stop = [&](int requests) {
      for (EchoWorker* worker : all) worker->Stop(requests);
    };
    gate.WaitFirst();
    stop(1);
    drainer = std::thread([&] {
      if (gate.WaitSecond(options.drain)) stop(2);
    });
    for (std::thread& thread : threads) thread.join();
    gate.Finish();
    drainer.join();
  }
  EchoStats sum;
  for (const auto& worker : workers) {
    sum.accepted += worker->stats().accepted;
    sum.bytes += worker->stats().bytes;
    sum.failed += worker->stats().failed;
  }
  PrintLine(absl::StrCat("echoed: connections=", sum.accepted, " bytes=", sum.bytes,
                         " cut=", sum.failed));
  return kExitOk;
}

}  // namespace

void AddEchoVerb(CLI::App& app, Action& action) {
  CLI::App* verb =
      app.add_subcommand("echo", "Send back whatever is received, or be a sink or a source");
  auto options = std::make_shared<EchoOptions>();
  auto behaviour = std::make_shared<std::size_t>(0);
  AddAddress(verb, "--listen,-l,LISTEN", &options->listen, AddressUse::kListen,
             "Where to accept; port 0 takes a free one")
      ->required();
  AddCount(verb, "--workers,--threads", &options->workers, {1, 256}, "Threads, with a port each");
  AddChoice(verb, "--behaviour", kEchoBehaviourNames, behaviour.get(),
            "Send back, take and count (the count is sent at the client's FIN), or send until the "
            "client's FIN");
  AddSize(verb, "--close-after", &options->close_after, {0, std::uint64_t{1} << 62},
          "Close first, after so many bytes of a connection were sent back; 0 for never");
  AddDuration(verb, "--drain", &options->drain,
              "After the first request to stop, wait so long for clients to end");
  verb->callback([&action, options, behaviour] {
    options->behaviour = static_cast<EchoBehaviour>(*behaviour);
    action = [options] { return RunEcho(*options); };
  });
}

}  // namespace sluice::tool
