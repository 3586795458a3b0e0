// SPDX-License-Identifier: Apache-2.0
//
// The emulated platform's records blob, as a hostile proxy may hand it in. An even first byte: the
// rest as it is. An odd one: with header, nonce and checksum made right, so that the fuzzer gets
// past them to the lengths. What parses must survive a round trip.
#include <cstring>
#include <vector>

#include "engine/base/check.h"
#include "engine/redirect/emulated/blob.h"

namespace {

constexpr std::uint64_t kNonce = 0x0123456789abcdef;

// Makes right what guards the rest: magic, version, total, nonce and checksum.
void Repair(std::vector<std::byte>& blob) {
  blob.resize(blob.size() / 8 * 8);
  if (blob.size() < sluice::emulated::kBlobHeader + 8) return;
  const std::uint32_t magic = 0x52574C53;
  const std::uint32_t version_and_flags = 1;
  std::memcpy(blob.data(), &magic, sizeof magic);
  std::memcpy(blob.data() + 4, &version_and_flags, sizeof version_and_flags);
  const auto total = static_cast<std::uint32_t>(blob.size());
  std::memcpy(blob.data() + 8, &total, sizeof total);
  std::memcpy(blob.data() + 16, &kNonce, sizeof kNonce);
  const std::uint64_t sum =
      sluice::emulated::BlobChecksum(absl::MakeConstSpan(blob).first(blob.size() - 8));
  std::memcpy(blob.data() + blob.size() - sizeof sum, &sum, sizeof sum);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::vector<std::byte> blob(size - 1);
  if (size > 1) std::memcpy(blob.data(), data + 1, size - 1);
  if (data[0] % 2 == 1) Repair(blob);
  sluice::emulated::BlobFormat format;
  format.nonce = kNonce;
  format.pad = 0;
  format.scramble = data[0] % 4 >= 2;
  sluice::emulated::HopList list;
  if (sluice::emulated::ParseBlob(blob, format, &list) != sluice::io::kStatusSuccess) return 0;
  if (list == nullptr) return 0;
  std::vector<std::byte> again(static_cast<std::size_t>(sluice::emulated::BlobSize(list, format)));
  sluice::emulated::EncodeBlob(list, format, absl::MakeSpan(again));
  sluice::emulated::HopList second;
  SLUICE_CHECK(sluice::emulated::ParseBlob(again, format, &second) == sluice::io::kStatusSuccess);
  return 0;
}
