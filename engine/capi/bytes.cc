// SPDX-License-Identifier: Apache-2.0
//
// Bytes, and the readers of them.
#include "sluice/bytes.h"

#include "engine/capi/border.h"
#include "engine/capi/table.h"
#include "sluice/client_hello.h"
#include "sluice/http_request.h"

namespace sluice::capi {
namespace {

static_assert(SLUICE_READING_MORE == static_cast<int>(Reading::kMore));
static_assert(SLUICE_READING_FOUND == static_cast<int>(Reading::kFound));
static_assert(SLUICE_READING_OTHER == static_cast<int>(Reading::kOther));
static_assert(SLUICE_READING_MALFORMED == static_cast<int>(Reading::kMalformed));
static_assert(SLUICE_READING_TOO_LONG == static_cast<int>(Reading::kTooLong));

Bytes& BytesOf(sluice_bytes* bytes) { return *reinterpret_cast<Bytes*>(bytes); }
const Bytes& BytesOf(const sluice_bytes* bytes) { return *reinterpret_cast<const Bytes*>(bytes); }

std::size_t BytesSize(const sluice_bytes* bytes) {
  return bytes == nullptr ? 0 : BytesOf(bytes).size();
}

std::int32_t BytesNext(sluice_bytes* bytes, sluice_position* position, sluice_slice* slice) {
  if (bytes == nullptr || position == nullptr || slice == nullptr) return 0;
  Bytes::Position at{position->node, position->begun != 0};
  char* data = nullptr;
  std::size_t size = 0;
  const bool found = BytesOf(bytes).MutableNext(&at, &data, &size);
  position->node = at.node;
  position->begun = at.begun ? 1 : 0;
  *slice = sluice_slice{data, size};
  return found ? 1 : 0;
}

std::size_t BytesCopyOut(const sluice_bytes* bytes, std::size_t offset, void* out,
                         std::size_t count) {
  if (bytes == nullptr || out == nullptr) return 0;
  return BytesOf(bytes).CopyOut(offset, out, count);
}

std::int32_t BytesAppend(sluice_bytes* to, const sluice_bytes* from, std::size_t offset,
                         std::size_t count) {
  if (to == nullptr || from == nullptr || to == from) return SLUICE_BAD_ARGUMENT;
  const std::size_t size = BytesOf(from).size();
  if (offset > size || count > size - offset) return SLUICE_BAD_ARGUMENT;
  return BytesOf(to).Append(BytesOf(from), offset, count) ? SLUICE_OK : SLUICE_NO_ROOM;
}

std::int32_t BytesAppendCopy(sluice_bytes* bytes, const void* data, std::size_t size) {
  if (bytes == nullptr || (data == nullptr && size != 0)) return SLUICE_BAD_ARGUMENT;
  const absl::string_view view(static_cast<const char*>(data), size);
  return BytesOf(bytes).AppendCopy(view) ? SLUICE_OK : SLUICE_NO_ROOM;
}

std::int32_t BytesRemovePrefix(sluice_bytes* bytes, std::size_t count) {
  if (bytes == nullptr || count > BytesOf(bytes).size()) return SLUICE_BAD_ARGUMENT;
  BytesOf(bytes).RemovePrefix(count);
  return SLUICE_OK;
}

void BytesClear(sluice_bytes* bytes) {
  if (bytes != nullptr) BytesOf(bytes).Clear();
}

// A text and the zero byte behind it, which is there already.
template <std::size_t kCapacity>
std::uint32_t CopyText(absl::string_view text, char (&out)[kCapacity]) {
  std::memcpy(out, text.data(), text.size());
  return static_cast<std::uint32_t>(text.size());
}

std::int32_t ReadHello(const sluice_bytes* bytes, sluice_client_hello* hello) {
  static_assert(decltype(ClientHello::server_name)::kSizeMax < sizeof(hello->server_name));
  static_assert(decltype(ClientHello::protocols)::kSizeMax <= sizeof(hello->protocols));
  if (bytes == nullptr) return -1;
  ClientHello found;
  const Reading reading = ReadClientHello(BytesOf(bytes), &found);
  sluice_client_hello out{};
  if (reading == Reading::kFound) {
    out.server_name_size = CopyText(found.server_name.view(), out.server_name);
    out.protocols_size = CopyText(found.protocols.view(), out.protocols);
    out.protocols_cut = found.protocols_cut ? 1 : 0;
  }
  if (Fill(hello, out, "hello", nullptr) != SLUICE_OK) return -1;
  return static_cast<std::int32_t>(reading);
}

std::int32_t HelloOffers(const sluice_client_hello* hello, const char* protocol, std::size_t size) {
  return GuardedOr<std::int32_t>(0, [&] {
    sluice_client_hello given{};
    if (hello == nullptr || protocol == nullptr || !Read(hello, "hello", &given).ok()) return 0;
    if (given.protocols_size > sizeof given.protocols) return 0;
    ClientHello full;
    for (std::uint32_t i = 0; i < given.protocols_size; ++i) full.protocols.Add(given.protocols[i]);
    return full.Offers(absl::string_view(protocol, size)) ? 1 : 0;
  });
}

std::int32_t ReadRequest(const sluice_bytes* bytes, sluice_http_request* request) {
  static_assert(decltype(HttpRequest::method)::kSizeMax < sizeof(request->method));
  static_assert(decltype(HttpRequest::host)::kSizeMax < sizeof(request->host));
  if (bytes == nullptr) return -1;
  HttpRequest found;
  const Reading reading = ReadHttpRequest(BytesOf(bytes), &found);
  sluice_http_request out{};
  if (reading == Reading::kFound) {
    out.method_size = CopyText(found.method.view(), out.method);
    out.host_size = CopyText(found.host.view(), out.host);
    out.port = found.port;
  }
  if (Fill(request, out, "request", nullptr) != SLUICE_OK) return -1;
  return static_cast<std::int32_t>(reading);
}

}  // namespace

void AddBytes(sluice_api& table) {
  table.bytes_size = &BytesSize;
  table.bytes_next = &BytesNext;
  table.bytes_copy_out = &BytesCopyOut;
  table.bytes_append = &BytesAppend;
  table.bytes_append_copy = &BytesAppendCopy;
  table.bytes_remove_prefix = &BytesRemovePrefix;
  table.bytes_clear = &BytesClear;
  table.read_client_hello = &ReadHello;
  table.client_hello_offers = &HelloOffers;
  table.read_http_request = &ReadRequest;
}

}  // namespace sluice::capi
