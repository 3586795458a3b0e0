// SPDX-License-Identifier: Apache-2.0
//
// Contexts: the bytes a callout attached to a redirection for its own proxy. Their layout is a
// private contract between one vendor's callout and its proxy, so layouts are codecs in a registry,
// and an embedder brings its own.
//
// No byte of a context is trusted: another vendor may have redirected to our listener. A codec
// accepts only what it fully recognises: exact size, magic where it has one, known family, port not
// zero.
#ifndef SLUICE_REDIRECT_CONTEXT_CODEC_H_
#define SLUICE_REDIRECT_CONTEXT_CODEC_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "engine/redirect/origin.h"

namespace sluice::redirect {

// Immutable; any thread.
class ContextCodec {
 public:
  virtual ~ContextCodec() = default;
  // Static text for logs.
  virtual const char* name() const = 0;
  // Nothing unless `bytes` are exactly one context of this layout with a usable destination.
  virtual std::optional<Origin> Decode(absl::Span<const std::byte> bytes) const = 0;
  // The bytes a callout would attach. Allocates; for callouts, tests and emulation. Empty if the
  // layout cannot express `origin`.
  virtual std::string Encode(const Origin& origin) const = 0;
};

// The layouts this engine accepts, tried in order of Add. Filled before workers start, then
// immutable.
class ContextCodecs {
 public:
  ContextCodecs() = default;
  // Ours, a plain sockaddr and the pair of socket address storages.
  static ContextCodecs Standard();

  void Add(std::unique_ptr<ContextCodec> codec);
  // Of the first codec that accepts; nothing if none does. No allocation. Any thread.
  std::optional<Origin> Decode(absl::Span<const std::byte> bytes) const;
  std::size_t size() const { return codecs_.size(); }

 private:
  std::vector<std::unique_ptr<ContextCodec>> codecs_;
};

}  // namespace sluice::redirect

#endif  // SLUICE_REDIRECT_CONTEXT_CODEC_H_
