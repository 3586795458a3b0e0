// SPDX-License-Identifier: Apache-2.0
//
// Context layouts: what was written is read back, and nothing else is believed.
#include "engine/redirect/context_codec.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/redirect/context_layouts.h"
#include "gtest/gtest.h"

namespace sluice::redirect {
namespace {

absl::Span<const std::byte> Bytes(const std::string& text) {
  return absl::MakeConstSpan(reinterpret_cast<const std::byte*>(text.data()), text.size());
}

Address At(const char* text) {
  const absl::StatusOr<Address> address = Address::Parse(text);
  EXPECT_TRUE(address.ok()) << text;
  return address.ok() ? *address : Address();
}

std::vector<Origin> Origins() {
  return {
      Origin{At("93.184.216.34:443"), At("127.0.0.1:51234"), 4321},
      Origin{At("[2001:db8::7]:8080"), At("[::1]:50001"), 1},
      Origin{At("[::ffff:10.1.2.3]:80"), Address(), 0},
      Origin{At("[fe80::1%3]:9"), At("[fe80::2%3]:10"), 0xFFFFFFFF},
  };
}

TEST(ContextCodecTest, OursRoundTrip) {
  const SluiceContext codec;
  for (const Origin& origin : Origins()) {
    const std::string bytes = codec.Encode(origin);
    ASSERT_EQ(bytes.size(), SluiceContext::kSize);
    const std::optional<Origin> read = codec.Decode(Bytes(bytes));
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->destination, origin.destination);
    EXPECT_EQ(read->source, origin.source);
    EXPECT_EQ(read->pid, origin.pid);
  }
}

// The layout is a contract with drivers, so its bytes are written out here.
TEST(ContextCodecTest, OursByteForByte) {
  const std::string bytes =
      SluiceContext().Encode(Origin{At("1.2.3.4:258"), At("127.0.0.1:772"), 0x01020304});
  std::string expected(64, '\0');
  expected.replace(0, 20,
                   std::string("SLCX\x01\0\x40\0\x04\x04\x02\x01\x04\x03\0\0\x04\x03\x02\x01", 20));
  expected.replace(32, 4, std::string("\x01\x02\x03\x04", 4));
  expected.replace(48, 4, std::string("\x7F\0\0\x01", 4));
  EXPECT_EQ(bytes, expected);
}

TEST(ContextCodecTest, SockaddrByteForByte) {
  const std::string bytes = SockaddrContext().Encode(Origin{At("1.2.3.4:258"), Address(), 0});
  EXPECT_EQ(bytes, std::string("\x02\0\x01\x02\x01\x02\x03\x04\0\0\0\0\0\0\0\0", 16));
  const std::string v6 = SockaddrContext().Encode(Origin{At("[2001:db8::7]:443"), Address(), 0});
  ASSERT_EQ(v6.size(), 28u);
  EXPECT_EQ(v6.substr(0, 4), std::string("\x17\0\x01\xBB", 4));
  EXPECT_EQ(v6.substr(8, 4), std::string("\x20\x01\x0D\xB8", 4));
}

TEST(ContextCodecTest, SockaddrRoundTrip) {
  const SockaddrContext codec;
  for (const Origin& origin : Origins()) {
    std::string bytes = codec.Encode(origin);
    std::optional<Origin> read = codec.Decode(Bytes(bytes));
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->destination, origin.destination);
    EXPECT_TRUE(read->source.empty());
    // A whole storage, as drivers copy it, rubbish after the address.
    bytes.resize(SockaddrContext::kSizeStorage, '\x5A');
    read = codec.Decode(Bytes(bytes));
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->destination, origin.destination);
  }
}

TEST(ContextCodecTest, PairRoundTrip) {
  const SockaddrPairContext codec;
  for (const Origin& origin : Origins()) {
    const std::string bytes = codec.Encode(origin);
    ASSERT_EQ(bytes.size(), SockaddrPairContext::kSize);
    const std::optional<Origin> read = codec.Decode(Bytes(bytes));
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->destination, origin.destination);
    EXPECT_EQ(read->source, origin.source);
  }
}

TEST(ContextCodecTest, EveryTruncationAndExtensionIsRefused) {
  const ContextCodecs codecs = ContextCodecs::Standard();
  const SluiceContext ours;
  const SockaddrContext one;
  const SockaddrPairContext pair;
  for (const Origin& origin : Origins()) {
    for (const ContextCodec* codec :
         {static_cast<const ContextCodec*>(&ours), static_cast<const ContextCodec*>(&one),
          static_cast<const ContextCodec*>(&pair)}) {
      const std::string bytes = codec->Encode(origin);
      for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_FALSE(codec->Decode(Bytes(bytes.substr(0, size))).has_value())
            << codec->name() << " " << size;
      }
      EXPECT_FALSE(codec->Decode(Bytes(bytes + '\0')).has_value()) << codec->name();
    }
    EXPECT_FALSE(codecs.Decode({}).has_value());
  }
}

TEST(ContextCodecTest, PortZeroAndUnknownFamiliesAreRefused) {
  const Origin zero{At("1.2.3.4:0"), Address(), 0};
  EXPECT_FALSE(SluiceContext().Decode(Bytes(SluiceContext().Encode(zero))).has_value());
  EXPECT_FALSE(SockaddrContext().Decode(Bytes(SockaddrContext().Encode(zero))).has_value());
  EXPECT_FALSE(SockaddrPairContext().Decode(Bytes(SockaddrPairContext().Encode(zero))).has_value());
  for (int family = 0; family < 256; ++family) {
    std::string bytes = SluiceContext().Encode(Origins()[0]);
    bytes[8] = static_cast<char>(family);
    // 6 takes any sixteen bytes; every other family but 4 is unknown.
    EXPECT_EQ(SluiceContext().Decode(Bytes(bytes)).has_value(), family == 4 || family == 6)
        << family;
    bytes = SockaddrContext().Encode(Origins()[0]);
    bytes[0] = static_cast<char>(family);
    EXPECT_EQ(SockaddrContext().Decode(Bytes(bytes)).has_value(), family == 2) << family;
  }
}

// Magic, version, size and the bytes that must be zero: any bit of them changed is not ours any
// more.
TEST(ContextCodecTest, FixedBytesAreChecked) {
  const std::string good = SluiceContext().Encode(Origins()[0]);
  for (const std::size_t at :
       {0U, 1U, 2U, 3U, 4U, 5U, 6U, 7U, 14U, 15U, 28U, 29U, 30U, 31U, 36U, 47U, 52U, 63U}) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      EXPECT_FALSE(SluiceContext().Decode(Bytes(bad)).has_value()) << at << "." << bit;
    }
  }
}

TEST(ContextCodecTest, PairWithoutSource) {
  std::string bytes = SockaddrPairContext().Encode(Origin{At("1.2.3.4:80"), Address(), 0});
  EXPECT_TRUE(SockaddrPairContext().Decode(Bytes(bytes)).has_value());
  bytes[128] = 77;  // a family nobody knows
  EXPECT_FALSE(SockaddrPairContext().Decode(Bytes(bytes)).has_value());
}

// An embedder's layout takes part, after the standard ones, and is held to the same rule.
class TextCodec final : public ContextCodec {
 public:
  const char* name() const override { return "text"; }
  std::optional<Origin> Decode(absl::Span<const std::byte> bytes) const override {
    const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const absl::StatusOr<Address> address = Address::Parse(text);
    if (!address.ok()) return std::nullopt;
    return Origin{*address, Address(), 7};
  }
  std::string Encode(const Origin& origin) const override { return origin.destination.ToString(); }
};

TEST(ContextCodecTest, AnEmbeddersCodec) {
  ContextCodecs codecs = ContextCodecs::Standard();
  codecs.Add(std::make_unique<TextCodec>());
  EXPECT_EQ(codecs.size(), 4u);
  const std::optional<Origin> read = codecs.Decode(Bytes("1.2.3.4:80"));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->pid, 7u);
  EXPECT_FALSE(codecs.Decode(Bytes("1.2.3.4:0")).has_value());
  EXPECT_TRUE(codecs.Decode(Bytes(SluiceContext().Encode(Origins()[1]))).has_value());
}

}  // namespace
}  // namespace sluice::redirect
