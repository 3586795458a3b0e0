// SPDX-License-Identifier: Apache-2.0
//
// A proxy that lets clients go by the name they ask for: the server name of a TLS hello, or the
// host of an HTTP request. Somebody on another thread decides; here he has a list.
//
//   name_proxy UPSTREAM BLOCKED-NAME...
#include <cstdio>
#include <string>
#include <vector>

#include "tools/examples/filters/name_filter.h"
#include "tools/examples/filters/serve.h"

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: name_proxy UPSTREAM BLOCKED-NAME...\n");
    return 64;
  }
  const std::vector<std::string> blocked(argv + 2, argv + argc);
  sluice::examples::NameFilter filter(sluice::examples::AllBut(blocked));
  sluice::EngineOptions options;
  options.name = "names";
  options.inspector = &filter;
  const int code = sluice::examples::Serve("name_proxy", argv[1], std::move(options));
  std::fprintf(stderr, "name_proxy: %llu allowed, %llu blocked\n",
               static_cast<unsigned long long>(filter.allowed()),
               static_cast<unsigned long long>(filter.blocked()));
  return code;
}
