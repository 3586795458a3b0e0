// SPDX-License-Identifier: Apache-2.0
//
// ContextCodecs: the layouts of contexts (sluice/codec.h) that a redirector accepts.
#ifndef SLUICE_REDIRECT_CONTEXT_CODEC_H_
#define SLUICE_REDIRECT_CONTEXT_CODEC_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "engine/redirect/origin.h"
#include "sluice/codec.h"

namespace sluice::redirect {

using ContextCodec = sluice::ContextCodec;

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
