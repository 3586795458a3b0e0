// SPDX-License-Identifier: Apache-2.0
//
// The verb `chain`: several vendors' engines in one process, on shared workers, one behind the
// other. On the emulated platform each has a callout and a redirect handle of its own, and nobody
// but the callouts decides who comes next; without a platform each hop's upstream is the next hop.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/redirect/none/none_redirector.h"
#include "engine/redirect/wfp/wfp_redirector.h"
#include "sluice/emulated.h"
#include "tools/sluice/cli.h"
#include "tools/sluice/exit_codes.h"
#include "tools/sluice/proxy_options.h"
#include "tools/sluice/serve.h"
#include "tools/sluice/trace_report.h"

namespace sluice::tool {
namespace {

struct ChainOptions {
  ProxyOptions proxy;
  std::uint64_t hops = 2;
  Address destination;
  std::uint64_t trace = 0;
};

int Fatal(const absl::Status& status) {
  PrintError(status.message());
  return kExitFatal;
}

// Only the first hop listens where it was told to.
Address ListenAddress(const ChainOptions& options, std::uint64_t hop) {
  return hop == 1 ? options.proxy.listen : options.proxy.listen.WithPort(0);
}

// "A", "B", ..., "Z", "V27", ...
std::string VendorName(std::uint64_t hop) {
  if (hop > 26) return absl::StrCat("V", hop);
  return std::string(1, static_cast<char>('A' + hop - 1));
}

int RunPlain(const ChainOptions& options) {
  Serving serving(options.proxy);
  const absl::Status begun = serving.Begin(nullptr);
  if (!begun.ok()) return Fatal(begun);
  Address next = options.destination;
  for (std::uint64_t hop = options.hops; hop > 0; --hop) {
    auto redirector = std::make_unique<redirect::NoneRedirector>(next);
    const absl::StatusOr<Address> local =
        serving.AddFirst(VendorName(hop), ListenAddress(options, hop), std::move(redirector));
    if (!local.ok()) return Fatal(local.status());
    next = *local;
  }
  serving.Serve();
  return serving.PrintAccounts();
}

// An engine and its vendor's callout. The vendor whose sublayer is heaviest sees connects first and
// is the first hop.
absl::StatusOr<Address> AddVendor(const ChainOptions& options, std::uint64_t hop, Serving& serving,
                                  emulated::Platform& platform) {
  const std::string name = VendorName(hop);
  absl::StatusOr<Address> local = serving.AddFirst(name, ListenAddress(options, hop),
                                                   std::make_unique<redirect::WfpRedirector>());
  if (!local.ok()) return local;
  emulated::VendorOptions vendor;
  vendor.name = name;
  vendor.sublayer_weight = static_cast<std::uint16_t>(0x8000 - hop);
  vendor.listeners = {*local};
  vendor.destinations = {options.destination};
  const absl::StatusOr<emulated::VendorId> added = platform.AddVendor(vendor);
  if (!added.ok()) return added.status();
  return local;
}

int RunEmulated(const ChainOptions& options) {
  emulated::PlatformOptions platform_options;
  platform_options.trace_capacity = TraceCapacity(options.trace, options.hops);
  // A chain as long as was asked for is no loop.
  platform_options.knobs.max_hops = static_cast<std::uint32_t>(options.hops) + 1;
  // Outlives the ports of `serving`, but is made after it: its threads must inherit the blocked
  // signals.
  std::optional<emulated::Platform> platform;
  Serving serving(options.proxy);
  platform.emplace(platform_options);
  const absl::Status begun = serving.Begin(platform->process());
  if (!begun.ok()) return Fatal(begun);
  Address first;
  for (std::uint64_t hop = options.hops; hop > 0; --hop) {
    const absl::StatusOr<Address> local = AddVendor(options, hop, serving, *platform);
    if (!local.ok()) return Fatal(local.status());
    first = *local;
  }
  // Clients here are ordinary programs that connect to the first hop: to the platform, applications
  // on their way to the destination.
  platform->AdoptForeign(first, options.destination);
  serving.Serve();
  if (options.trace != 0) {
    PrintLine(
        TraceReport(platform->trace(), platform->TraceText(), options.trace, options.destination));
  }
  PrintLine(PlatformLine(platform->statistics()));
  return serving.PrintAccounts();
}

}  // namespace

void AddChainVerb(CLI::App& app, Action& action) {
  CLI::App* verb =
      app.add_subcommand("chain", "Run several vendors' engines, one behind the other");
  auto options = std::make_shared<ChainOptions>();
  options->proxy.platform = "emulated";
  AddProxyFlags(verb, &options->proxy);
  AddCount(verb, "--hops", &options->hops, {1, 64}, "Engines in the chain");
  AddAddress(verb, "--destination", &options->destination, AddressUse::kConnect,
             "Where the connections are going")
      ->required();
  verb->add_option(
          "--platform", options->proxy.platform,
          "emulated: redirection by the emulated driver; none: each hop's upstream is the next hop")
      ->check(CLI::IsMember({"emulated", "none"}))
      ->type_name("emulated|none")
      ->default_str(options->proxy.platform);
  AddCount(verb, "--trace", &options->trace, {0, 100000},
           "At the end, print what the callouts did with the first so many connections");
  verb->callback([&action, options] {
    action = [options] {
      return options->proxy.platform == "none" ? RunPlain(*options) : RunEmulated(*options);
    };
  });
}

}  // namespace sluice::tool
