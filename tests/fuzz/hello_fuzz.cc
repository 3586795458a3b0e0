// SPDX-License-Identifier: Apache-2.0
//
// First bytes of a client, read as a TLS hello, in two slicings: the first byte of the input says
// where the second one cuts. Both must say the same, and whatever is said of a beginning must hold.
#include "sluice/client_hello.h"
#include "tests/fuzz/readers.h"

namespace {

using sluice::ClientHello;
using sluice::ReadClientHello;

bool Same(const ClientHello& a, const ClientHello& b) {
  return a.server_name.view() == b.server_name.view() && a.protocols.view() == b.protocols.view() &&
         a.protocols_cut == b.protocols_cut;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sluice::fuzz::CheckReader<ClientHello>(data, size, &ReadClientHello, &Same);
  return 0;
}
