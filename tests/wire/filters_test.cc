// SPDX-License-Identifier: Apache-2.0
//
// The examples that look at bytes, with curl on one side and a server that slices on the other.
#if !defined(_WIN32)

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/wire/examples.h"
#include "tests/wire/program.h"

namespace sluice::wire {
namespace {

using ::testing::HasSubstr;

constexpr int kAtOnce = 64;

std::string Folder() {
  const ::testing::TestInfo* test = ::testing::UnitTest::GetInstance()->current_test_info();
  const std::filesystem::path folder =
      std::filesystem::path(::testing::TempDir()) /
      (std::string("sluice-") + test->name() + "-" + std::to_string(static_cast<long>(getpid())));
  std::filesystem::create_directories(folder);
  return folder.string() + "/";
}

// What a file holds; "(none)" if there is no such file.
std::string Content(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return "(none)";
  std::ostringstream all;
  all << in.rdbuf();
  return all.str();
}

std::string Replaced(std::string text, const std::string& pattern, const std::string& by) {
  for (std::size_t at = text.find(pattern); at != std::string::npos;
       at = text.find(pattern, at + by.size())) {
    text.replace(at, pattern.size(), by);
  }
  return text;
}

class FiltersTest : public ::testing::Test {
 protected:
  void SetUp() override { folder_ = Folder(); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static std::vector<std::string> Origin(bool tls) {
    std::vector<std::string> command = {"python3", SLUICE_WIRE_DIR "/slicing_origin.py"};
    if (tls) command.push_back("--tls");
    return command;
  }

  // 64 URLs at once, all of them by way of `address`; URL i into the file PREFIXi. Returns curl's
  // exit code.
  int Fetch(const std::vector<std::string>& urls, const std::string& address,
            const std::string& prefix) {
    std::ofstream config(folder_ + "urls");
    for (std::size_t i = 0; i < urls.size(); ++i) {
      config << "url = \"" << urls[i] << "\"\noutput = \"" << folder_ << prefix << i << "\"\n";
    }
    config.close();
    Program curl({"curl", "--parallel", "--parallel-immediate", "--parallel-max",
                  std::to_string(kAtOnce), "-sS", "--insecure", "--noproxy", "*", "--max-time",
                  "100", "--connect-to", "::" + address, "--config", folder_ + "urls"});
    return curl.Wait(Duration(120000));
  }
  std::string File(const std::string& prefix, int i) {
    return Content(folder_ + prefix + std::to_string(i));
  }

  std::string folder_;
};

TEST_F(FiltersTest, ContentIsReplacedWhereverTheNetworkCutIt) {
  Program origin(Origin(false), Program::Input::kOpen);
  const std::string server = origin.ListeningOn();
  ASSERT_NE(server, "") << origin.err();
  // The server may be slow; it never waits for anybody to read a tail.
  Program proxy(Example("content_proxy", {server, "secret", "(hidden)", "60000"}),
                Program::Input::kOpen);
  const std::string listener = proxy.ListeningOn();
  ASSERT_NE(listener, "") << proxy.err();
  std::vector<std::string> urls;
  for (int i = 0; i < kAtOnce; ++i) urls.push_back("http://origin.test/" + std::to_string(i));
  ASSERT_EQ(Fetch(urls, server, "direct"), 0);
  ASSERT_EQ(Fetch(urls, listener, "proxied"), 0);
  int with_secrets = 0;
  for (int i = 0; i < kAtOnce; ++i) {
    const std::string direct = File("direct", i);
    ASSERT_NE(direct, "(none)");
    if (direct.find("secret") != std::string::npos) ++with_secrets;
    EXPECT_TRUE(File("proxied", i) == Replaced(direct, "secret", "(hidden)")) << "body " << i;
  }
  EXPECT_GT(with_secrets, kAtOnce / 2);
  proxy.CloseInput();
  EXPECT_EQ(proxy.Wait(Duration(30000)), 0) << proxy.err();
  EXPECT_THAT(proxy.err(), HasSubstr("content_proxy: replaced "));
}

TEST_F(FiltersTest, NamesOfTlsServersDecide) {
  Program origin(Origin(true), Program::Input::kOpen);
  const std::string server = origin.ListeningOn();
  ASSERT_NE(server, "") << origin.err();
  Program proxy(Example("name_proxy", {server, "blocked.test"}), Program::Input::kOpen);
  const std::string listener = proxy.ListeningOn();
  ASSERT_NE(listener, "") << proxy.err();
  std::vector<std::string> all;
  std::vector<std::string> urls;
  for (int i = 0; i < kAtOnce; ++i) {
    const std::string path = ".test/" + std::to_string(i);
    all.push_back("https://allowed" + path);
    urls.push_back((i % 2 == 0 ? "https://allowed" : "https://www.blocked") + path);
  }
  ASSERT_EQ(Fetch(all, server, "direct"), 0);
  // curl tells that some were reset.
  EXPECT_NE(Fetch(urls, listener, "proxied"), 0);
  for (int i = 0; i < kAtOnce; ++i) {
    const std::string right = i % 2 == 0 ? File("direct", i) : "(none)";
    EXPECT_TRUE(File("proxied", i) == right) << urls[static_cast<std::size_t>(i)];
  }
  proxy.CloseInput();
  EXPECT_EQ(proxy.Wait(Duration(30000)), 0) << proxy.err();
  EXPECT_THAT(proxy.err(), HasSubstr("name_proxy: 32 allowed, 32 blocked"));
}

TEST_F(FiltersTest, NamesOfHttpHostsDecide) {
  Program origin(Origin(false), Program::Input::kOpen);
  const std::string server = origin.ListeningOn();
  ASSERT_NE(server, "") << origin.err();
  Program proxy(Example("name_proxy", {server, "blocked.test"}), Program::Input::kOpen);
  const std::string listener = proxy.ListeningOn();
  ASSERT_NE(listener, "") << proxy.err();
  std::vector<std::string> urls;
  for (int i = 0; i < kAtOnce; ++i) {
    urls.push_back((i % 2 == 0 ? "http://allowed.test/" : "http://blocked.test/") +
                   std::to_string(i));
  }
  ASSERT_EQ(Fetch(urls, server, "direct"), 0);
  ASSERT_EQ(Fetch(urls, listener, "proxied"), 0);
  for (int i = 0; i < kAtOnce; ++i) {
    const std::string right = i % 2 == 0 ? File("direct", i) : "blocked\n";
    EXPECT_TRUE(File("proxied", i) == right) << urls[static_cast<std::size_t>(i)];
  }
}

// The file is read by the program that such files are made for.
TEST_F(FiltersTest, TsharkReadsWhatATapWrote) {
  Program origin(Origin(false), Program::Input::kOpen);
  const std::string server = origin.ListeningOn();
  ASSERT_NE(server, "") << origin.err();
  const std::string file = folder_ + "tap.pcapng";
  Program proxy(Example("tap_proxy", {server, file}), Program::Input::kOpen);
  const std::string listener = proxy.ListeningOn();
  ASSERT_NE(listener, "") << proxy.err();
  ASSERT_EQ(Fetch({"http://tapped.test/7"}, server, "direct"), 0);
  ASSERT_EQ(Fetch({"http://tapped.test/7"}, listener, "proxied"), 0);
  EXPECT_TRUE(File("proxied", 0) == File("direct", 0));
  proxy.CloseInput();
  ASSERT_EQ(proxy.Wait(Duration(30000)), 0) << proxy.err();
  // One connection, its streams whole, nothing that a reader would have to warn of.
  const std::string body = folder_ + "objects";
  // By its number it may take the TCP port of either end for another protocol's.
  const std::string http = "tcp.port==" + server.substr(server.rfind(':') + 1) + ",http";
  Program tshark({"tshark", "-r", file, "-q", "-d", http, "--export-objects", "http," + body, "-z",
                  "expert,warn", "-z", "conv,tcp"});
  ASSERT_EQ(tshark.Wait(Duration(60000)), 0) << tshark.err();
  EXPECT_TRUE(Content(body + "/7") == File("direct", 0));
  EXPECT_THAT(tshark.out(), HasSubstr(" <-> " + server));
  EXPECT_THAT(tshark.out(), ::testing::Not(HasSubstr("Warns")));
}

}  // namespace
}  // namespace sluice::wire

#endif
