// SPDX-License-Identifier: Apache-2.0
//
// A proxy that replaces a text by another in what servers send, wherever the network cut it.
//
//   content_proxy UPSTREAM PATTERN TEXT [WAIT_MS]
//
// The end of what came may be the beginning of a match: it is held for what follows, for 500 ms
// unless WAIT_MS says otherwise, because a reader may be waiting for just that. Lengths are not
// corrected, so an HTTP body needs a text as long as the pattern, or an end by FIN.
#include <cstdio>
#include <cstdlib>

#include "tools/examples/filters/content_filter.h"
#include "tools/examples/filters/serve.h"

int main(int argc, char** argv) {
  const int wait_ms = argc == 5 ? std::atoi(argv[4]) : 500;
  if (argc < 4 || argc > 5 || argv[2][0] == '\0' || wait_ms < 1) {
    std::fprintf(stderr, "usage: content_proxy UPSTREAM PATTERN TEXT [WAIT_MS]\n");
    return 64;
  }
  sluice::examples::ContentFilter filter(argv[2], argv[3], false, true);
  sluice::EngineOptions options;
  options.name = "content";
  options.inspector = &filter;
  options.inspection.more_timeout = absl::Milliseconds(wait_ms);
  const int code = sluice::examples::Serve("content_proxy", argv[1], std::move(options));
  std::fprintf(stderr, "content_proxy: replaced %llu times\n",
               static_cast<unsigned long long>(filter.replaced()));
  return code;
}
