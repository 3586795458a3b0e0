// SPDX-License-Identifier: Apache-2.0
//
// Redirect contexts, as another vendor's callout may attach them. Whatever a codec accepts must be
// a usable destination (P17), and what it writes it must read back.
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/check.h"
#include "engine/redirect/context_codec.h"
#include "engine/redirect/context_layouts.h"

namespace {

using sluice::redirect::ContextCodec;
using sluice::redirect::Origin;

void Check(const ContextCodec& codec, absl::Span<const std::byte> bytes) {
  const std::optional<Origin> origin = codec.Decode(bytes);
  if (!origin.has_value()) return;
  SLUICE_CHECK(!origin->destination.empty());
  SLUICE_CHECK(origin->destination.tcp_port() != 0);
  const std::string text = codec.Encode(*origin);
  if (text.empty()) return;
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  const std::optional<Origin> again = codec.Decode(absl::MakeConstSpan(data, text.size()));
  SLUICE_CHECK(again.has_value());
  SLUICE_CHECK(again->destination == origin->destination);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A heap copy of the exact size, so that one byte too far is seen.
  std::vector<std::byte> bytes(size);
  if (size != 0) std::memcpy(bytes.data(), data, size);
  Check(sluice::redirect::SluiceContext(), bytes);
  Check(sluice::redirect::SockaddrContext(), bytes);
  Check(sluice::redirect::SockaddrPairContext(), bytes);
  static const sluice::redirect::ContextCodecs* codecs =
      new sluice::redirect::ContextCodecs(sluice::redirect::ContextCodecs::Standard());
  const std::optional<Origin> origin = codecs->Decode(bytes);
  SLUICE_CHECK(!origin.has_value() || !origin->destination.empty());
  return 0;
}
