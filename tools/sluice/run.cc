// SPDX-License-Identifier: Apache-2.0
//
// The verb `run`: one engine with a fixed upstream.
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "engine/redirect/none/none_redirector.h"
#include "tools/sluice/cli.h"
#include "tools/sluice/exit_codes.h"
#include "tools/sluice/proxy_options.h"
#include "tools/sluice/serve.h"
#include "tools/sluice/units.h"

namespace sluice::tool {
namespace {

struct RunOptions {
  ProxyOptions proxy;
  Address upstream;
};

int Run(const RunOptions& options) {
  Serving serving(options.proxy);
  absl::Status status = serving.Begin(nullptr);
  if (status.ok()) {
    auto redirector = std::make_unique<redirect::NoneRedirector>(options.upstream);
    status = serving.AddFirst("sluice", options.proxy.listen, std::move(redirector)).status();
  }
  if (!status.ok()) {
    PrintError(status.message());
    return kExitFatal;
  }
  serving.Serve();
  return serving.PrintAccounts();
}

// What is no duration at all is said when it is read.
std::string CheckKeepalive(const std::string& text) {
  const absl::StatusOr<Nanos> idle = ParseDuration(text);
  const bool right = !idle.ok() || *idle == 0 ||
                     (*idle >= kSecond && *idle <= flow::FlowPolicy::kKeepaliveLongest);
  return right ? "" : absl::StrCat("'", text, "' is not between 1s and 9h, nor 0s");
}

}  // namespace

void AddProxyFlags(CLI::App* verb, ProxyOptions* o) {
  AddAddress(verb, "--listen,-l", &o->listen, AddressUse::kListen,
             "Where to accept; port 0 takes a free one")
      ->required();
  AddCount(verb, "--workers", &o->workers, {1, 256}, "Threads, with a port each");
  AddDuration(verb, "--connect-timeout", &o->policy.connect_timeout,
              "Give an onward connect up after that");
  AddDuration(verb, "--idle-timeout", &o->policy.idle_timeout,
              "End a flow on which nothing moved for so long");
  AddDuration(verb, "--half-closed-timeout", &o->policy.half_closed_timeout,
              "The same, once one side has ended its half");
  AddDuration(verb, "--query-timeout", &o->policy.query_timeout,
              "Give the redirect query up after that, with setting the records");
  AddDuration(verb, "--lifetime", &o->policy.lifetime,
              "End a flow after that, however busy; 0: never");
  AddDuration(verb, "--keepalive", &o->policy.keepalive_idle,
              "Ask a peer that is silent for so long whether it is there; 0s: never")
      ->check(&CheckKeepalive);
  AddCount(verb, "--max-flows", &o->limits.flows_max, {1, 100000000}, "More connections are reset");
  AddCount(verb, "--max-flows-per-source", &o->limits.flows_per_source_max, {},
           "The same for one client address; 0: no limit");
  AddCount(verb, "--accept-rate", &o->limits.accepts_per_second, {0, 1000000000},
           "Connections a second; more wait in the backlog; 0: no limit");
  AddCount(verb, "--accept-burst", &o->limits.accepts_burst, {0, 1000000000},
           "So many at once after a quiet time; 0: one second's worth");
  AddSize(verb, "--max-buffered", &o->buffered_max, {},
          "Bytes queued in all; past it reading pauses; 0: no limit but the workers' memory");
  AddSize(verb, "--max-queue", &o->queue_high, {1024, std::uint64_t{1} << 32},
          "Bytes queued in one direction of a flow; past it reading pauses");
  verb->add_flag("!--no-splice", o->splice,
                 "Linux: all bytes through memory, also of flows that move much");
  verb->add_flag("--verbose,-v", o->verbose, "Print at the start how much memory the limits allow");
  AddDuration(verb, "--drain", &o->drain,
              "After the first request to stop, wait so long for flows to end");
  AddSources(verb, "--source", &o->sources,
             "Local addresses for onward connects, in turn; ranges too");
  AddDuration(verb, "--stats-every", &o->stats_every,
              "Print what is held on standard error, so often; 0s: never");
}

void AddRunVerb(CLI::App& app, Action& action) {
  CLI::App* verb = app.add_subcommand("run", "Proxy every connection to one upstream");
  auto options = std::make_shared<RunOptions>();
  AddProxyFlags(verb, &options->proxy);
  AddAddress(verb, "--upstream", &options->upstream, AddressUse::kConnect, "Where connections go")
      ->required();
  verb->add_option("--platform", options->proxy.platform, "Who says where a connection was going")
      ->check(CLI::IsMember({"none"}))
      ->type_name("none");
  verb->callback([&action, options] { action = [options] { return Run(*options); }; });
}

}  // namespace sluice::tool
