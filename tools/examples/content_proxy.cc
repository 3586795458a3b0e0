// SPDX-License-Identifier: Apache-2.0
//
// A proxy that replaces a text by another in what servers send, wherever the network cut it.
//
//   content_proxy UPSTREAM PATTERN TEXT
//
// Lengths are not corrected, so an HTTP body needs a text as long as the pattern, or an end by FIN.
#include <cstdio>

#include "tools/examples/filters/content_filter.h"
#include "tools/examples/filters/serve.h"

int main(int argc, char** argv) {
  if (argc != 4 || argv[2][0] == '\0') {
    std::fprintf(stderr, "usage: content_proxy UPSTREAM PATTERN TEXT\n");
    return 64;
  }
  sluice::examples::ContentFilter filter(argv[2], argv[3], false, true);
  sluice::EngineOptions options;
  options.name = "content";
  options.inspector = &filter;
  // A tail that may begin a match must not keep a reader waiting for long.
  options.inspection.more_timeout = absl::Milliseconds(100);
  const int code = sluice::examples::Serve("content_proxy", argv[1], std::move(options));
  std::fprintf(stderr, "content_proxy: replaced %llu times\n",
               static_cast<unsigned long long>(filter.replaced()));
  return code;
}
