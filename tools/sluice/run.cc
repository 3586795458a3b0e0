// SPDX-License-Identifier: Apache-2.0
//
// The verbs `run` (one engine with a fixed upstream) and `chain` (several vendors' engines in one process, one
// behind the other): their command lines. proxy.cc runs them.
#include <memory>

#include "tools/sluice/cli.h"
#include "tools/sluice/proxy_options.h"

namespace sluice::tool {

void AddProxyFlags(CLI::App* verb, ProxyOptions* o) {
  AddAddress(verb, "--listen,-l", &o->listen, AddressUse::kListen, "Where to accept; port 0 takes a free one")
      ->required();
  AddCount(verb, "--workers", &o->workers, {1, 256}, "Threads, with a port each");
  AddDuration(verb, "--connect-timeout", &o->policy.connect_timeout, "Give an onward connect up after that");
  AddDuration(verb, "--idle-timeout", &o->policy.idle_timeout, "End a flow on which nothing moved for so long");
  AddDuration(verb, "--half-closed-timeout", &o->policy.half_closed_timeout,
              "The same, once one side has ended its half");
  AddDuration(verb, "--drain", &o->drain, "After the first request to stop, wait so long for flows to end");
  AddSources(verb, "--source", &o->sources, "Local addresses for onward connects, in turn; ranges too");
  verb->add_flag("--until-input-ends", o->until_input_ends, "Also take the end of standard input for a request to stop");
}

void AddRunVerb(CLI::App& app, Action& action) {
  CLI::App* verb = app.add_subcommand("run", "Proxy every connection to one upstream");
  auto options = std::make_shared<RunOptions>();
  AddProxyFlags(verb, &options->proxy);
  AddAddress(verb, "--upstream", &options->upstream, AddressUse::kConnect, "Where connections go")->required();
  verb->add_option("--platform", options->proxy.platform, "Who says where a connection was going")
      ->check(CLI::IsMember({"none"}))
      ->type_name("none");
  verb->callback([&action, options] { action = [options] { return RunProxy(*options); }; });
}

void AddChainVerb(CLI::App& app, Action& action) {
  CLI::App* verb = app.add_subcommand("chain", "Run several vendors' engines, one behind the other");
  auto options = std::make_shared<ChainOptions>();
  options->proxy.platform = "emulated";
  AddProxyFlags(verb, &options->proxy);
  AddCount(verb, "--hops", &options->hops, {1, 64}, "Engines in the chain");
  AddAddress(verb, "--destination", &options->destination, AddressUse::kConnect, "Where the connections are going")
      ->required();
  verb->add_option("--platform", options->proxy.platform,
                   "emulated: redirection by the emulated driver; none: each hop's upstream is the next hop")
      ->check(CLI::IsMember({"emulated", "none"}))
      ->type_name("emulated|none");
  AddCount(verb, "--trace", &options->proxy.trace, {0, 1000000},
           "Print at the end what happened to the first so many connections");
  verb->callback([&action, options] { action = [options] { return RunChain(*options); }; });
}

}  // namespace sluice::tool
