// SPDX-License-Identifier: Apache-2.0
//
// The command line that the relays of this folder share:
//   --listen ADDRESS --upstream ADDRESS [--threads N] [--version]
// Addresses are numeric: 127.0.0.1:80 or [::1]:80.
#ifndef SLUICE_BENCH_PEERS_RELAY_OPTIONS_H_
#define SLUICE_BENCH_PEERS_RELAY_OPTIONS_H_

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace sluice::peers {

inline constexpr std::size_t kBufferBytes = 16 * 1024;

struct HostAndPort {
  std::string host;
  std::uint16_t tcp_port = 0;
};

struct RelayOptions {
  HostAndPort listen;
  HostAndPort upstream;
  int threads = 1;
  bool version = false;
};

[[noreturn]] inline void Die(const std::string& why) {
  std::fprintf(stderr, "relay: %s\n", why.c_str());
  std::exit(1);
}

inline HostAndPort ParseHostAndPort(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) Die("'" + text + "' is not HOST:PORT");
  HostAndPort parsed;
  parsed.host = text.substr(0, colon);
  if (parsed.host.front() == '[') parsed.host = parsed.host.substr(1, parsed.host.size() - 2);
  parsed.tcp_port = static_cast<std::uint16_t>(std::atoi(text.c_str() + colon + 1));
  return parsed;
}

inline RelayOptions ParseRelayOptions(int argc, char** argv) {
  RelayOptions options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--version") {
      options.version = true;
      return options;
    }
    if (i + 1 == argc) Die(name + " needs a value");
    const std::string value = argv[++i];
    if (name == "--listen") {
      options.listen = ParseHostAndPort(value);
    } else if (name == "--upstream") {
      options.upstream = ParseHostAndPort(value);
    } else if (name == "--threads") {
      options.threads = std::atoi(value.c_str());
    } else {
      Die("unknown option " + name);
    }
  }
  if (options.listen.host.empty() || options.upstream.host.empty() || options.threads < 1) {
    Die("usage: --listen ADDRESS --upstream ADDRESS [--threads N]");
  }
  return options;
}

}  // namespace sluice::peers

#endif  // SLUICE_BENCH_PEERS_RELAY_OPTIONS_H_
