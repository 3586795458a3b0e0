// SPDX-License-Identifier: Apache-2.0
//
// T30 to T46: setting records on the onward socket. Whether a SET had an effect is seen in two
// ways: what the endpoint carries, and where its connect goes (without effect the vendor redirects
// it again).
#include <string>

#include "engine/redirect/normalise.h"
#include "tests/redirect/rig.h"

namespace sluice::emulated {
namespace {

using redirect::kSetRedirectRecords;

class SetTest : public WayTest {
 protected:
  // An onward socket that carries the records is permitted and reaches the origin; one that does
  // not is redirected to the vendor's own listener.
  static void ExpectOnward(Rig& rig, io::Socket& onward, bool carries) {
    EXPECT_EQ(rig.Installed(onward), carries ? 1u : 0u);
    const std::uint64_t redirected = rig.platform->statistics().redirected;
    ASSERT_TRUE(rig.Connect(onward, rig.destination()).ok());
    EXPECT_EQ(rig.platform->statistics().redirected - redirected, carries ? 0u : 1u);
    io::Socket* other = rig.Accept(carries ? rig.origin() : rig.listener());
    ASSERT_NE(other, nullptr);
  }
};
SLUICE_ALL_WAYS(SetTest);

TEST_P(SetTest, T30_T46_FreshSocket) {
  for (const std::uint32_t pad : {64U, 552U, 4096U, 40000U}) {
    for (const bool scramble : {false, true}) {
      Knobs knobs;
      knobs.record_pad = pad;
      knobs.scramble = scramble;
      Rig rig(GetParam(), knobs);
      const Link link = rig.ConnectApplication();
      io::Socket& onward = rig.Open(rig.proxy_port(), Family::kV4);
      const Answer answer = rig.SetRecords(onward, rig.BlobOf(*link.accepted));
      EXPECT_TRUE(answer.ok()) << answer.number;
      EXPECT_EQ(answer.bytes, 0u);  // T46: nobody may read anything into it
      ExpectOnward(rig, onward, true);
    }
  }
}

TEST_P(SetTest, T31_NotElevated) {
  for (const bool required : {true, false}) {
    RigOptions options;
    options.way = GetParam();
    options.knobs.set_requires_admin = required;
    options.proxy.elevated = false;
    Rig rig(options);
    const Link link = rig.ConnectApplication();
    io::Socket& onward = rig.Open(rig.proxy_port(), Family::kV4);
    const Answer answer = rig.SetRecords(onward, rig.BlobOf(*link.accepted));
    if (required) {
      EXPECT_TRUE(FailsWith(answer, 10013, 5));
      EXPECT_EQ(rig.Installed(onward), 0u);
    } else {
      EXPECT_TRUE(answer.ok());
      ExpectOnward(rig, onward, true);
    }
  }
}

TEST_P(SetTest, T32_OutputMustBeEmpty) {
  Rig rig(GetParam());
  const Link link = rig.ConnectApplication();
  io::Socket& onward = rig.Open(rig.proxy_port(), Family::kV4);
  const std::string blob = rig.BlobOf(*link.accepted);
  char out[4];
  EXPECT_TRUE(
      FailsWith(rig.Ask(onward, kSetRedirectRecords, blob.data(), blob.size(), out, 4), 10022, 87));
  EXPECT_EQ(rig.Installed(onward), 0u);
}

TEST_P(SetTest, T33_ZeroLength) {
  for (const bool clears : {false, true}) {
    Knobs knobs;
    knobs.set_empty_clears = clears;
    Rig rig(GetParam(), knobs);
    const Link link = rig.ConnectApplication();
    io::Socket& onward = rig.Open(rig.proxy_port(), Family::kV4);
    ASSERT_TRUE(rig.SetRecords(onward, rig.BlobOf(*link.accepted)).ok());
    const Answer answer = rig.SetRecords(onward, std::string());
    if (clears) {
      EXPECT_TRUE(answer.ok());
    } else {
      EXPECT_TRUE(FailsWith(answer, 10022, 87));
    }
    ExpectOnward(rig, onward, !clears);
  }
}

TEST_P(SetTest, T34_NullPointer) {
  Rig rig(GetParam());
  io::Socket& onward = rig.Open(rig.proxy_port(), Family::kV4);
  EXPECT_TRUE(
      FailsWith(rig.Ask(onward, kSetRedirectRecords, nullptr, 100, nullptr, 0), 10014, 998));
}

// T35 to T38. A SET that fails leaves what an earlier one installed.
TEST_P(SetTest, T35_T36_T37_T38_BadBlobs) {
  for (const bool scramble : {false, true}) {
    Knobs knobs;
    knobs.scramble = scramble;
    Rig rig(GetParam(), knobs);
    Rig other(GetParam(), knobs);
    const Link link = rig.ConnectApplication();
    const Link foreign = other.ConnectApplication();
    const std::string good = rig.BlobOf(*link.accepted);
    io::Socket& onward = rig.Open(rig.proxy_port(), Family::kV4);
    ASSERT_TRUE(rig.SetRecords(onward, good).ok());

    for (const std::size_t size :
         {std::size_t{1}, std::size_t{23}, good.size() / 2, good.size() - 1}) {
      const Answer answer = rig.SetRecords(onward, good.substr(0, size));
      EXPECT_TRUE(FailsWith(answer, 10022, 534)) << size;
    }
    for (const std::size_t at :
         {std::size_t{0}, std::size_t{30}, good.size() / 2, good.size() - 1}) {
      std::string flipped = good;
      flipped[at] = static_cast<char>(flipped[at] ^ 1);
      EXPECT_TRUE(FailsWith(rig.SetRecords(onward, flipped), 10022, 87)) << at;
    }
    EXPECT_TRUE(FailsWith(rig.SetRecords(onward, good + std::string(16, '\0')), 10022, 87));
    EXPECT_TRUE(FailsWith(rig.SetRecords(onward, other.BlobOf(*foreign.accepted)), 10022, 87));
    ExpectOnward(rig, onward, true);
  }
}

TEST_P(SetTest, T39_AfterBind) {
  for (const SetAfterBind after :
       {SetAfterBind::kEffective, SetAfterBind::kIgnored, SetAfterBind::kInvalid}) {
    Knobs knobs;
    knobs.set_after_bind = after;
    Rig rig(GetParam(), knobs);
    const Link link = rig.ConnectApplication();
    io::Socket& onward = rig.Open(rig.proxy_port(), Family::kV4);
    ASSERT_TRUE(rig.proxy_port().Bind(onward, Address::Loopback(Family::kV4, 0)).ok());
    const Answer answer = rig.SetRecords(onward, rig.BlobOf(*link.accepted));
    if (after == SetAfterBind::kInvalid) {
      EXPECT_TRUE(FailsWith(answer, 10022, 87));
    } else {
      EXPECT_TRUE(answer.ok());
    }
    ExpectOnward(rig, onward, after == SetAfterBind::kEffective);
  }
}

// T40 and T41, and a listener: too late for any effect, whatever the answer.
TEST_P(SetTest, T40_T41_TooLate) {
  for (const bool ignored : {false, true}) {
    Knobs knobs;
    knobs.set_late_is_ignored = ignored;
    Rig rig(GetParam(), knobs);
    const Link link = rig.ConnectApplication();
    const std::string blob = rig.BlobOf(*link.accepted);
    io::Socket& connecting = rig.Open(rig.proxy_port(), Family::kV4);
    rig.machine().Visit(connecting.native(),
                        [](Endpoint& endpoint) { endpoint.state = Endpoint::State::kConnecting; });
    for (io::Socket* socket : {link.accepted, &rig.listener(), &connecting}) {
      const Answer answer = rig.SetRecords(*socket, blob);
      if (ignored) {
        EXPECT_TRUE(answer.ok());
      } else {
        EXPECT_TRUE(FailsWith(answer, 10022, 87));
      }
      EXPECT_EQ(rig.Installed(*socket), 0u);
    }
    // A client socket that is connected; the application is not elevated, and that is said first.
    EXPECT_TRUE(FailsWith(rig.SetRecords(*link.client, blob), 10013, 5));
    EXPECT_EQ(rig.Installed(*link.client), 0u);
  }
}

TEST_P(SetTest, T42_TheSecondWins) {
  Rig rig(GetParam());
  const Link one = rig.ConnectApplication();
  const std::string first = rig.BlobOf(*one.accepted);
  const Link two = rig.ConnectThroughTwo();
  const std::string second = rig.BlobOf(*two.accepted);
  io::Socket& onward = rig.Open(rig.proxy_port(), Family::kV4);
  ASSERT_TRUE(rig.SetRecords(onward, first).ok());
  ASSERT_TRUE(rig.SetRecords(onward, second).ok());
  EXPECT_EQ(rig.Installed(onward), 2u);
  ASSERT_TRUE(rig.SetRecords(onward, first).ok());
  EXPECT_EQ(rig.Installed(onward), 1u);
}

TEST_P(SetTest, T43_OneBlobOnFiveSockets) {
  Rig rig(GetParam());
  const Link link = rig.ConnectApplication();
  const std::string blob = rig.BlobOf(*link.accepted);
  for (int i = 0; i < 5; ++i) {
    io::Socket& onward = rig.Open(rig.proxy_port(), Family::kV4);
    EXPECT_TRUE(rig.SetRecords(onward, blob).ok());
    ExpectOnward(rig, onward, true);
    const std::vector<TraceRecord> trace = rig.platform->trace();
    ASSERT_FALSE(trace.empty());
    ASSERT_EQ(trace.back().step_count, 1u);
    EXPECT_EQ(trace.back().steps[0].state, RedirectState::kRedirectedBySelf);
  }
}

TEST_P(SetTest, T44_OtherFamily) {
  Rig rig(GetParam());
  const Link link = rig.ConnectApplication();
  io::Socket& onward = rig.Open(rig.proxy_port(), Family::kV6);
  EXPECT_TRUE(rig.SetRecords(onward, rig.BlobOf(*link.accepted)).ok());
  EXPECT_EQ(rig.Installed(onward), 1u);
  // The state is seen at the v6 layer, too: a v6 connect carries it.
  const std::uint64_t redirected = rig.platform->statistics().redirected;
  rig.Connect(onward,
              Address::Loopback(Family::kV6, 1));  // refused, or not: the classify is what counts
  EXPECT_EQ(rig.platform->statistics().redirected, redirected);
  EXPECT_EQ(rig.platform->trace().back().steps[0].state, RedirectState::kRedirectedBySelf);
}

TEST_P(SetTest, T45_AfterTheAcceptedSocketClosed) {
  Rig rig(GetParam());
  const Link link = rig.ConnectApplication();
  const std::string blob = rig.BlobOf(*link.accepted);
  rig.Close(*link.accepted);
  io::Socket& onward = rig.Open(rig.proxy_port(), Family::kV4);
  EXPECT_TRUE(rig.SetRecords(onward, blob).ok());
  ExpectOnward(rig, onward, true);
}

}  // namespace
}  // namespace sluice::emulated
