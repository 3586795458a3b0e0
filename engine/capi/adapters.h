// SPDX-License-Identifier: Apache-2.0
//
// Adapters: C callbacks as the C++ objects that the engine calls. Each holds a copy of its struct;
// what a callback throws ends in it.
#ifndef SLUICE_CAPI_ADAPTERS_H_
#define SLUICE_CAPI_ADAPTERS_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/capi/border.h"
#include "engine/capi/handles.h"
#include "sluice/codec.h"
#include "sluice/emulated.h"
#include "sluice/inspector.h"
#include "sluice/redirect.h"
#include "sluice/sluice.h"
#include "sluice/tap.h"

namespace sluice::capi {

// False when it has no usable destination or an address is none.
bool FromC(const sluice_origin& origin, Origin* out);
sluice_origin ToC(const Origin& origin);

class CodecAdapter final : public ContextCodec {
 public:
  // `name` is the struct's place in messages.
  static absl::StatusOr<std::unique_ptr<CodecAdapter>> Make(const sluice_codec* given,
                                                            absl::string_view name);
  const char* name() const override { return name_.c_str(); }
  std::optional<Origin> Decode(absl::Span<const std::byte> bytes) const override;
  std::string Encode(const Origin& origin) const override;

 private:
  CodecAdapter(const sluice_codec& codec, std::string name)
      : codec_(codec), name_(std::move(name)) {}

  const sluice_codec codec_;
  const std::string name_;
};

class OwnRedirectAdapter final : public OwnRedirect {
 public:
  static absl::StatusOr<std::unique_ptr<OwnRedirectAdapter>> Make(const sluice_own_redirect* given,
                                                                  absl::string_view name);
  bool Find(const Address& client, const Address& local, FoundOrigin* origin) override;

 private:
  explicit OwnRedirectAdapter(const sluice_own_redirect& own) : own_(own) {}

  const sluice_own_redirect own_;
};

class InspectorAdapter final : public Inspector {
 public:
  static absl::StatusOr<std::unique_ptr<InspectorAdapter>> Make(const sluice_inspector* given,
                                                                absl::string_view name);
  const char* name() const override { return name_.c_str(); }
  Verdict OnOpen(InspectedFlow& flow, OpenCall& call) override;
  Verdict OnData(InspectedFlow& flow, Direction direction, Bytes& data, DataCall& call) override;
  void OnEnd(InspectedFlow& flow, InspectionEnd end) override;

 private:
  InspectorAdapter(const sluice_inspector& inspector, std::string name)
      : inspector_(inspector), name_(std::move(name)) {}

  const sluice_inspector inspector_;
  const std::string name_;
};

class TapAdapter final : public Tap {
 public:
  static absl::StatusOr<std::unique_ptr<TapAdapter>> Make(const sluice_tap* given,
                                                          absl::string_view name);
  const char* name() const override { return name_.c_str(); }
  void OnRecord(const TapRecord& record) override;

 private:
  TapAdapter(const sluice_tap& tap, std::string name) : tap_(tap), name_(std::move(name)) {}

  const sluice_tap tap_;
  const std::string name_;
};

struct Callbacks {
  std::unique_ptr<OwnRedirectAdapter> own_redirect;
  std::unique_ptr<OwnRedirectAdapter> without_context;
  std::unique_ptr<InspectorAdapter> inspector;
  std::unique_ptr<TapAdapter> tap;
};

// blocking.cc. Null for null; what is given is held until it is let go.
Inspector* Hold(sluice_blocking* blocking);
void LetGo(sluice_blocking* blocking);
// What is wrong with it is said by `reader`; its verdict is not looked at.
Answer Convert(const sluice_answer& given, Reader& reader);

// Calls `write(bytes, capacity)`, which returns how many bytes there are, once more with enough
// room if that was too little. Empty when it keeps wanting more.
template <typename Write>
std::string Written(Write write) {
  constexpr std::size_t kFirst = 512;
  constexpr std::size_t kMax = std::size_t{1} << 20;
  std::string bytes(kFirst, '\0');
  for (int i = 0; i < 2; ++i) {
    const std::size_t size = write(bytes.data(), bytes.size());
    const bool fits = size <= bytes.size();
    if (!fits && size > kMax) break;
    bytes.resize(size);
    if (fits) return bytes;
  }
  return std::string();
}

}  // namespace sluice::capi

#endif  // SLUICE_CAPI_ADAPTERS_H_
