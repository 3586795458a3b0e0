// SPDX-License-Identifier: Apache-2.0
#include "engine/redirect/context_codec.h"

#include <utility>

#include "engine/base/check.h"
#include "engine/redirect/context_layouts.h"

namespace sluice::redirect {

ContextCodecs ContextCodecs::Standard() {
  ContextCodecs codecs;
  codecs.Add(std::make_unique<SluiceContext>());
  codecs.Add(std::make_unique<SockaddrContext>());
  codecs.Add(std::make_unique<SockaddrPairContext>());
  return codecs;
}

void ContextCodecs::Add(std::unique_ptr<ContextCodec> codec) {
  SLUICE_CHECK(codec != nullptr);
  codecs_.push_back(std::move(codec));
}

std::optional<Origin> ContextCodecs::Decode(absl::Span<const std::byte> bytes) const {
  for (const std::unique_ptr<ContextCodec>& codec : codecs_) {
    std::optional<Origin> origin = codec->Decode(bytes);
    if (!origin.has_value()) continue;
    // An embedder's codec is held to the same rule.
    if (origin->destination.empty() || origin->destination.tcp_port() == 0) return std::nullopt;
    return origin;
  }
  return std::nullopt;
}

}  // namespace sluice::redirect

namespace sluice {

std::unique_ptr<ContextCodec> SluiceLayout() { return std::make_unique<redirect::SluiceContext>(); }
std::unique_ptr<ContextCodec> SockaddrLayout() {
  return std::make_unique<redirect::SockaddrContext>();
}
std::unique_ptr<ContextCodec> SockaddrPairLayout() {
  return std::make_unique<redirect::SockaddrPairContext>();
}

}  // namespace sluice
