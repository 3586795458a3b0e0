// SPDX-License-Identifier: Apache-2.0
//
// The programs of tools/examples, run as their comments say.
#if !defined(_WIN32)

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/wire/examples.h"
#include "tests/wire/program.h"
#include "tests/wire/sockets.h"

namespace sluice::wire {
namespace {

using ::testing::HasSubstr;

TEST(ExamplesTest, RedirectServiceReadsItsOwnContext) {
  Program echo(Program::Sluice({"echo", "--listen", "127.0.0.1:0"}));
  const std::string destination = echo.ListeningOn();
  ASSERT_NE(destination, "");
  Program service(Example("redirect_service", {destination}));
  const std::string listener = service.ListeningOn();
  ASSERT_NE(listener, "") << service.err();
  Program load(
      Program::Sluice({"load", "--connect", listener, "--count", "1", "--connections", "1"}));
  EXPECT_EQ(load.Wait(Duration(30000)), 0) << load.err();
  EXPECT_EQ(service.Wait(Duration(30000)), 0) << service.err();
  EXPECT_THAT(service.out(), HasSubstr("acme: state 0 redirect -> " + listener));
  EXPECT_THAT(service.out(), HasSubstr("records=[acme]  acme: state 1 permit"));
}

// In C++ and in C.
class MinimalProxyTest : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Languages, MinimalProxyTest,
                         testing::Values("minimal_proxy", "minimal_proxy_c"));

TEST_P(MinimalProxyTest, RelaysUntilItsInputEnds) {
  Program echo(Program::Sluice({"echo", "--listen", "127.0.0.1:0"}));
  const std::string upstream = echo.ListeningOn();
  ASSERT_NE(upstream, "");
  Program proxy(Example(GetParam(), {upstream}), Program::Input::kOpen);
  const std::string listener = proxy.ListeningOn();
  ASSERT_NE(listener, "") << proxy.err();
  Stream client = Stream::Connect(listener);
  ASSERT_TRUE(client.open());
  ASSERT_TRUE(client.Write("there and back"));
  EXPECT_EQ(client.Read(14), "there and back");
  EXPECT_TRUE(proxy.running());
  client.Close();
  proxy.CloseInput();
  EXPECT_EQ(proxy.Wait(Duration(30000)), 0) << proxy.err();
}

TEST_P(MinimalProxyTest, SaysWhatIsWrong) {
  Program no_port(Example(GetParam(), {"127.0.0.1:0"}));
  EXPECT_EQ(no_port.Wait(Duration(30000)), 1);
  EXPECT_THAT(no_port.err(), HasSubstr("127.0.0.1:0"));
  Program nothing(Example(GetParam(), {}));
  EXPECT_EQ(nothing.Wait(Duration(30000)), 64);
}

TEST(ExamplesTest, RedirectServiceSaysWhatIsWrong) {
  Program service(Example("redirect_service", {"nonsense"}));
  EXPECT_EQ(service.Wait(Duration(30000)), 1);
  EXPECT_THAT(service.err(), HasSubstr("nonsense"));
}

}  // namespace
}  // namespace sluice::wire

#endif
