// SPDX-License-Identifier: Apache-2.0
//
// Codecs and the embedder's own redirect platform.
#include "sluice/redirect.h"

#include <memory>
#include <utility>

#include "engine/capi/adapters.h"
#include "engine/capi/border.h"
#include "engine/capi/table.h"
#include "sluice/codec.h"

// What find fills in.
struct sluice_found {
  sluice::FoundOrigin* origin = nullptr;
  bool set = false;
};

namespace sluice::capi {

bool FromC(const sluice_origin& origin, Origin* out) {
  *out = Origin();
  if (!FromC(origin.destination, &out->destination)) return false;
  if (!FromC(origin.source, &out->source)) return false;
  if (out->destination.empty() || out->destination.tcp_port() == 0) return false;
  out->pid = origin.pid;
  out->process_path = ViewOf(origin.process_path);
  return true;
}

sluice_origin ToC(const Origin& origin) {
  sluice_origin out{};
  out.size = sizeof out;
  out.pid = origin.pid;
  out.destination = ToC(origin.destination);
  out.source = ToC(origin.source);
  out.process_path = ToView(origin.process_path);
  return out;
}

absl::StatusOr<std::unique_ptr<CodecAdapter>> CodecAdapter::Make(const sluice_codec* given,
                                                                 absl::string_view name) {
  sluice_codec codec{};
  Reader reader(absl::StrCat(name, "."));
  reader.Also(Read(given, name, &codec));
  std::string text = reader.Text(codec.name, "name");
  if (text.empty()) text = "codec";
  reader.Need(codec.decode != nullptr, "decode", "is NULL; a codec has to read at least");
  if (!reader.ok()) return reader.status();
  return std::unique_ptr<CodecAdapter>(new CodecAdapter(codec, std::move(text)));
}

std::optional<Origin> CodecAdapter::Decode(absl::Span<const std::byte> bytes) const {
  const CallbackScope scope;
  sluice_origin found{};
  found.size = sizeof found;
  Origin origin;
  try {
    if (codec_.decode(codec_.user, bytes.data(), bytes.size(), &found) != 1) return std::nullopt;
  } catch (...) {
    return std::nullopt;
  }
  if (!FromC(found, &origin)) return std::nullopt;
  return origin;
}

std::string CodecAdapter::Encode(const Origin& origin) const {
  if (codec_.encode == nullptr) return std::string();
  const CallbackScope scope;
  const sluice_origin given = ToC(origin);
  try {
    return Written([&](char* bytes, std::size_t capacity) {
      return codec_.encode(codec_.user, &given, bytes, capacity);
    });
  } catch (...) {
    return std::string();
  }
}

absl::StatusOr<std::unique_ptr<OwnRedirectAdapter>> OwnRedirectAdapter::Make(
    const sluice_own_redirect* given, absl::string_view name) {
  sluice_own_redirect own{};
  Reader reader(absl::StrCat(name, "."));
  reader.Also(Read(given, name, &own));
  reader.Need(own.find != nullptr, "find", "is NULL; it says where connections were going");
  if (!reader.ok()) return reader.status();
  return std::unique_ptr<OwnRedirectAdapter>(new OwnRedirectAdapter(own));
}

bool OwnRedirectAdapter::Find(const Address& client, const Address& local, FoundOrigin* origin) {
  const CallbackScope scope;
  const sluice_address from = ToC(client);
  const sluice_address to = ToC(local);
  sluice_found found;
  found.origin = origin;
  try {
    return own_.find(own_.user, &from, &to, &found) == 1 && found.set;
  } catch (...) {
    return false;
  }
}

namespace {

std::int32_t FoundSet(sluice_found* found, const sluice_origin* given) {
  if (found == nullptr || given == nullptr) return SLUICE_BAD_ARGUMENT;
  return Guarded(nullptr, [&]() -> std::int32_t {
    sluice_origin full{};
    Origin origin;
    if (!Read(given, "origin", &full).ok() || !FromC(full, &origin)) return SLUICE_BAD_ARGUMENT;
    found->origin->destination = origin.destination;
    found->origin->source = origin.source;
    found->origin->pid = origin.pid;
    found->origin->process_path = std::string(origin.process_path);
    found->origin->context = std::string(ViewOf(full.context));
    found->set = true;
    return SLUICE_OK;
  });
}

// Null with what is wrong in *status.
std::unique_ptr<ContextCodec> LayoutOf(std::int32_t layout, Reader& reader) {
  switch (reader.Choice(layout, SLUICE_LAYOUT_SOCKADDR_PAIR, "layout",
                        "SLUICE_LAYOUT_SLUICE, SOCKADDR, SOCKADDR_PAIR")) {
    case SLUICE_LAYOUT_SLUICE:
      return SluiceLayout();
    case SLUICE_LAYOUT_SOCKADDR:
      return SockaddrLayout();
    default:
      return SockaddrPairLayout();
  }
}

std::int32_t Decode(std::int32_t layout, const void* bytes, std::size_t size, sluice_origin* origin,
                    sluice_error* error) {
  return Guarded(error, [&]() -> std::int32_t {
    Reader reader;
    const std::unique_ptr<ContextCodec> codec = LayoutOf(layout, reader);
    reader.List(bytes, size, "bytes");
    if (!reader.ok()) return Fail(error, reader.status());
    const std::optional<Origin> found =
        codec->Decode(absl::MakeConstSpan(static_cast<const std::byte*>(bytes), size));
    if (!found.has_value()) {
      return Fail(error, SLUICE_NOT_FOUND,
                  absl::StrCat("bytes: these ", size, " are no context of the layout \"",
                               codec->name(), "\" with a usable destination"));
    }
    return Fill(origin, ToC(*found), "origin", error);
  });
}

std::int32_t Encode(std::int32_t layout, const sluice_origin* given, void* bytes,
                    std::size_t capacity, std::size_t* size, sluice_error* error) {
  if (given == nullptr) return FailNull(error, "origin");
  return Guarded(error, [&]() -> std::int32_t {
    Reader reader;
    const std::unique_ptr<ContextCodec> codec = LayoutOf(layout, reader);
    sluice_origin full{};
    reader.Also(Read(given, "origin", &full));
    Origin origin;
    reader.Need(FromC(full, &origin), "origin",
                "has no destination with a TCP port, or an address that is none");
    if (!reader.ok()) return Fail(error, reader.status());
    const std::string encoded = codec->Encode(origin);
    if (size != nullptr) *size = encoded.size();
    if (encoded.empty()) {
      return Fail(error, SLUICE_BAD_ARGUMENT,
                  absl::StrCat("origin: the layout \"", codec->name(), "\" cannot express it"));
    }
    if (bytes == nullptr || encoded.size() > capacity) {
      return Fail(error, SLUICE_NO_ROOM,
                  absl::StrCat("capacity: ", capacity, " is less than the ", encoded.size(),
                               " bytes that it takes"));
    }
    std::memcpy(bytes, encoded.data(), encoded.size());
    return SLUICE_OK;
  });
}

}  // namespace

void AddRedirect(sluice_api& table) {
  table.found_set = &FoundSet;
  table.context_decode = &Decode;
  table.context_encode = &Encode;
}

}  // namespace sluice::capi
