// SPDX-License-Identifier: Apache-2.0
//
// The head of an HTTP/1 request: which host it is for (RFC 9112, 3.2). Strict where two readers
// could take it for two hosts: a second Host, a folded line, a blank before the colon are
// malformed.
#ifndef SLUICE_HTTP_REQUEST_H_
#define SLUICE_HTTP_REQUEST_H_

#include <cstddef>
#include <cstdint>

#include "sluice/bytes.h"
#include "sluice/reading.h"

namespace sluice {

struct HttpRequest {
  // Of the whole head; longer ones are kTooLong.
  static constexpr std::size_t kBytesMax = 64 * 1024;

  ShortText<32> method;
  // Of the request's target if that names one (to a proxy; CONNECT), else of Host. In lower case,
  // without port, brackets or a dot at the end; empty: none.
  ShortText<255> host;
  std::uint16_t port = 0;  // 0: none given
};

// `request` is complete exactly with kFound, which comes with the end of the head.
Reading ReadHttpRequest(const Bytes& bytes, HttpRequest* request);

}  // namespace sluice

#endif  // SLUICE_HTTP_REQUEST_H_
