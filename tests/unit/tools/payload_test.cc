// SPDX-License-Identifier: Apache-2.0
#include "tools/sluice/payload.h"

#include <vector>

#include "gtest/gtest.h"

namespace sluice::tool {
namespace {

TEST(PayloadTest, IsVerifiedAcrossTheWrap) {
  const Payload payload(1);
  const std::uint64_t begin = Payload::kTableSize - 10;
  std::vector<unsigned char> stream;
  while (stream.size() < 50) {
    const auto run = payload.At(begin, stream.size(), 50 - stream.size());
    stream.insert(stream.end(), run.begin(), run.end());
  }
  EXPECT_EQ(stream.size(), 50u);
  EXPECT_TRUE(payload.Matches(begin, 0, stream));
  EXPECT_TRUE(payload.Matches(begin, 5, absl::MakeConstSpan(stream).subspan(5)));
  stream[30] ^= 1;
  EXPECT_FALSE(payload.Matches(begin, 0, stream));
  EXPECT_FALSE(payload.Matches(begin + 1, 0, absl::MakeConstSpan(stream).first(20)));
}

TEST(ReceiptTest, SurvivesTheWire) {
  const Receipt written{.received = 0x0123456789abcdef, .matched = 0xfedcba9876543210};
  unsigned char bytes[Receipt::kSize];
  written.Write(bytes);
  EXPECT_EQ(bytes[0], 0xef);  // little endian on every machine
  const Receipt read = Receipt::Read(bytes);
  EXPECT_EQ(read.received, written.received);
  EXPECT_EQ(read.matched, written.matched);
}

}  // namespace
}  // namespace sluice::tool
