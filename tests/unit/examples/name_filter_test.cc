// SPDX-License-Identifier: Apache-2.0
//
// The name filter through an engine: who may pass, who may not, and how they are told, in every
// slicing of what names them.
#include "tools/examples/filters/name_filter.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "engine/base/mutex.h"
#include "tests/unit/examples/inspector_driver.h"
#include "tests/unit/runtime/proxy_fixture.h"

namespace sluice::examples {
namespace {

using metrics::Counter;

std::string Sized(int bytes, absl::string_view what) {
  std::string out;
  for (int i = bytes; i-- > 0;) out += static_cast<char>(what.size() >> (8 * i));
  return absl::StrCat(out, what);
}

// A TLS client's first record; with an empty name it has no extension.
std::string Hello(absl::string_view server_name) {
  const std::string list = absl::StrCat(absl::string_view("\0", 1), Sized(2, server_name));
  const std::string extension =
      server_name.empty() ? ""
                          : absl::StrCat(absl::string_view("\0\0", 2), Sized(2, Sized(2, list)));
  const std::string body =
      absl::StrCat("\x03\x03", std::string(32, 'r'), Sized(1, "session"), Sized(2, "ciph"),
                   Sized(1, absl::string_view("\0", 1)), Sized(2, extension));
  return absl::StrCat("\x16\x03\x01", Sized(2, absl::StrCat("\x01", Sized(3, body))));
}

std::string Request(absl::string_view host) {
  return absl::StrCat("GET /index.html HTTP/1.1\r\nHost: ", host, "\r\nAccept: */*\r\n\r\n");
}

TEST(AllButTest, ADomainIsBlockedWithAllThatIsInIt) {
  const NameFilter::Decider decider = AllBut({"bad.test", "worse.test"});
  EXPECT_FALSE(decider("bad.test"));
  EXPECT_FALSE(decider("www.bad.test"));
  EXPECT_FALSE(decider("a.b.worse.test"));
  EXPECT_TRUE(decider("notbad.test"));
  EXPECT_TRUE(decider("bad.test.example"));
  EXPECT_TRUE(decider("test"));
}

// What needs no decider.
TEST(NameFilterTest, WhatNamesNobodyPasses) {
  NameFilter filter(AllBut({"bad.test"}));
  memory::Slab slab(memory::SlabOptions{64, 4096});
  for (const std::string& stream :
       {std::string("SSH-2.0-OpenSSH\r\n"), std::string("\0\1\2\3", 4), Hello("")}) {
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
      InspectorDriver driver(filter, slab);
      driver.Receive({absl::string_view(stream).substr(0, cut)});
      driver.Receive({absl::string_view(stream).substr(cut)});
      driver.Receive({" and more"});
      EXPECT_EQ(driver.sent(), stream + " and more");
      EXPECT_TRUE(driver.opaque());
    }
  }
}

TEST(NameFilterTest, ABeginningThatEndsPasses) {
  NameFilter filter(AllBut({}));
  memory::Slab slab(memory::SlabOptions{64, 4096});
  InspectorDriver ended(filter, slab);
  ended.Receive({"GET / HT"});
  EXPECT_EQ(ended.last(), Verdict::kMore);
  ended.End();
  EXPECT_EQ(ended.sent(), "GET / HT");
}

TEST(NameFilterTest, WhatCouldBeReadAsTwoNamesIsReset) {
  NameFilter filter(AllBut({}));
  memory::Slab slab(memory::SlabOptions{64, 4096});
  InspectorDriver driver(filter, slab);
  driver.Receive({"GET / HTTP/1.1\r\nHost: a.test\r\nHost: bad.test\r\n\r\n"});
  EXPECT_EQ(driver.last(), Verdict::kReset);
  EXPECT_EQ(driver.sent(), "");
}

class NameFilterProxyTest : public runtime::ProxyTest {
 protected:
  void SetUp() override {
    ProxyTest::SetUp();
    options_.inspector = &filter_;
    options_.policy.pending_timeout = 3600 * kSecond;
  }
  void TearDown() override {
    Let(true);
    ProxyTest::TearDown();
  }
  // Whether the decider answers.
  void Let(bool go) {
    const MutexLock lock(mutex_);
    go_ = go;
    went_.notify_all();
  }
  bool Decide(const std::string& name) {
    const MutexLock lock(mutex_);
    ++asked_;
    while (!go_) went_.wait(mutex_);
    return decider_(name);
  }
  int asked() {
    const MutexLock lock(mutex_);
    return asked_;
  }
  void Send(io::Socket& socket, absl::string_view text) {
    ASSERT_TRUE(contract::SendAll(loop_, loop_.port(), socket, text.data(), text.size()).ok());
  }
  // Up to the end of the stream, or `count` bytes.
  std::string Receive(io::Socket& socket, std::size_t count) {
    std::string all;
    while (all.size() < count) {
      char buffer[4096];
      const Outcome outcome = contract::ReceiveOnce(loop_, loop_.port(), socket, buffer,
                                                    std::min(count - all.size(), sizeof buffer));
      if (!outcome.ok()) return all + " (" + outcome.error.ToString() + ")";
      if (outcome.bytes == 0) break;
      all.append(buffer, outcome.bytes);
    }
    return all;
  }

  const NameFilter::Decider decider_ = AllBut({"bad.test"});
  Mutex mutex_;
  Condition went_;
  bool go_ ABSL_GUARDED_BY(mutex_) = true;
  int asked_ ABSL_GUARDED_BY(mutex_) = 0;
  NameFilter filter_{[this](const std::string& name) { return Decide(name); }, 2};
};

TEST_F(NameFilterProxyTest, AnAllowedNamePassesInEverySlicing) {
  StartProxy();
  std::uint64_t flows = 0;
  for (const std::string& stream : {Hello("www.good.test"), Request("good.test:8080")}) {
    for (std::size_t cut = 1; cut < stream.size(); cut += 1 + stream.size() / 24) {
      Ends& ends = Connect();
      Send(ends.client, absl::string_view(stream).substr(0, cut));
      // So that the parts are two receives.
      ASSERT_TRUE(Await(Counter::k_inspected, ++flows));
      loop_.Turn();
      Send(ends.client, absl::string_view(stream).substr(cut));
      EXPECT_EQ(Receive(ends.origin, stream.size()), stream) << cut;
      ASSERT_TRUE(Await(Counter::k_detached, flows));
      Send(ends.client, "and on");
      EXPECT_EQ(Receive(ends.origin, 6), "and on");
    }
  }
  EXPECT_EQ(filter_.allowed(), flows);
}

TEST_F(NameFilterProxyTest, ABlockedServerNameIsReset) {
  StartProxy();
  Ends& ends = Connect();
  const std::string hello = Hello("Login.Bad.test");
  Send(ends.client, hello.substr(0, 20));
  Send(ends.client, hello.substr(20));
  EXPECT_TRUE(ClientSeesReset(ends));
  EXPECT_EQ(filter_.blocked(), 1u);
  ASSERT_TRUE(Await(Counter::k_closed_inspector, 1));
  EXPECT_EQ(engine_->Metrics()[Counter::k_bytes_up], 0u);
}

TEST_F(NameFilterProxyTest, ABlockedHostIsToldSo) {
  StartProxy();
  Ends& ends = Connect();
  Send(ends.client, Request("bad.test"));
  const std::string answer = Receive(ends.client, 4096);
  EXPECT_EQ(answer.substr(0, 24), "HTTP/1.1 403 Forbidden\r\n");
  EXPECT_EQ(answer.substr(answer.size() - 12), "\r\n\r\nblocked\n");
  // Nothing of the request comes to the origin, but the end.
  EXPECT_EQ(Receive(ends.origin, 1), "");
}

TEST_F(NameFilterProxyTest, WhileTheDeciderThinksOthersGoOn) {
  StartProxy();
  Let(false);
  Ends& waits = Connect();
  Send(waits.client, Request("good.test"));
  ASSERT_TRUE(Eventually([&] { return asked() == 1; }));
  // The server may speak first, and who names nobody passes.
  Send(waits.origin, "220 ready");
  EXPECT_EQ(Receive(waits.client, 9), "220 ready");
  Ends& other = Connect();
  Send(other.client, "SSH-2.0-OpenSSH\r\n");
  EXPECT_EQ(Receive(other.origin, 17), "SSH-2.0-OpenSSH\r\n");
  Let(true);
  EXPECT_EQ(Receive(waits.origin, 10), "GET /index");
}

TEST_F(NameFilterProxyTest, NoMoreThanSoManyWaitForTheDecider) {
  StartProxy();
  Let(false);
  Ends& asked_about = Connect();
  Send(asked_about.client, Request("good.test"));
  ASSERT_TRUE(Eventually([&] { return asked() == 1; }));
  for (std::uint64_t i = 0; i < 2; ++i) {
    Send(Connect().client, Request("good.test"));
    ASSERT_TRUE(Await(Counter::k_pended, i + 2));
  }
  Ends& refused = Connect();
  Send(refused.client, Request("good.test"));
  EXPECT_TRUE(ClientSeesReset(refused));
}

// Who waits when it goes has the engine's default verdict.
TEST_F(NameFilterProxyTest, AFilterThatGoesGivesUpWhatWaits) {
  absl::Notification go;
  auto filter = std::make_unique<NameFilter>([&](const std::string&) {
    go.WaitForNotification();
    return true;
  });
  options_.inspector = filter.get();
  StartProxy();
  for (int i = 0; i < 3; ++i) Send(Connect().client, Request("good.test"));
  ASSERT_TRUE(Await(Counter::k_pended, 3));
  engine_->Stop(0);
  go.Notify();
  filter.reset();
}

}  // namespace
}  // namespace sluice::examples
