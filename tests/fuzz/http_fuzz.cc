// SPDX-License-Identifier: Apache-2.0
//
// First bytes of a client, read as the head of an HTTP/1 request; as hello_fuzz.cc.
#include "sluice/http_request.h"
#include "tests/fuzz/readers.h"

namespace {

using sluice::HttpRequest;
using sluice::ReadHttpRequest;

bool Same(const HttpRequest& a, const HttpRequest& b) {
  return a.method.view() == b.method.view() && a.host.view() == b.host.view() && a.port == b.port;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sluice::fuzz::CheckReader<HttpRequest>(data, size, &ReadHttpRequest, &Same);
  return 0;
}
