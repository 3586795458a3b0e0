// SPDX-License-Identifier: Apache-2.0
//
// What a TLS client says before anything is encrypted: the server name it asks for (SNI, RFC 6066,
// 3) and the protocols it offers (ALPN, RFC 7301). Any version of TLS; also when the hello comes in
// several records, or a byte at a time. An encrypted hello (ECH) shows the outer name.
#ifndef SLUICE_CLIENT_HELLO_H_
#define SLUICE_CLIENT_HELLO_H_

#include <cstddef>

#include "absl/strings/string_view.h"
#include "sluice/bytes.h"
#include "sluice/reading.h"

namespace sluice {

struct ClientHello {
  // Longer ones are kTooLong. Key shares of post-quantum groups make hellos of about 2 KiB.
  static constexpr std::size_t kBytesMax = 64 * 1024;

  // In lower case, without the dot at its end; empty: none.
  ShortText<255> server_name;
  // In the client's order, each behind a byte with its length, as on the wire. Those that did not
  // fit are left out, whole.
  ShortText<256> protocols;
  bool protocols_cut = false;

  bool Offers(absl::string_view protocol) const;
};

// `hello` is complete exactly with kFound.
Reading ReadClientHello(const Bytes& bytes, ClientHello* hello);

}  // namespace sluice

#endif  // SLUICE_CLIENT_HELLO_H_
