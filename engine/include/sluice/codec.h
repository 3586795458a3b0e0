// SPDX-License-Identifier: Apache-2.0
//
// Contexts: the bytes a callout attached to a redirection for its own proxy. Their layout is a
// private contract between one vendor's callout and its proxy, so an embedder brings a codec of its
// own; three layouts are known here.
//
// No byte of a context is trusted: another vendor may have redirected to our listener. A codec
// accepts only what it fully recognises: exact size, magic where it has one, known family, port not
// zero.
#ifndef SLUICE_CODEC_H_
#define SLUICE_CODEC_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "sluice/address.h"

namespace sluice {

// Where a redirected connection was going, and who sent it there.
struct Origin {
  Address destination;    // never empty after a successful query
  Address source;         // the application's end; empty if the context does not say
  std::uint32_t pid = 0;  // the application's process; 0 if unknown
  // The application's program; empty if the context does not say. A view into the context: valid as
  // long as the bytes that it was decoded from.
  absl::string_view process_path = {};
};

// Immutable; any thread.
class ContextCodec {
 public:
  virtual ~ContextCodec() = default;
  // Static text for logs.
  virtual const char* name() const = 0;
  // Nothing unless `bytes` are exactly one context of this layout with a usable destination. Runs
  // on workers: must not block, and should not allocate.
  virtual std::optional<Origin> Decode(absl::Span<const std::byte> bytes) const = 0;
  // The bytes a callout would attach. Allocates; for callouts, tests and emulation. Empty if the
  // layout cannot express `origin`.
  virtual std::string Encode(const Origin& origin) const = 0;
};

// Destination, source and pid in 64 bytes: `engine/redirect/context_layouts.h` has the layout.
std::unique_ptr<ContextCodec> SluiceLayout();
// One Windows socket address, the destination: 16 bytes (IPv4), 28 bytes (IPv6) or a 128-byte
// storage.
std::unique_ptr<ContextCodec> SockaddrLayout();
// Two 128-byte storages, remote then local.
std::unique_ptr<ContextCodec> SockaddrPairLayout();

}  // namespace sluice

#endif  // SLUICE_CODEC_H_
