// SPDX-License-Identifier: Apache-2.0
//
// The blob: sizes as measured in the field, and a parser that believes nothing.
#include "engine/redirect/emulated/blob.h"

#include <string>
#include <utility>
#include <vector>

#include "engine/base/prng.h"
#include "engine/redirect/bytes.h"
#include "gtest/gtest.h"

namespace sluice::emulated {
namespace {

constexpr BlobFormat kFormat{0x1122334455667788ULL, 552, false};

Hop MakeHop(HandleId handle, std::size_t context) {
  Hop hop;
  hop.handle = handle;
  hop.filter = handle * 10;
  hop.sequence = handle * 100;
  hop.app_pid = 4321;
  hop.target_pid = 77;
  hop.app_path = "curl";
  hop.context = std::string(context, 'c');
  hop.original_remote = Address::V4({10, 1, 2, 3}, 443);
  hop.original_local = Address::Wildcard(Family::kV6, 0);
  hop.effective_remote = Address::Loopback(Family::kV6, 7001);
  return hop;
}

HopList MakeList(int hops, std::size_t context = 32) {
  HopList list;
  for (int i = 1; i <= hops; ++i) list = Extend(list, MakeHop(static_cast<HandleId>(i), context));
  return list;
}

std::string Encode(const HopList& list, const BlobFormat& format = kFormat) {
  std::string bytes(static_cast<std::size_t>(BlobSize(list, format)), '\x5A');
  EncodeBlob(list, format,
             absl::MakeSpan(reinterpret_cast<std::byte*>(bytes.data()), bytes.size()));
  return bytes;
}

io::NtStatus Parse(const std::string& bytes, HopList* list, const BlobFormat& format = kFormat) {
  return ParseBlob(
      absl::MakeConstSpan(reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()), format,
      list);
}

void ExpectSame(const HopList& a, const HopList& b) {
  ASSERT_EQ(CountOf(a), CountOf(b));
  const Hop* other = b.get();
  for (const Hop* hop = a.get(); hop != nullptr;
       hop = hop->older.get(), other = other->older.get()) {
    EXPECT_EQ(hop->handle, other->handle);
    EXPECT_EQ(hop->filter, other->filter);
    EXPECT_EQ(hop->sequence, other->sequence);
    EXPECT_EQ(hop->application, other->application);
    EXPECT_EQ(hop->app_pid, other->app_pid);
    EXPECT_EQ(hop->target_pid, other->target_pid);
    EXPECT_EQ(hop->app_path, other->app_path);
    EXPECT_EQ(hop->context, other->context);
    EXPECT_EQ(hop->original_remote, other->original_remote);
    EXPECT_EQ(hop->original_local, other->original_local);
    EXPECT_EQ(hop->effective_remote, other->effective_remote);
  }
}

// One hop fits the documentation's suggested 1,024 bytes, two do not.
TEST(BlobTest, SizesOfTheField) {
  EXPECT_EQ(BlobSize(MakeList(1), kFormat), 592u);
  EXPECT_EQ(BlobSize(MakeList(2), kFormat), 1144u);
  EXPECT_EQ(BlobSize(nullptr, kFormat), 0u);
  EXPECT_GT(BlobSize(MakeList(2), BlobFormat{1, 40000, false}), 65536u);
  EXPECT_LT(BlobSize(MakeList(1), BlobFormat{1, 40000, false}), 65536u);
}

TEST(BlobTest, RoundTrip) {
  for (const std::uint32_t pad : {0U, 64U, 552U, 4096U}) {
    for (const bool scramble : {false, true}) {
      const BlobFormat format{99, pad, scramble};
      for (const int hops : {1, 2, 3, 9}) {
        for (const std::size_t context : {std::size_t{0}, std::size_t{1}, std::size_t{4096}}) {
          const HopList list = MakeList(hops, context);
          HopList read;
          ASSERT_EQ(Parse(Encode(list, format), &read, format), io::kStatusSuccess);
          ExpectSame(read, list);
        }
      }
    }
  }
}

// A reader may meet a blob made before a knob was turned.
TEST(BlobTest, PadAndScrambleAreTheWritersBusiness) {
  const HopList list = MakeList(2);
  HopList read;
  EXPECT_EQ(Parse(Encode(list, BlobFormat{7, 4096, true}), &read, BlobFormat{7, 64, false}),
            io::kStatusSuccess);
  ExpectSame(read, list);
}

TEST(BlobTest, EveryTruncationIsRefused) {
  const std::string good = Encode(MakeList(2));
  for (std::size_t size = 0; size < good.size(); ++size) {
    HopList list = MakeList(1);
    EXPECT_NE(Parse(good.substr(0, size), &list), io::kStatusSuccess) << size;
    EXPECT_EQ(CountOf(list), 1u) << "a failed parse leaves the list alone";
  }
}

TEST(BlobTest, EveryBitCounts) {
  for (const bool scramble : {false, true}) {
    const std::string good = Encode(MakeList(1), BlobFormat{5, 200, scramble});
    for (std::size_t at = 0; at < good.size(); ++at) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
        HopList list;
        EXPECT_NE(Parse(bad, &list, BlobFormat{5, 200, scramble}), io::kStatusSuccess)
            << at << "." << bit;
      }
    }
  }
}

TEST(BlobTest, TrailingBytesAreRefused) {
  for (const std::size_t extra : {1U, 8U, 16U, 4096U}) {
    HopList list;
    EXPECT_EQ(Parse(Encode(MakeList(1)) + std::string(extra, '\0'), &list),
              io::kStatusInvalidParameter);
  }
}

TEST(BlobTest, AnotherMachinesBlobIsRefused) {
  HopList list;
  EXPECT_EQ(Parse(Encode(MakeList(1)), &list, BlobFormat{kFormat.nonce + 1, 552, false}),
            io::kStatusInvalidParameter);
}

void Seal(std::string& bytes) {
  auto* at = reinterpret_cast<std::byte*>(bytes.data());
  const std::size_t covered = bytes.size() - 8;
  redirect::StoreLittle<std::uint64_t>(at + covered,
                                       BlobChecksum(absl::MakeConstSpan(at, covered)));
}

void Forge(std::string& bytes, std::size_t at, std::uint32_t value) {
  redirect::StoreLittle<std::uint32_t>(reinterpret_cast<std::byte*>(bytes.data()) + at, value);
}

// Someone who can make a right checksum still cannot make the parser read past the end.
TEST(BlobTest, ForgedFieldsAreChecked) {
  const std::string good = Encode(MakeList(2));
  std::string same = good;
  Seal(same);
  ASSERT_EQ(same, good);
  constexpr std::size_t kHop = 24;
  struct Forgery {
    std::size_t at;
    std::uint32_t value;
    io::NtStatus status;
  };
  const Forgery forgeries[] = {
      {8, 0xFFFFFFFF, io::kStatusIntegerOverflow},  // total
      {8, 1143, io::kStatusInvalidParameter},
      {12, 0, io::kStatusInvalidParameter},  // hops
      {12, 1, io::kStatusInvalidParameter},
      {12, 3, io::kStatusIntegerOverflow},
      {12, 0xFFFFFFFF, io::kStatusIntegerOverflow},
      {kHop, 0, io::kStatusIntegerOverflow},  // length of the first hop
      {kHop, 0xFFFFFFFF, io::kStatusIntegerOverflow},
      {kHop + 4 + 32, 0xFFFFFFFF, io::kStatusIntegerOverflow},  // path length
      {kHop + 4 + 32, 0x7FFFFFFF, io::kStatusIntegerOverflow},
      {kHop + 4 + 36, 0xFFFFFFFF, io::kStatusIntegerOverflow},  // context length
      {kHop + 4 + 36, 500, io::kStatusIntegerOverflow},
      {kHop + 4 + 40, 0xFFFFFF09, io::kStatusInvalidParameter},  // family of an address
  };
  for (const Forgery& forgery : forgeries) {
    std::string bytes = good;
    Forge(bytes, forgery.at, forgery.value);
    Seal(bytes);
    HopList list;
    EXPECT_EQ(Parse(bytes, &list), forgery.status) << forgery.at << " " << forgery.value;
  }
}

// Random bytes behind a right frame: any answer, but no read out of bounds (sanitizers watch).
TEST(BlobTest, RandomContentUnderARightChecksum) {
  Prng prng(4711);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes =
        Encode(MakeList(1 + static_cast<int>(prng.Below(3))), BlobFormat{kFormat.nonce, 0, false});
    for (int change = 0; change < 4; ++change) {
      bytes[static_cast<std::size_t>(24 + prng.Below(bytes.size() - 24))] =
          static_cast<char>(prng.Next());
    }
    Seal(bytes);
    HopList list;
    Parse(bytes, &list);
  }
}

TEST(BlobTest, ScrambleHidesTheContext) {
  HopList list = Extend(nullptr, MakeHop(1, 64));
  EXPECT_NE(Encode(list).find("cccccccc"), std::string::npos);
  EXPECT_EQ(Encode(list, BlobFormat{0x1122334455667788ULL, 552, true}).find("cccccccc"),
            std::string::npos);
}

}  // namespace
}  // namespace sluice::emulated
