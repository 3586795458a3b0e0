// SPDX-License-Identifier: Apache-2.0
//
// The content filter against std::string, however the bytes are cut, and through an engine.
#include "tools/examples/filters/content_filter.h"

#include <memory>
#include <string>
#include <vector>

#include "engine/base/prng.h"
#include "tests/unit/examples/inspector_driver.h"
#include "tests/unit/runtime/proxy_fixture.h"

namespace sluice::examples {
namespace {

using metrics::Counter;

std::string Model(const std::string& stream, const std::string& pattern, const std::string& text) {
  std::string out;
  for (std::size_t at = 0;;) {
    const std::size_t found = stream.find(pattern, at);
    if (found == std::string::npos) return out + stream.substr(at);
    out += stream.substr(at, found - at) + text;
    at = found + pattern.size();
  }
}

struct Case {
  std::string stream;
  std::string pattern;
  std::string text;
};

// Patterns that overlap themselves are the hard ones.
const std::vector<Case>& Cases() {
  static const std::vector<Case> cases = {{"the cat sat", "cat", "lion"},
                                          {"catcatcat", "cat", ""},
                                          {"aaaaaaa", "aa", "b"},
                                          {"aabaabaaab", "aab", "<>"},
                                          {"abababababc", "ababc", "xyz"},
                                          {"xabcabcabdx", "abcabd", "1"},
                                          {"aaaab", "aab", "longer than it"},
                                          {"nothing here", "missing", "x"},
                                          {"ends with ca", "cat", "lion"},
                                          {"x", "x", "yy"},
                                          {"abcab", "abcabc", "-"},
                                          {std::string("\0a\0a\0", 5), std::string("\0a", 2), "N"}};
  return cases;
}

class ContentFilterTest : public ::testing::Test {
 protected:
  // Receives, each of several slices.
  std::string Run(const Case& what, const std::vector<std::vector<absl::string_view>>& receives) {
    ContentFilter filter(what.pattern, what.text, true, false);
    InspectorDriver driver(filter, slab_);
    for (const auto& receive : receives) driver.Receive(receive);
    driver.End();
    EXPECT_FALSE(driver.opaque());
    EXPECT_EQ(driver.held(), 0u);
    return driver.sent();
  }

  memory::Slab slab_{memory::SlabOptions{64, 1024}};
};

TEST_F(ContentFilterTest, EverySlicingInUpToThreeParts) {
  for (const Case& what : Cases()) {
    const absl::string_view all = what.stream;
    const std::string expected = Model(what.stream, what.pattern, what.text);
    for (std::size_t i = 0; i <= all.size(); ++i) {
      for (std::size_t j = i; j <= all.size(); ++j) {
        const absl::string_view a = all.substr(0, i);
        const absl::string_view b = all.substr(i, j - i);
        const absl::string_view c = all.substr(j);
        ASSERT_EQ(Run(what, {{a}, {b}, {c}}), expected) << what.stream << " at " << i << " " << j;
        ASSERT_EQ(Run(what, {{a, b, c}}), expected) << what.stream << " at " << i << " " << j;
        ASSERT_EQ(Run(what, {{a, b}, {c}}), expected) << what.stream << " at " << i << " " << j;
      }
    }
  }
}

TEST_F(ContentFilterTest, AByteAtATime) {
  for (const Case& what : Cases()) {
    std::vector<std::vector<absl::string_view>> receives;
    std::vector<absl::string_view> slices;
    for (std::size_t i = 0; i < what.stream.size(); ++i) {
      slices.push_back(absl::string_view(what.stream).substr(i, 1));
      receives.push_back({slices.back()});
    }
    const std::string expected = Model(what.stream, what.pattern, what.text);
    EXPECT_EQ(Run(what, receives), expected);
    EXPECT_EQ(Run(what, {slices}), expected);
  }
}

TEST_F(ContentFilterTest, RandomStreamsInRandomSlicings) {
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    Prng prng(seed);
    const auto word = [&](std::size_t size) {
      std::string text;
      while (text.size() < size) text += static_cast<char>('a' + prng.Below(2));
      return text;
    };
    const Case what{word(1 + prng.Below(300)), word(1 + prng.Below(6)), word(prng.Below(8))};
    std::vector<std::vector<absl::string_view>> receives(1);
    for (absl::string_view rest = what.stream; !rest.empty();) {
      const std::size_t size = 1 + prng.Below(1 + prng.Below(40));
      receives.back().push_back(rest.substr(0, size));
      rest.remove_prefix(std::min(size, rest.size()));
      if (prng.Below(3) == 0) receives.emplace_back();
    }
    ASSERT_EQ(Run(what, receives), Model(what.stream, what.pattern, what.text)) << "seed " << seed;
  }
}

// What was kept for long goes, and the filter goes on.
TEST_F(ContentFilterTest, ATailThatWaitedLongPasses) {
  ContentFilter filter("cat", "lion", true, false);
  InspectorDriver driver(filter, slab_);
  driver.Receive({"a ca"});
  EXPECT_EQ(driver.sent(), "a ");
  driver.TimeOut();
  EXPECT_EQ(driver.sent(), "a ca");
  driver.Receive({"t, a cat"});
  EXPECT_EQ(driver.sent(), "a cat, a lion");
  EXPECT_FALSE(driver.opaque());
}

// Much came at once, more than may be waited for: a short tail still stays.
TEST_F(ContentFilterTest, ATailOfMuchIsKept) {
  ContentFilter filter("cat", "lion", true, false);
  InspectorDriver driver(filter, slab_, 8);
  driver.Receive({"more than eight bytes, then ca"});
  driver.Receive({"t"});
  EXPECT_EQ(driver.sent(), "more than eight bytes, then lion");
  EXPECT_FALSE(driver.opaque());
}

TEST_F(ContentFilterTest, WithoutRoomForTheNewTextNothingPasses) {
  memory::Slab small(memory::SlabOptions{64, 1});
  ContentFilter filter("cat", "lion", true, false);
  InspectorDriver driver(filter, small);
  driver.Receive({"a cat"});
  EXPECT_EQ(driver.last(), Verdict::kReset);
  EXPECT_EQ(driver.sent(), "");
}

class FilteredProxyTest : public runtime::ProxyTest {
 protected:
  void StartFiltered(const std::string& pattern, const std::string& text) {
    filter_ = std::make_unique<ContentFilter>(pattern, text, false, true);
    options_.inspector = filter_.get();
    StartProxy();
  }
  // All that is sent by one end, as it comes to the other.
  std::string Through(const std::string& stream) {
    Ends& ends = Connect();
    contract::Send send;
    contract::Recv recv;
    std::string received;
    std::vector<char> buffer(100000);
    const contract::IoBuffer into{reinterpret_cast<std::byte*>(buffer.data()), buffer.size()};
    bool ended = false;
    recv.then = [&](Outcome outcome) {
      ended = !outcome.ok() || outcome.bytes == 0;
      received.append(buffer.data(), outcome.bytes);
      if (!ended) loop_.port().Recv(recv, ends.client, absl::MakeConstSpan(&into, 1));
    };
    std::size_t sent = 0;
    const auto send_on = [&] {
      const contract::IoBuffer from{
          reinterpret_cast<std::byte*>(const_cast<char*>(stream.data())) + sent,
          stream.size() - sent};
      loop_.port().Send(send, ends.origin, absl::MakeConstSpan(&from, 1));
    };
    send.then = [&](Outcome outcome) {
      sent += outcome.bytes;
      if (outcome.ok() && sent < stream.size()) return send_on();
      EXPECT_TRUE(outcome.ok());
      EXPECT_TRUE(loop_.port().ShutdownSend(ends.origin).ok());
    };
    loop_.port().Recv(recv, ends.client, absl::MakeConstSpan(&into, 1));
    send_on();
    EXPECT_TRUE(loop_.RunUntil([&] { return ended; }));
    return received;
  }

  std::unique_ptr<ContentFilter> filter_;
};

// Large receives, a match now and then: only the new text is copied.
TEST_F(FilteredProxyTest, CopiesOnlyTheNewText) {
  std::string stream;
  Prng prng(3);
  int matches = 0;
  while (stream.size() < std::size_t{4} << 20) {
    stream.append(1000 + prng.Below(20000), static_cast<char>('n' + prng.Below(3)));
    stream += "needle";
    ++matches;
  }
  StartFiltered("needle", "pin");
  EXPECT_TRUE(Through(stream) == Model(stream, "needle", "pin"));
  EXPECT_EQ(filter_->replaced(), static_cast<std::uint64_t>(matches));
  EXPECT_EQ(engine_->Metrics()[Counter::k_bytes_copied], 3u * static_cast<unsigned>(matches));
  EXPECT_EQ(engine_->Metrics()[Counter::k_opaque], 0u);
}

// As many matches as there can be, on a small slab: a match is not a chunk.
TEST_F(FilteredProxyTest, MatchesAllOver) {
  slab_ = memory::SlabOptions{16 * 1024, 64};
  std::string stream;
  Prng prng(4);
  while (stream.size() < std::size_t{1} << 20) stream += "ab, "[prng.Below(4)];
  StartFiltered("ab", "c");
  EXPECT_TRUE(Through(stream) == Model(stream, "ab", "c"));
  EXPECT_GT(filter_->replaced(), std::uint64_t{50000});
}

}  // namespace
}  // namespace sluice::examples
