// SPDX-License-Identifier: Apache-2.0
//
// A proxy that writes down what it carries as a pcapng file, for Wireshark and its like.
//
//   tap_proxy UPSTREAM FILE
#include <cstdio>

#include "tools/examples/filters/pcapng_tap.h"
#include "tools/examples/filters/serve.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: tap_proxy UPSTREAM FILE\n");
    return 64;
  }
  sluice::examples::PcapngTap tap(argv[2]);
  if (!tap.ok()) {
    std::fprintf(stderr, "tap_proxy: %s: cannot be written\n", argv[2]);
    return 1;
  }
  sluice::EngineOptions options;
  options.name = "tap";
  options.tap = &tap;
  const int code = sluice::examples::Serve("tap_proxy", argv[1], std::move(options));
  if (!tap.Close()) {
    std::fprintf(stderr, "tap_proxy: %s: writing failed\n", argv[2]);
    return 1;
  }
  return code;
}
