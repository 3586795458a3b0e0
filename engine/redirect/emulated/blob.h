// SPDX-License-Identifier: Apache-2.0
//
// Blob: the opaque byte form of a hop list, what user mode queries and sets. Little-endian:
//    0 u32 magic   4 u16 version   6 u16 flags (bit 0: masked)
//    8 u32 total   12 u32 hops   16 u64 nonce
//   24 hop records, oldest first: u32 length, then that many bytes (at least `pad`)
//      zero bytes up to a multiple of 8, then u64 checksum over all before it
// With the default pad of 552 a hop with a small context makes 592 bytes, two make 1,144: the first
// fits the 1,024 bytes that documentation suggests, the second does not, as in the field.
//
// The nonce is the machine's: a blob of another one is refused. Parsing trusts no byte. Pure; any
// thread.
#ifndef SLUICE_REDIRECT_EMULATED_BLOB_H_
#define SLUICE_REDIRECT_EMULATED_BLOB_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "engine/io/control_status.h"
#include "engine/redirect/emulated/hop.h"

namespace sluice::emulated {

struct BlobFormat {
  std::uint64_t nonce = 0;
  std::uint32_t pad = 552;
  bool scramble = false;
};

inline constexpr std::size_t kBlobHeader = 24;

// Bytes EncodeBlob will write; 0 for the empty list. 64-bit, for pads that no buffer can hold.
std::uint64_t BlobSize(const HopList& list, const BlobFormat& format);
// REQUIRES: list not empty, out.size() == BlobSize(list, format).
void EncodeBlob(const HopList& list, const BlobFormat& format, absl::Span<std::byte> out);
// kStatusSuccess and *list, or why not: kStatusIntegerOverflow for lengths that reach past the end,
// kStatusInvalidParameter for everything else. Handles nobody knows are kept.
io::NtStatus ParseBlob(absl::Span<const std::byte> bytes, const BlobFormat& format, HopList* list);

// Over all but the last eight bytes of a blob. Public for tests that forge blobs.
std::uint64_t BlobChecksum(absl::Span<const std::byte> covered);

}  // namespace sluice::emulated

#endif  // SLUICE_REDIRECT_EMULATED_BLOB_H_
