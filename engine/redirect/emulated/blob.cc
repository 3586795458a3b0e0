// SPDX-License-Identifier: Apache-2.0
#include "engine/redirect/emulated/blob.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "engine/base/check.h"
#include "engine/redirect/bytes.h"

namespace sluice::emulated {
namespace {

using redirect::LoadLittle;
using redirect::StoreLittle;

constexpr std::uint32_t kMagic = 0x52574C53;  // "SLWR"
constexpr std::uint16_t kVersion = 1;
constexpr std::uint16_t kFlagMasked = 1;
constexpr std::size_t kChecksum = 8;
constexpr std::size_t kHopLength = 4;
constexpr std::size_t kAddress = 23;  // family u8, port u16, scope u32, 16 bytes
// handle, filter, sequence u64; pids, path length, context length u32; three addresses.
constexpr std::size_t kHopFixed = 3 * 8 + 4 * 4 + 3 * kAddress;

std::size_t HopContent(const Hop& hop, std::uint32_t pad) {
  return std::max<std::size_t>(pad, kHopFixed + hop.app_path.size() + hop.context.size());
}

std::uint64_t RoundUp8(std::uint64_t size) { return (size + 7) & ~std::uint64_t{7}; }

// Its own inverse.
void Mask(std::byte* bytes, std::size_t size, std::uint64_t nonce) {
  for (std::size_t i = 0; i < size; ++i) {
    bytes[i] ^= static_cast<std::byte>((nonce >> (8 * (i % 8))) & 0xFF);
  }
}

std::byte* StoreAddress(std::byte* at, const Address& address) {
  at[0] = static_cast<std::byte>(address.family());
  StoreLittle<std::uint16_t>(at + 1, address.tcp_port());
  StoreLittle<std::uint32_t>(at + 3, address.scope_id());
  std::memcpy(at + 7, address.bytes().data(), 16);
  return at + kAddress;
}

std::optional<Address> LoadAddress(const std::byte* at) {
  const auto family = std::to_integer<std::uint8_t>(at[0]);
  const auto tcp_port = LoadLittle<std::uint16_t>(at + 1);
  const auto scope_id = LoadLittle<std::uint32_t>(at + 3);
  std::array<std::uint8_t, 16> raw;
  std::memcpy(raw.data(), at + 7, raw.size());
  switch (family) {
    case 0:
      return Address();
    case 4:
      return Address::V4({raw[0], raw[1], raw[2], raw[3]}, tcp_port);
    case 6:
      return Address::V6(raw, tcp_port, scope_id);
    default:
      return std::nullopt;
  }
}

// `at` has HopContent(hop) zero bytes.
void StoreHop(std::byte* at, const Hop& hop) {
  StoreLittle<std::uint64_t>(at, hop.handle);
  StoreLittle<std::uint64_t>(at + 8, hop.filter);
  StoreLittle<std::uint64_t>(at + 16, hop.sequence);
  StoreLittle<std::uint32_t>(at + 24, hop.app_pid);
  StoreLittle<std::uint32_t>(at + 28, hop.target_pid);
  StoreLittle<std::uint32_t>(at + 32, static_cast<std::uint32_t>(hop.app_path.size()));
  StoreLittle<std::uint32_t>(at + 36, static_cast<std::uint32_t>(hop.context.size()));
  at = StoreAddress(at + 40, hop.original_remote);
  at = StoreAddress(at, hop.original_local);
  at = StoreAddress(at, hop.effective_remote);
  std::memcpy(at, hop.app_path.data(), hop.app_path.size());
  std::memcpy(at + hop.app_path.size(), hop.context.data(), hop.context.size());
}

io::NtStatus LoadHop(absl::Span<const std::byte> bytes, Hop* hop) {
  if (bytes.size() < kHopFixed) return io::kStatusIntegerOverflow;
  const std::byte* at = bytes.data();
  hop->handle = LoadLittle<std::uint64_t>(at);
  hop->filter = LoadLittle<std::uint64_t>(at + 8);
  hop->sequence = LoadLittle<std::uint64_t>(at + 16);
  hop->app_pid = LoadLittle<std::uint32_t>(at + 24);
  hop->target_pid = LoadLittle<std::uint32_t>(at + 28);
  const std::size_t path = LoadLittle<std::uint32_t>(at + 32);
  const std::size_t context = LoadLittle<std::uint32_t>(at + 36);
  std::size_t left = bytes.size() - kHopFixed;
  if (path > left) return io::kStatusIntegerOverflow;
  left -= path;
  if (context > left) return io::kStatusIntegerOverflow;
  const std::optional<Address> original_remote = LoadAddress(at + 40);
  const std::optional<Address> original_local = LoadAddress(at + 40 + kAddress);
  const std::optional<Address> effective = LoadAddress(at + 40 + 2 * kAddress);
  if (!original_remote || !original_local || !effective) return io::kStatusInvalidParameter;
  hop->original_remote = *original_remote;
  hop->original_local = *original_local;
  hop->effective_remote = *effective;
  const char* tail = reinterpret_cast<const char*>(at + kHopFixed);
  hop->app_path.assign(tail, path);
  hop->context.assign(tail + path, context);
  return io::kStatusSuccess;
}

// Header and checksum; on success *hops and *records (still masked, without padding before the
// checksum).
io::NtStatus CheckFrame(absl::Span<const std::byte> bytes, const BlobFormat& format) {
  if (bytes.size() < kBlobHeader + kChecksum) return io::kStatusIntegerOverflow;
  const std::byte* at = bytes.data();
  if (LoadLittle<std::uint32_t>(at) != kMagic) return io::kStatusInvalidParameter;
  if (LoadLittle<std::uint16_t>(at + 4) != kVersion) return io::kStatusInvalidParameter;
  if ((LoadLittle<std::uint16_t>(at + 6) & ~kFlagMasked) != 0) return io::kStatusInvalidParameter;
  const std::uint32_t total = LoadLittle<std::uint32_t>(at + 8);
  if (total > bytes.size()) return io::kStatusIntegerOverflow;
  if (total < bytes.size()) return io::kStatusInvalidParameter;
  if (total % 8 != 0) return io::kStatusInvalidParameter;
  if (LoadLittle<std::uint64_t>(at + 16) != format.nonce) return io::kStatusInvalidParameter;
  const std::size_t covered = bytes.size() - kChecksum;
  if (LoadLittle<std::uint64_t>(at + covered) != BlobChecksum(bytes.subspan(0, covered)))
    return io::kStatusInvalidParameter;
  return io::kStatusSuccess;
}

}  // namespace

// Four lanes, so that the processor can work on them at the same time. Each step is a bijection of
// the lane and of the word, and the fold of each lane, so a change within one word always shows.
std::uint64_t BlobChecksum(absl::Span<const std::byte> covered) {
  constexpr std::uint64_t kOdd = 0xD6E8FEB86659FD93ULL;
  SLUICE_CHECK(covered.size() % 8 == 0);
  std::uint64_t lanes[4] = {covered.size(), 1, 2, 3};
  const std::size_t words = covered.size() / 8;
  const auto step = [&](std::uint64_t& lane, std::size_t word) {
    lane = (lane ^ LoadLittle<std::uint64_t>(covered.data() + 8 * word)) * kOdd;
    lane ^= lane >> 32;
  };
  std::size_t word = 0;
  for (; word + 4 <= words; word += 4) {
    for (std::size_t i = 0; i < 4; ++i) step(lanes[i], word + i);
  }
  for (; word < words; ++word) step(lanes[0], word);
  std::uint64_t sum = 0x9E3779B97F4A7C15ULL;
  for (const std::uint64_t lane : lanes) {
    sum = (sum ^ lane) * kOdd;
    sum ^= sum >> 32;
  }
  return sum;
}

std::uint64_t BlobSize(const HopList& list, const BlobFormat& format) {
  if (list == nullptr) return 0;
  std::uint64_t size = kBlobHeader;
  for (const Hop* hop = list.get(); hop != nullptr; hop = hop->older.get()) {
    size += kHopLength + HopContent(*hop, format.pad);
  }
  return RoundUp8(size) + kChecksum;
}

void EncodeBlob(const HopList& list, const BlobFormat& format, absl::Span<std::byte> out) {
  SLUICE_CHECK(list != nullptr);
  SLUICE_CHECK(out.size() == BlobSize(list, format));
  std::memset(out.data(), 0, out.size());
  std::byte* at = out.data();
  StoreLittle<std::uint32_t>(at, kMagic);
  StoreLittle<std::uint16_t>(at + 4, kVersion);
  StoreLittle<std::uint16_t>(at + 6, format.scramble ? kFlagMasked : std::uint16_t{0});
  StoreLittle<std::uint32_t>(at + 8, static_cast<std::uint32_t>(out.size()));
  StoreLittle<std::uint32_t>(at + 12, list->count);
  StoreLittle<std::uint64_t>(at + 16, format.nonce);
  absl::InlinedVector<const Hop*, 8> newest_first;
  for (const Hop* hop = list.get(); hop != nullptr; hop = hop->older.get())
    newest_first.push_back(hop);
  at += kBlobHeader;
  for (auto hop = newest_first.rbegin(); hop != newest_first.rend(); ++hop) {
    const std::size_t content = HopContent(**hop, format.pad);
    StoreLittle<std::uint32_t>(at, static_cast<std::uint32_t>(content));
    StoreHop(at + kHopLength, **hop);
    at += kHopLength + content;
  }
  const std::size_t covered = out.size() - kChecksum;
  if (format.scramble) Mask(out.data() + kBlobHeader, covered - kBlobHeader, format.nonce);
  StoreLittle<std::uint64_t>(out.data() + covered, BlobChecksum(out.subspan(0, covered)));
}

io::NtStatus ParseBlob(absl::Span<const std::byte> bytes, const BlobFormat& format, HopList* list) {
  const io::NtStatus frame = CheckFrame(bytes, format);
  if (frame != io::kStatusSuccess) return frame;
  const std::uint32_t hops = LoadLittle<std::uint32_t>(bytes.data() + 12);
  absl::Span<const std::byte> left =
      bytes.subspan(kBlobHeader, bytes.size() - kBlobHeader - kChecksum);
  std::string unmasked;
  if ((LoadLittle<std::uint16_t>(bytes.data() + 6) & kFlagMasked) != 0) {
    unmasked.assign(reinterpret_cast<const char*>(left.data()), left.size());
    Mask(reinterpret_cast<std::byte*>(unmasked.data()), unmasked.size(), format.nonce);
    left =
        absl::MakeConstSpan(reinterpret_cast<const std::byte*>(unmasked.data()), unmasked.size());
  }
  HopList result;
  for (std::uint32_t i = 0; i < hops; ++i) {
    if (left.size() < kHopLength) return io::kStatusIntegerOverflow;
    const std::size_t length = LoadLittle<std::uint32_t>(left.data());
    left.remove_prefix(kHopLength);
    if (length > left.size()) return io::kStatusIntegerOverflow;
    Hop hop;
    const io::NtStatus status = LoadHop(left.subspan(0, length), &hop);
    if (status != io::kStatusSuccess) return status;
    result = Extend(result, std::move(hop));
    left.remove_prefix(length);
  }
  // Only the padding before the checksum may remain, and there is no blob of no hops.
  if (left.size() >= 8 || result == nullptr) return io::kStatusInvalidParameter;
  *list = std::move(result);
  return io::kStatusSuccess;
}

}  // namespace sluice::emulated
